"""Statistics of a few seeds: mean and standard error, ranks with ties, p of a difference. `rank_groups` makes groups of
ranks from these; intervals and permutation tests are in `resampling`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MIN_SEEDS = 3
"""With fewer seeds no claim is made."""
SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Estimate:
    """A metric or cost over seeds."""

    by_seed: Mapping[int, float]
    """One value or more."""

    @property
    def n(self) -> int:
        return len(self.by_seed)

    @property
    def mean(self) -> float:
        return mean(list(self.by_seed.values()))

    @property
    def stderr(self) -> float | None:
        """Standard error of the mean over seeds; None for a single seed."""
        if self.n < 2:
            return None
        return standard_deviation(list(self.by_seed.values())) / math.sqrt(self.n)


def competition_ranks(values: Sequence[float]) -> list[int]:
    """Ranks from 1, the lowest value being the best; equal values share the better rank (1, 2, 2, 4)."""
    return [1 + sum(other < value for other in values) for value in values]


def two_sided_p(difference: float, error: float, freedom: float) -> float:
    """p of Student's t; without any spread, a difference is certain."""
    from scipy.special import stdtr

    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * stdtr(freedom, -abs(difference / error)))


def mean(values: Sequence[float]) -> float:
    count = len(values)
    return math.fsum([value / count for value in values])


def standard_deviation(values: Sequence[float]) -> float:
    """With n - 1 in the denominator. `hypot` does not overflow where squares would; equal values give exactly 0, which
    they would not with a rounded mean."""
    if len(set(values)) == 1:
        return 0.0
    centre = mean(values)
    return math.hypot(*[value - centre for value in values]) / math.sqrt(len(values) - 1)


def adjust_by_holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted so that the probability of any false alarm at a level is at most that level, whatever the
    dependence between the tests (Holm 1979, "A simple sequentially rejective multiple test procedure"), in the order
    given."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = largest
    return adjusted
