"""What can be said from a few seeds: mean and standard error, ranks with ties, the p of a difference. Groups of
ranks are made from these in `rank_groups`; intervals and permutation tests are in `resampling`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MINIMUM_SEEDS = 3
"""Fewer make no claim."""
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
        return mean(list(self.by_seed.values()))

    @property
    def stderr(self) -> float | None:
        """Standard error of the mean over seeds; None of one seed."""
        if self.n < 2:
            return None
        return standard_deviation(list(self.by_seed.values())) / math.sqrt(self.n)


def competition_ranks(values: Sequence[float]) -> list[int]:
    """Ranks from 1 of values of which the lowest is best; ties share the better rank (1, 2, 2, 4)."""
    return [1 + sum(other < value for other in values) for value in values]


def welch_p(first: Sequence[float], second: Sequence[float]) -> float:
    """Two-sided p of equal means of independent samples whose variances may differ (Welch 1947, "The generalization of
    Student's problem when several different population variances are involved"). At least two values on each side.
    """
    errors = [standard_deviation(values) / math.sqrt(len(values)) for values in (first, second)]
    error = math.hypot(*errors)
    freedom = 1.0
    if error > 0:
        parts = [(e / error) ** 4 / (len(v) - 1) for e, v in zip(errors, (first, second), strict=True)]
        freedom = 1 / sum(parts)
    return two_sided_p(mean(first) - mean(second), error, freedom)


def two_sided_p(difference: float, error: float, freedom: float) -> float:
    """Of Student's t; without spread, a difference is certain."""
    from scipy.special import stdtr

    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * stdtr(freedom, -abs(difference / error)))


def mean(values: Sequence[float]) -> float:
    return math.fsum(value / len(values) for value in values)


def standard_deviation(values: Sequence[float]) -> float:
    """With n - 1 below; `hypot` does not overflow where squares would. Equal values give exactly 0, which
    a rounded mean would not."""
    if len(set(values)) == 1:
        return 0.0
    centre = mean(values)
    return math.hypot(*(value - centre for value in values)) / math.sqrt(len(values) - 1)


def adjust_by_holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted so that any of them below a level is a false alarm with at most that probability, whatever the
    dependence between the tests (Holm 1979, "A simple sequentially rejective multiple test procedure"), in the order
    given."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = largest
    return adjusted
