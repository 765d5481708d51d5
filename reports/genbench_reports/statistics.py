"""What can be said from a few seeds: mean and standard error, ranks with ties, groups that cannot be told
apart. No claim is made from fewer than three seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genbench_reports.text import plural

MINIMUM_SEEDS = 3
SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Estimate:
    """A figure over seeds. by_seed: one value or more."""

    by_seed: Mapping[int, float]

    @property
    def n(self) -> int:
        return len(self.by_seed)

    @property
    def mean(self) -> float:
        return _mean(list(self.by_seed.values()))

    @property
    def stderr(self) -> float | None:
        """Standard error of the mean over seeds; None of one seed."""
        if self.n < 2:
            return None
        return _standard_deviation(list(self.by_seed.values())) / math.sqrt(self.n)


def competition_ranks(values: Sequence[float]) -> list[int]:
    """Ranks from 1 of values of which the lowest is best; ties share the better rank (1, 2, 2, 4)."""
    return [1 + sum(other < value for other in values) for value in values]


def p_value(first: Mapping[int, float], second: Mapping[int, float]) -> float:
    """Two-sided p of equal means, from values by seed.

    Paired t-test over the seeds both have (models of one seed share their data order), where they are three
    or more; else Welch's t-test (Welch 1947), which needs no pairs. At least two values on each side.
    """
    from scipy.special import stdtr

    common = sorted(first.keys() & second.keys())
    if len(common) >= MINIMUM_SEEDS:
        differences = [first[seed] - second[seed] for seed in common]
        difference = _mean(differences)
        error = _standard_deviation(differences) / math.sqrt(len(differences))
        freedom = len(differences) - 1.0
    else:
        one, two = list(first.values()), list(second.values())
        difference = _mean(one) - _mean(two)
        errors = [_standard_deviation(values) / math.sqrt(len(values)) for values in (one, two)]
        error = math.hypot(*errors)
        if error > 0:
            parts = [(e / error) ** 4 / (len(v) - 1) for e, v in zip(errors, (one, two), strict=True)]
            freedom = 1 / sum(parts)
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * stdtr(freedom, -abs(difference / error)))


def indistinct_groups(rows: Sequence[Mapping[int, float]]) -> list[str] | None:
    """A letter for each row, from rows ordered best first; None where one has fewer than three seeds.

    A group holds its best row and the following rows that the test cannot separate from that one, so that
    a chain of small steps does not tie the first to the last. Not corrected for the number of comparisons.
    """
    if any(len(row) < MINIMUM_SEEDS for row in rows):
        return None
    letters: list[str] = []
    leader, count = 0, 0
    for index, row in enumerate(rows):
        if index == 0 or p_value(rows[leader], row) < SIGNIFICANCE:
            leader, count = index, count + 1
        letters.append(_letters(count))
    return letters


def claim(seeds: int) -> str:
    """What a table whose rows have at least so many seeds may say of differences."""
    if seeds < MINIMUM_SEEDS:
        return (
            f"{plural(seeds, 'seed')} a row: nothing is claimed about differences between rows;"
            f" a claim takes {MINIMUM_SEEDS} or more."
        )
    return (
        "Ranks with the same letter cannot be told apart: t-test over seeds against the group's best row"
        f" (paired where {MINIMUM_SEEDS} or more seeds are common, else Welch's; two-sided, p ≥ {SIGNIFICANCE},"
        " not corrected for the number of comparisons)."
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(value / len(values) for value in values)


def _standard_deviation(values: Sequence[float]) -> float:
    """With n - 1 below; `hypot` does not overflow where squares would. Equal values give exactly 0, which
    a rounded mean would not."""
    if len(set(values)) == 1:
        return 0.0
    mean = _mean(values)
    return math.hypot(*(value - mean for value in values)) / math.sqrt(len(values) - 1)


def _letters(number: int) -> str:
    """1 -> a, 26 -> z, 27 -> aa."""
    text = ""
    while number:
        number, digit = divmod(number - 1, 26)
        text = chr(ord("a") + digit) + text
    return text
