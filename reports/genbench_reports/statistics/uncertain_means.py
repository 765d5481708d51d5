"""Means whose error has two parts: what a few seeds show, and what is known beforehand, such as that of the test set.

The part of the seeds is estimated from n values, and is uncertain itself: n - 1 degrees of freedom. The other part is
shared by all seeds, so that no number of seeds averages it away. Two means are compared by a t-test after Cochran and
Cox (1950), which without a known part is Welch's.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

from genbench_reports.statistics.seeds import adjust_by_holm, mean, standard_deviation

Pair = tuple[int, int]
_MIN_LOG_P, _LOG_P_TOLERANCE = -600.0, 1e-11
"""The logarithm of the smallest p that is told from 0, and how closely it is searched for. The tolerance is above the
spacing of floating-point numbers of that size."""
_MAX_STEPS, _STEPS_PER_HALVING, _MIN_WEIGHT = 200, 4, 1e-300
"""How many steps that search takes at most, and after how many one halves its interval, whatever the values say."""
_SAME_SAMPLES = 0.01
"""Seeds whose values spread by less than this share of their standard errors have drawn the same samples, as held-out
data do where there are no more of them. The error of those samples is then in no spread."""
STANDARD_ERRORS = 2.0
"""Two values differ by more than chance if they are farther apart than this many standard errors of their
difference."""


@dataclass(frozen=True)
class UncertainMean:
    """A mean with the parts of its standard error."""

    value: float
    """The mean."""
    seeds_stderr: float = 0.0
    """The part that is estimated from the spread over seeds; 0 where there is one seed."""
    freedom: float = math.inf
    """Degrees of freedom of `seeds_stderr`: the number of seeds less one."""
    known_stderr: float = 0.0
    """The part that does not come from seeds."""
    is_known: bool = True
    """False where there is one seed and its value has no standard error: nothing is known of its error."""

    @property
    def stderr(self) -> float:
        """Both parts together."""
        return math.hypot(self.seeds_stderr, self.known_stderr)


def uncertain_mean(
    by_seed: Mapping[int, float],
    stderrs: Mapping[int, float | None],
    test_stderrs: Mapping[int, float | None],
) -> UncertainMean:
    """The mean over seeds, one or more.

    stderrs: the whole standard error of each seed's value, None where it is not known. test_stderrs: the part of it
    that comes from the test set. With one seed the error is that of its value. With more, it is the spread over seeds,
    which includes what the samples of each add, and the part of the test set, which all seeds share. Where all seeds
    have one value, as those of a model without randomness, it is the error of that value.
    """
    values = list(by_seed.values())
    if len(values) == 1:
        (seed,) = by_seed
        stderr = stderrs.get(seed)
        return UncertainMean(values[0], known_stderr=stderr or 0.0, is_known=stderr is not None)
    spread = standard_deviation(values)
    known = _root_mean_square(by_seed, test_stderrs)
    whole = _root_mean_square(by_seed, stderrs)
    if spread <= _SAME_SAMPLES * whole:
        known = max(known, whole)
    return UncertainMean(mean(values), spread / math.sqrt(len(values)), len(values) - 1.0, known)


def _root_mean_square(seeds: Iterable[int], errors: Mapping[int, float | None]) -> float:
    """Over the seeds whose error is known; 0 where there are none."""
    known = [error * error for seed in seeds if (error := errors.get(seed)) is not None]
    return math.sqrt(mean(known)) if known else 0.0


def adjusted_p(means: Sequence[UncertainMean]) -> Mapping[Pair, float]:
    """p of every pair (i, j), i < j, after Holm's correction for all pairs."""
    return _adjusted_p(tuple(means))


@lru_cache(maxsize=64)  # ranks and statistics compare the same rows
def _adjusted_p(means: tuple[UncertainMean, ...]) -> Mapping[Pair, float]:
    pairs = list(combinations(range(len(means)), 2))
    return dict(zip(pairs, adjust_by_holm(_raw_p(means, pairs)), strict=True))


def difference_p(first: UncertainMean, second: UncertainMean) -> float:
    """Two-sided p of equal means. 1 where nothing is known of an error.

    The errors are taken as independent, which is on the safe side for the part of the test set that two rows share.
    """
    return _raw_p([first, second], [(0, 1)])[0]


