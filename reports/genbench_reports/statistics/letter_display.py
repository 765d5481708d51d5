"""A compact letter display: two rows share a letter exactly when no test tells them apart.

The letters are found by insertion and absorption (Piepho 2004, "An algorithm for a letter-based representation of
all-pairwise comparisons", Journal of Computational and Graphical Statistics 13). Unlike groups of neighbours in rank
order they say nothing that the pairwise tests do not say, also where the spreads of the rows differ, so that the first
and the third row may be alike though the second differs from both.
"""

from __future__ import annotations

from collections.abc import Collection

Pair = tuple[int, int]


def letter_display(count: int, different: Collection[Pair]) -> list[str]:
    """The letters of rows 0 to count - 1, best first: "a", "ab", "b".

    different: pairs (i, j) of rows that a test tells apart, in either order. Letters are given in the order in which
    the rows first need them; past "z" come "aa", "ab", each followed by a dot so that letters stay apart.
    """
    groups = _groups(count, {(min(pair), max(pair)) for pair in different})
    names = [letters_of(number) + ("." if number > 26 else "") for number in range(1, len(groups) + 1)]
    return [
        "".join(name for name, members in zip(names, groups, strict=True) if row in members)
        for row in range(count)
    ]


def letters_of(number: int) -> str:
    """Name of a group: 1 -> a, 26 -> z, 27 -> aa."""
    text = ""
    while number:
        number, digit = divmod(number - 1, 26)
        text = chr(ord("a") + digit) + text
    return text


def share_a_letter(first: str, second: str) -> bool:
    """Whether two entries of a letter display have a letter in common."""
    return bool(_split(first) & _split(second))


def _groups(count: int, different: Collection[Pair]) -> list[frozenset[int]]:
    """The groups behind the letters, in the order of their rows: every pair that is not different is in one of them,
    and no pair that is different is in any."""
    groups = [frozenset(range(count))] if count else []
    for first, second in sorted(different):
        inserted: list[frozenset[int]] = []
        for group in groups:
            if first in group and second in group:
                inserted += [group - {first}, group - {second}]
            else:
                inserted.append(group)
        groups = _absorbed(inserted)
    return sorted(_without_redundant(groups), key=sorted)


def _absorbed(groups: Collection[frozenset[int]]) -> list[frozenset[int]]:
    """Without groups that lie inside another one."""
    distinct = set(groups)
    return [group for group in distinct if not any(group < other for other in distinct)]


def _without_redundant(groups: Collection[frozenset[int]]) -> list[frozenset[int]]:
    """Without groups all of whose pairs (and lone rows) are in other groups too: fewer letters that say the same."""
    kept = sorted(groups, key=lambda group: (len(group), sorted(group)))
    for group in list(kept):
        others = [other for other in kept if other is not group]
        pairs = [frozenset((a, b)) for a in group for b in group]
        if all(any(pair <= other for other in others) for pair in pairs):
            kept = others
    return kept


def _split(letters: str) -> set[str]:
    """The single letters of an entry: "ab" -> a, b; "yaa.ab." -> y, aa, ab."""
    found: set[str] = set()
    rest = letters
    while rest:
        head, dot, tail = rest.partition(".")
        if not dot:
            return found | set(head)
        found |= set(head[:-2]) | {head[-2:]}
        rest = tail
    return found
