"""How examples are shared out to train, valid and test. No random numbers are used: those of a library may change."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Shaped

from genbench.errors import DataError

MIN_EXAMPLES = 10
"""The least number of examples that can be shared out 60/20/20: each split then has two."""
MIN_EXAMPLES_IN_ORDER = 20
"""The least number of examples that can be cut 80/10/10."""
MIN_EXAMPLES_PER_CLASS = 3
MIN_EXAMPLES_PER_SPLIT = 2
PARTS = ("train", "valid", "test")

Indices = Int[np.ndarray, " _"]


@dataclass(frozen=True)
class Parts:
    """Which examples are in which split."""

    train: Indices
    """Indices of the examples to train on."""
    valid: Indices
    """Indices of the examples to validate on."""
    test: Indices
    """Indices of the examples to test on."""
    words: str
    """How they were chosen, for the data set's card."""

    def __post_init__(self) -> None:
        for name in PARTS:
            count = len(getattr(self, name))
            if count < MIN_EXAMPLES_PER_SPLIT:
                raise DataError(
                    f"{count} example{'s' * (count != 1)} in the {name} split; it needs {MIN_EXAMPLES_PER_SPLIT}"
                )


def by_content(
    x: Shaped[np.ndarray, "count ..."],
    y: Int[np.ndarray, " count"] | None = None,
    classes: Sequence[str] = (),
    *,
    together: bool = True,
) -> Parts:
    """60/20/20 by the SHA-256 of each example, so that the order of the file does not matter.

    y: (N,) class numbers; each class is shared out by itself. together: equal examples go to the same split, as
    befits images and texts, where a copy in another split is a leak. Rows of a table may be equal because the
    distribution has atoms: these are distinguished by how many equal ones precede them. Raises DataError where
    there are too few examples, or too few of a class.
    """
    _need_examples(len(x))
    fifth = _fifths(_digests(x, together), y, classes)
    words = "60/20/20 by the SHA-256 of each example's values, the first to test, the next to valid"
    words += ", each class by itself" if y is not None else ""
    words += "; equal examples share a split" if together else "; equal rows may be in several splits"
    return Parts(np.flatnonzero(fifth >= 2), np.flatnonzero(fifth == 1), np.flatnonzero(fifth == 0), words)


def in_order(count: int) -> Parts:
    """80/10/10 in the order of the file, for data that are one sequence. Raises DataError."""
    _need_examples(count, MIN_EXAMPLES_IN_ORDER)
    train, valid, test = np.split(np.arange(count), (count * 8 // 10, count * 9 // 10))
    return Parts(train, valid, test, "the first 80 % to train, the next 10 % to valid, the last to test")


def by_piece(pieces: Sequence[Shaped[np.ndarray, "..."]], counts: Sequence[int]) -> Parts:
    """60/20/20 of the pieces by their SHA-256, equal ones together. counts: of the examples that each piece gives,
    which all share its split. Raises DataError."""
    fewest = 5
    digests = np.array([hashlib.sha256(piece.tobytes()).digest() for piece in pieces], dtype="S32")
    if (different := len(np.unique(digests))) < fewest:
        raise DataError(
            f"{different} different piece{'s' * (different != 1)} long enough; no piece is in two splits, so"
            f" {fewest} are needed"
        )
    fifth = np.repeat(_fifths(digests, None, ()), counts)
    words = "60/20/20 of the pieces by their SHA-256; no piece is in two splits"
    return Parts(np.flatnonzero(fifth >= 2), np.flatnonzero(fifth == 1), np.flatnonzero(fifth == 0), words)


def as_published(
    x: Shaped[np.ndarray, "count ..."],
    published: Mapping[str, Indices],
    *,
    ordered: bool = False,
    together: bool = True,
) -> Parts:
    """The splits that the data came with: "train", and "valid" or "test" or both. What is missing is taken from
    train: a fifth by content (together: as in `by_content`), or, of what is `ordered`, the last tenth. Raises
    DataError."""
    parts = dict(published)
    words = ", ".join(name for name in PARTS if name in parts) + " as published"
    for name in PARTS:
        if name not in parts:
            train = parts["train"]
            if ordered:
                taken = np.arange(len(train)) >= len(train) * 9 // 10
                words += f"; {name} is the last tenth of train"
            else:
                taken = _fifths(_digests(x[train], together), None, ()) == 0
                words += f"; {name} is a fifth of train, by the SHA-256 of each example's values"
            parts["train"], parts[name] = train[~taken], train[taken]
    return Parts(parts["train"], parts["valid"], parts["test"], words)


def _need_examples(count: int, fewest: int = MIN_EXAMPLES) -> None:
    if count < fewest:
        raise DataError(f"{count} example{'s' * (count != 1)}; {fewest} are needed, to have splits of them")


def _digests(x: Shaped[np.ndarray, "count ..."], together: bool) -> Shaped[np.ndarray, " count"]:
    content = np.ascontiguousarray(x).reshape(-1).view(np.uint8).data
    size = len(content) // len(x)
    digests = [hashlib.sha256(content[at : at + size]).digest() for at in range(0, len(content), size)]
    if not together:
        seen: dict[bytes, int] = {}
        for index, digest in enumerate(digests):
            before = seen[digest] = seen.get(digest, -1) + 1
            if before:
                digests[index] = hashlib.sha256(digest + str(before).encode()).digest()
    return np.array(digests, dtype="S32")


def _fifths(
    digests: Shaped[np.ndarray, " count"], y: Int[np.ndarray, " count"] | None, classes: Sequence[str]
) -> Int[np.ndarray, " count"]:
    """(N,) 0..4: the fifth of its class, in the order of digests, that each example belongs to."""
    different, first, group = np.unique(digests, return_index=True, return_inverse=True)
    if len(different) < MIN_EXAMPLES // 2:
        raise DataError(
            f"{len(different)} different example{'s' * (len(different) != 1)}; {MIN_EXAMPLES // 2} are needed"
        )
    # equal examples of two classes go with the first of them
    label = np.zeros(len(different), np.int64) if y is None else y[first]
    order = np.lexsort((np.arange(len(different)), label))
    counts = np.bincount(label, minlength=len(classes))
    if y is not None and (rare := np.flatnonzero(counts < MIN_EXAMPLES_PER_CLASS)).size:
        many = f" (and {rare.size - 1} more such)" if rare.size > 1 else ""
        count = int(counts[rare[0]])
        raise DataError(
            f"class {classes[rare[0]]!r} has {count} example{'s' * (count != 1)}{many}; a class needs"
            f" {MIN_EXAMPLES_PER_CLASS} different ones, one for each split"
        )
    begins = np.cumsum(counts) - counts
    rank = np.empty(len(different), np.int64)
    rank[order] = np.arange(len(different)) - begins[label[order]]
    fifths: Int[np.ndarray, " count"] = (rank * 5 // counts[label])[group]
    return fifths
