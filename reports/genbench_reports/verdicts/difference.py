"""Is one set of seeds better than another, and how many seeds would tell?

Values that are positive and have 0 as their best (distances, divergences) are compared by their logarithms, so that a
difference is a ratio, and a board of large values weighs no more than one of small ones. Seeds that both sides have are
paired: equal seeds share the order of the data. The tests are Student's, of pairs or of two samples (Welch's where the
spreads differ).

The number of seeds that would decide is that with which a difference as large as the observed one, with the observed
spread, is found with a probability of 80 % (noncentral t distribution). The observed difference is itself uncertain,
and so is that number.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from genbench_reports.statistics.seeds import SIGNIFICANCE, mean, standard_deviation, two_sided_p

Outcome = Literal["better", "worse", "undecided", "equal"]
POWER = 0.8
"""The probability with which the recommended number of seeds finds the difference."""
MAX_SEEDS = 1000
"""More seeds than that are not recommended."""


@dataclass(frozen=True)
class Spread:
    """How much a value varies between seeds, measured on other runs."""

    deviation: float
    """Standard deviation, on the scale that values are compared on."""
    freedom: float
    """Degrees of freedom that it was estimated with."""


@dataclass(frozen=True)
class Difference:
    """B less A, signed so that more is better for B, on the scale of the comparison."""

    value: float
    """The mean difference."""
    stderr: float | None
    """Its standard error; None where nothing tells how much seeds vary."""
    p: float | None
    """Two-sided p-value; None where there is no error."""
    is_paired: bool
    """Whether seeds are paired."""
    deviation: float | None
    """Standard deviation of one pair, or of one seed of one side; None where it is not known."""
    seeds_to_decide: int | None
    """How many seeds on each side would find a difference of this size; None where that is not known, or more than
    `MAX_SEEDS`."""


def compared_by_logarithm(*sides: Mapping[int, float], minimum: float | None, is_logarithmic: bool) -> bool:
    """Whether values are compared as ratios. minimum: of the metric, from its card."""
    values = [value for side in sides for value in side.values()]
    return not is_logarithmic and minimum == 0 and all(value > 0 for value in values)


def difference_of(
    a: Mapping[int, float], b: Mapping[int, float], *, sign: float, spread: Spread | None = None
) -> Difference:
    """From values by seed, on the scale of the comparison, one or more on each side.

    sign: 1 where more is better, -1 where less is. spread: used where the seeds of the sides do not tell it.
    """
    shared = sorted(a.keys() & b.keys())
    if len(shared) > 1:
        pairs = [sign * (b[seed] - a[seed]) for seed in shared]
        deviation = standard_deviation(pairs)
        return _judged(
            mean(pairs), deviation / math.sqrt(len(pairs)), len(pairs) - 1, deviation, is_paired=True
        )
    ours, theirs = list(b.values()), list(a.values())
    apart = sign * (mean(ours) - mean(theirs))
    if min(len(ours), len(theirs)) > 1:
        variances = [standard_deviation(side) ** 2 / len(side) for side in (ours, theirs)]
        error = math.sqrt(sum(variances))
        parts = [part**2 / (len(side) - 1) for part, side in zip(variances, (ours, theirs), strict=True)]
        freedom = sum(variances) ** 2 / sum(parts) if sum(parts) > 0 else len(ours) + len(theirs) - 2
        deviation = math.sqrt((standard_deviation(ours) ** 2 + standard_deviation(theirs) ** 2) / 2)
        return _judged(apart, error, freedom, deviation, is_paired=False)
    if spread is None:
        return Difference(apart, None, None, False, None, None)
    error = spread.deviation * math.sqrt(1 / len(ours) + 1 / len(theirs))
    return _judged(apart, error, spread.freedom, spread.deviation, is_paired=False)


def outcome_of(difference: Difference, p: float | None) -> Outcome:
    """p: the p-value, adjusted for the number of boards where there are several."""
    if difference.value == 0 and difference.stderr == 0:
        return "equal"
    if p is None or p >= SIGNIFICANCE:
        return "undecided"
    return "better" if difference.value > 0 else "worse"


def _judged(value: float, error: float, freedom: float, deviation: float, *, is_paired: bool) -> Difference:
    p = two_sided_p(value, error, freedom)
    seeds = seeds_to_decide(abs(value), deviation, is_paired=is_paired)
    return Difference(value, error, p, is_paired, deviation, seeds)


def seeds_to_decide(size: float, deviation: float, *, is_paired: bool) -> int | None:
    """The fewest seeds on each side that find a difference of that size with probability `POWER`.

    deviation: of a pair's difference, or of one seed of one side. None where more than `MAX_SEEDS` are needed.
    """
    if size == 0:
        return None

    def is_enough(seeds: int) -> bool:
        return power_of(size, deviation, seeds, is_paired=is_paired) >= POWER

    # power grows with the number of seeds; far above the answer, scipy's noncentral t loses its digits
    high = 2
    while not is_enough(high):
        if high >= MAX_SEEDS:
            return None
        high = min(2 * high, MAX_SEEDS)
    candidates = range(max(2, high // 2), high + 1)
    return candidates[bisect.bisect_left(candidates, True, key=is_enough)]


def power_of(size: float, deviation: float, seeds: int, *, is_paired: bool) -> float:
    """The probability that the two-sided t-test at 5 % finds a difference of that size with so many seeds a side."""
    if deviation == 0:
        return 1.0 if size > 0 else SIGNIFICANCE
    from scipy import stats

    freedom = seeds - 1 if is_paired else 2 * seeds - 2
    shift = size / deviation * math.sqrt(seeds if is_paired else seeds / 2)
    critical = stats.t.isf(SIGNIFICANCE / 2, freedom)
    return float(stats.nct.sf(critical, freedom, shift) + stats.nct.cdf(-critical, freedom, shift))
