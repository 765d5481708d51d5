"""Tests whether a difference is more than chance: by seeds where there are several, else by the standard errors that
the values came with.

There are two tests over seeds, because there are two kinds of change. A change that leaves the streams of random
numbers as they were moves every seed alike: Student's t-test on the differences by seed finds it. A change of the
streams amounts to a new run of every seed: Student's t-test with the pooled variance of both sides finds it. The
smaller p is doubled (Bonferroni), so that testing twice causes no additional false alarms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genbench_reports.format.text import plural
from genbench_reports.gate.baseline import Measured
from genbench_reports.statistics.seeds import MIN_SEEDS, mean, standard_deviation, two_sided_p

_STEP_ERROR = 1 / math.sqrt(12)
"""Standard deviation that rounding to steps of 1 causes (Sheppard's correction): values that come in steps can be equal
although they vary."""


@dataclass(frozen=True)
class Tested:
    """The outcome of a test of equal means."""

    p: float | None
    """Two-sided; None where there is nothing to test with."""
    case: str
    """Which test was made, in words."""


def judge_difference(
    baseline: Mapping[int, Measured],
    current: Mapping[int, Measured],
    *,
    step: float = 0.0,
    log: bool = False,
    run_noise: float = 0.0,
) -> Tested:
    """Test two sides by seed; each entry has a value.

    step: the smallest possible difference between two values. log: compare logarithms of positive values, for noise
    that is a factor. run_noise: standard deviation, on the scale that is compared, of what all seeds of one run share
    and other runs do not: no number of seeds averages it out.
    """
    first, second = _values(baseline, log), _values(current, log)
    found: list[tuple[float, str]] = []
    between = 2 * run_noise**2
    common = sorted(first.keys() & second.keys())
    if len(common) >= MIN_SEEDS:
        differences = [second[seed] - first[seed] for seed in common]
        variance = _deviation(differences, step * math.sqrt(2)) ** 2 / len(differences)
        p = _two_sided_p(mean(differences), variance, len(differences) - 1, between)
        found.append((p, f"paired over {plural(len(common), 'seed')}"))
    if min(len(first), len(second)) >= 2 and len(first) + len(second) >= 2 * MIN_SEEDS - 1:
        one, two = list(first.values()), list(second.values())
        freedom = len(one) + len(two) - 2
        squares = sum((len(side) - 1) * _deviation(side, step) ** 2 for side in (one, two))
        variance = squares / freedom * (1 / len(one) + 1 / len(two))
        p = _two_sided_p(mean(two) - mean(one), variance, freedom, between)
        found.append((p, f"{len(one)} against {plural(len(two), 'seed')}"))
    if found:
        p, case = min(found)
        return Tested(min(1.0, p * len(found)), case)
    return _own_errors(baseline, current)


def _values(measured: Mapping[int, Measured], log: bool) -> dict[int, float]:
    values = {seed: each.value for seed, each in measured.items() if each.value is not None}
    if log:
        return {seed: math.log(value) for seed, value in values.items() if value > 0}
    return values


def _deviation(values: Sequence[float], step: float) -> float:
    """Standard deviation with n - 1 in the denominator; at least that of rounding to steps."""
    return max(step * _STEP_ERROR, standard_deviation(values))


def _two_sided_p(difference: float, variance: float, freedom: float, known: float) -> float:
    """variance: estimated, with `freedom` degrees of freedom. known: a further variance that is not estimated, so that
    the sum has more degrees of freedom than the estimate alone (Satterthwaite 1946)."""
    ratio = known / variance if variance > 0 else math.inf
    return two_sided_p(difference, math.sqrt(variance + known), freedom * (1 + ratio) ** 2)


def _own_errors(baseline: Mapping[int, Measured], current: Mapping[int, Measured]) -> Tested:
    """A z-test by the standard errors that the values came with, which do not cover the variation between seeds."""
    from scipy.special import ndtr

    sides = []
    for side in (baseline, current):
        errors = [each.stderr for each in side.values()]
        if not errors or any(error is None for error in errors):
            return Tested(None, "too few seeds, and no standard error")
        sides.append(math.hypot(*(error for error in errors if error is not None)) / len(errors))
    error = math.hypot(*sides)
    before, now = (mean(list(_values(side, log=False).values())) for side in (baseline, current))
    if error == 0:
        return Tested(None, "too few seeds, and no standard error")
    return Tested(float(2 * ndtr(-abs(now - before) / error)), "own standard errors")
