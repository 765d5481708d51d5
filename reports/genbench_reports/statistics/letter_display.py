"""A compact letter display: two rows share a letter exactly when no test tells them apart.

The letters are those of insertion and absorption (Piepho 2004, "An algorithm for a letter-based representation of
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
    entries = [""] * count
    for name, members in zip(names, groups, strict=True):
        for row in members:
            entries[row] += name
    return entries


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


def _groups(count: int, different: Collection[Pair]) -> list[list[int]]:
    """The groups behind the letters, in the order of their rows: every pair that is not different is in one of them,
    and no pair that is different is in any.

    They are the largest sets of rows in which no two are different, found by adding one row after another. A set is a
    number here, of whose bits each stands for a row.
    """
    alike = [(1 << row) - 1 for row in range(count)]  # the earlier rows that a row is not different from
    for first, second in different:
        alike[second] &= ~(1 << first)
    groups: set[int] = set()
    for row in range(count):
        joined = {group & alike[row] | 1 << row for group in groups} or {1 << row}
        groups = {group for group in groups if group & ~alike[row]}
        groups |= _largest(joined)
    members = [[row for row in range(count) if group >> row & 1] for group in groups]
    return sorted(_without_redundant(count, members))


def _largest(groups: set[int]) -> set[int]:
    """Those that no other one contains. Where rows are told apart by their distance, each contains the next smaller
    one, and one comparison each is enough."""
    kept: list[int] = []
    for group in sorted(groups, key=int.bit_count, reverse=True):
        if all(group & ~other for other in kept):
            kept.append(group)
    return set(kept)


def _without_redundant(count: int, groups: list[list[int]]) -> list[list[int]]:
    """Without groups all of whose pairs (and lone rows) are in other groups too: fewer letters that say the same."""
    import numpy as np

    covered = np.zeros((count, count), dtype=np.int32)  # in how many groups a pair is
    for group in groups:
        covered[np.ix_(group, group)] += 1
    kept = []
    for group in sorted(groups, key=lambda group: (len(group), group)):
        pairs = np.ix_(group, group)
        if (covered[pairs] > 1).all():
            covered[pairs] -= 1
        else:
            kept.append(group)
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