def _raw_p(means: Sequence[UncertainMean], pairs: Sequence[Pair]) -> list[float]:
    """p of each pair without correction: the p at which the difference, in standard errors, equals the critical value.

    That is the mean of Student's (for the part of the seeds, with Welch's degrees of freedom) and of the normal
    distribution's (for the known part), weighted by the variances (Cochran and Cox 1950, "Experimental designs",
    section 4.14). Degrees of freedom for both parts together would be too many where the seeds happen to agree: five
    equal rows were told apart in 18 % of boards with two seeds, and in 9 % with three.
    """
    import numpy as np

    if not pairs:
        return []
    first, second = (np.array([pair[side] for pair in pairs]) for side in (0, 1))
    value, known = np.array([each.value for each in means]), np.array([each.known_stderr for each in means])
    seeds = np.array([each.seeds_stderr for each in means])
    freedom = np.array([each.freedom for each in means])
    is_known = np.array([each.is_known for each in means])
    scale = max(float(seeds.max()), float(known.max())) or 1.0  # squares of very small errors would vanish
    parts = [(seeds[side] / scale) ** 2 for side in (first, second)]
    of_seeds, of_known = parts[0] + parts[1], (known[first] / scale) ** 2 + (known[second] / scale) ** 2
    error = np.sqrt(of_seeds + of_known)
    difference = np.abs(value[first] - value[second]) / scale
    with np.errstate(divide="ignore", invalid="ignore"):
        welch = 1 / sum(
            (part / of_seeds) ** 2 / freedom[side] for part, side in zip(parts, (first, second), strict=True)
        )
        welch = np.where(of_seeds > 0, welch, 1.0)
        weight = np.where(error > 0, of_seeds / error**2, 0.0)
        score = np.where(error > 0, difference / error, np.where(difference > 0, np.inf, 0.0))
    p = np.where(score == 0, 1.0, 0.0)
    asked = np.flatnonzero((score > 0) & np.isfinite(score) & is_known[first] & is_known[second])
    p[asked] = np.exp(_log_p(score[asked], weight[asked], welch[asked]))
    found: list[float] = np.where(is_known[first] & is_known[second], p, 1.0).tolist()
    return found


def _log_p(score: Any, weight: Any, freedom: Any) -> Any:
    """The logarithm of the p at which the critical value equals the score, by the Illinois method (Dowell and Jarratt
    1971, "A modified regula falsi method for computing the root of an equation").

    The critical value is a mean of Student's and the normal one, of which Student's is larger. So p lies below that of
    Student's distribution, and above the p at which either part alone would make up the score.
    """
    import numpy as np
    from scipy.special import log_ndtr, ndtri, stdtr, stdtrit

    with np.errstate(divide="ignore"):
        of_student = np.log(2 * stdtr(freedom, -score / np.maximum(weight, _MIN_WEIGHT)))
        of_normal = np.log(2) + log_ndtr(-score / np.where(weight < 1, 1 - weight, 1.0))
        low = np.maximum(
            np.maximum(of_student, np.maximum(of_normal, np.log(2) + log_ndtr(-score))), _MIN_LOG_P
        )
        high = np.maximum(np.log(2 * stdtr(freedom, -score)), low)
    found = np.where(weight == 0, np.maximum(np.log(2) + log_ndtr(-score), _MIN_LOG_P), high)

    def excess(log_p: Any, rest: Any) -> Any:
        tail, share = np.exp(log_p) / 2, weight[rest]
        return share * -stdtrit(freedom[rest], tail) + (1 - share) * -ndtri(tail) - score[rest]

    rest = np.flatnonzero((weight > 0) & (weight < 1) & (high - low > _LOG_P_TOLERANCE))
    low, high = low[rest], high[rest]
    at_low, at_high = excess(low, rest), excess(high, rest)
    last = np.full(len(rest), np.nan)
    for step in range(_MAX_STEPS):
        if not len(rest):
            break
        slope = at_low - at_high
        with np.errstate(divide="ignore", invalid="ignore"):
            middle = (low * -at_high + high * at_low) / slope
        is_inside = (middle > low) & (middle < high) & (step % _STEPS_PER_HALVING != _STEPS_PER_HALVING - 1)
        middle = np.where(is_inside, middle, (low + high) / 2)
        here = excess(middle, rest)
        found[rest] = middle
        is_above = here > 0
        # the end that stays twice counts half
        at_high = np.where(is_above, np.where(last == 1, at_high / 2, at_high), here)
        at_low = np.where(is_above, here, np.where(last == 0, at_low / 2, at_low))
        moved = np.where(is_above, middle - low, high - middle)
        low, high = np.where(is_above, middle, low), np.where(is_above, high, middle)
        last = np.where(is_above, 1.0, 0.0)
        going_on = (high - low > _LOG_P_TOLERANCE) & (moved > _LOG_P_TOLERANCE) & (here != 0)
        rest, low, high, last = rest[going_on], low[going_on], high[going_on], last[going_on]
        at_low, at_high = at_low[going_on], at_high[going_on]
    return found


def rank_intervals(values: Sequence[float], different: Collection[Pair]) -> list[tuple[int, int]]:
    """The ranks that each row may have, from the best to the worst, less being better.

    different: the pairs that a corrected test tells apart. A row can be no better than one place behind the rows that
    are surely better, and no worse than one place ahead of those that are surely worse. All intervals hold together
    with the confidence of the corrected tests (Klein, Wright and Wieczorek 2020, "A joint confidence region for an
    overall ranking of populations", theorem 1).
    """
    count = len(values)
    better, worse = [0] * count, [0] * count
    for i, j in different:
        first, second = (i, j) if values[i] < values[j] else (j, i)
        worse[first] += 1
        better[second] += 1
    return [(1 + better[row], count - worse[row]) for row in range(count)]


def exceeds(first: UncertainMean, second: UncertainMean, errors: float = STANDARD_ERRORS) -> bool:
    """Whether the first mean is larger by more than that many standard errors of the difference."""
    return first.value - second.value > errors * math.hypot(first.stderr, second.stderr)
