"""Is a difference more than chance? From the seeds where there are several, else from the figures' own errors.

Two tests look at the seeds, because two kinds of change look different. A change that leaves the streams of random
numbers as they were moves every seed alike: Student's t-test on the differences by seed. One that does not makes
new runs of every seed: Student's t-test with the variance of both sides together, which is what they have where
nothing changed. The smaller p is doubled (Bonferroni), so that looking twice costs no false alarms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genbench_reports.format.text import plural
from genbench_reports.gate.baseline import Measured
from genbench_reports.statistics.seeds import MINIMUM_SEEDS, mean, standard_deviation, two_sided_p

_STEP_ERROR = 1 / math.sqrt(12)
"""Standard deviation of a figure that is rounded to steps of 1 (Sheppard's correction): equal values of a figure that
comes in steps are no proof that it has no spread."""


@dataclass(frozen=True)
class Tested:
    """p: two-sided, of equal means; None where there is nothing to judge by. case: which test, in words."""

    p: float | None
    case: str


def judge_difference(
    baseline: Mapping[int, Measured],
    current: Mapping[int, Measured],
    *,
    step: float = 0.0,
    log: bool = False,
    run_noise: float = 0.0,
) -> Tested:
    """Of figures by seed, all with a value. step: the smallest difference that the figure can have. log: compare the
    logarithms of positive figures, whose noise is a factor. run_noise: standard deviation of what all seeds of a run
    have in common, and another run has not, on the same scale: no number of seeds averages it away."""
    first, second = _values(baseline, log), _values(current, log)
    found: list[tuple[float, str]] = []
    between = 2 * run_noise**2
    common = sorted(first.keys() & second.keys())
    if len(common) >= MINIMUM_SEEDS:
        differences = [second[seed] - first[seed] for seed in common]
        variance = _deviation(differences, step * math.sqrt(2)) ** 2 / len(differences)
        p = _two_sided_p(mean(differences), variance, len(differences) - 1, between)
        found.append((p, f"paired over {plural(len(common), 'seed')}"))
    if min(len(first), len(second)) >= 2 and len(first) + len(second) >= 2 * MINIMUM_SEEDS - 1:
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


def _values(figures: Mapping[int, Measured], log: bool) -> dict[int, float]:
    values = {seed: figure.value for seed, figure in figures.items() if figure.value is not None}
    if log:
        return {seed: math.log(value) for seed, value in values.items() if value > 0}
    return values


def _deviation(values: Sequence[float], step: float) -> float:
    """With n - 1 below, and no less than the step's own."""
    return max(step * _STEP_ERROR, standard_deviation(values))


def _two_sided_p(difference: float, variance: float, freedom: float, known: float) -> float:
    """variance: estimated, with so many degrees of freedom. known: one that is not estimated and has no end of them,
    so that their sum has more than the estimate (Satterthwaite 1946)."""
    ratio = known / variance if variance > 0 else math.inf
    return two_sided_p(difference, math.sqrt(variance + known), freedom * (1 + ratio) ** 2)


def _own_errors(baseline: Mapping[int, Measured], current: Mapping[int, Measured]) -> Tested:
    """z from the standard errors that the figures came with: they know nothing of what another seed would give."""
    from scipy.special import ndtr

    sides = []
    for side in (baseline, current):
        errors = [figure.stderr for figure in side.values()]
        if not errors or any(error is None for error in errors):
            return Tested(None, "too few seeds, and no standard error")
        sides.append(math.hypot(*(error for error in errors if error is not None)) / len(errors))
    error = math.hypot(*sides)
    before, now = (mean(list(_values(side, log=False).values())) for side in (baseline, current))
    if error == 0:
        return Tested(None, "too few seeds, and no standard error")
    return Tested(float(2 * ndtr(-abs(now - before) / error)), "own standard errors")
