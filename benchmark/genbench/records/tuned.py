"""What is known of a search for hyperparameters: with the winner's results it is the tuned track of a leaderboard."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from genbench.api.cards import Better
from genbench.records.result import Cost, Result, Tuned, TuningCost


def search_cost(results: Sequence[Result]) -> TuningCost:
    """What the trainings of a search cost together. One that broke off counts with what its last checkpoint records,
    and not at all if it had come to none."""
    costs = [_training_cost(result) for result in results]
    return TuningCost(
        trainings=len(costs),
        cpu_seconds=math.fsum(cost.train_cpu_seconds or 0.0 for cost in costs),
        seconds=math.fsum(cost.train_seconds or 0.0 for cost in costs),
        steps=sum(cost.steps or 0 for cost in costs),
        flops=math.fsum(cost.flops or 0.0 for cost in costs),
    )


def _training_cost(result: Result) -> Cost:
    if result.cost.train_seconds is not None or not result.curve:
        return result.cost
    last = result.curve[-1]
    return Cost(
        train_seconds=last.seconds, train_cpu_seconds=last.cpu_seconds, steps=last.steps, flops=last.flops
    )


def best_so_far(values: Sequence[float | None], better: Better) -> list[float | None]:
    """The best value among the first 1, 2, ... trials, in the order in which they were drawn; None before the first
    that has one."""
    best: float | None = None
    found: list[float | None] = []
    for value in values:
        if value is not None and (best is None or _is_better(value, best, better)):
            best = value
        found.append(best)
    return found


def expected_best(values: Sequence[float | None], better: Better) -> list[float | None]:
    """The expected best value among n trials, for n = 1, 2, ...: the mean over all n-element subsets of the trials.

    In a random search trials are exchangeable, so that the order in which they happened to be drawn says nothing. With
    the N values in order from the best, x_1, ..., x_N, the best of a subset of n is x_i in C(N - i, n - 1) of the
    C(N, n) subsets. This is the unbiased form, without replacement, of the estimate of Dodge et al. (2019, "Show Your
    Work", equation 1), which draws with replacement and is too low for n near N (Tang et al. 2020, "Showing Your Work
    Doesn't Always Work"). A trial without a value (None) is the worst; an expectation that such a trial can decide has
    no value.
    """
    sign = -1.0 if better == "higher" else 1.0
    ordered = sorted(sign * value for value in values if value is not None)
    total, failed = len(values), len(values) - len(ordered)
    found: list[float | None] = []
    for count in range(1, total + 1):
        if count <= failed:
            found.append(None)
            continue
        subsets = math.comb(total, count)
        terms = (
            value * (math.comb(total - place, count - 1) / subsets)
            for place, value in enumerate(ordered, start=1)
        )
        found.append(sign * math.fsum(terms))
    return found


def best_by_trials(tuned: Tuned) -> list[float | None]:
    """The curve of a search: the best validation value that n trials find, for n = 1, 2, ...; the median over studies
    where there are several.

    For a random search this is the expected best value. For another it is the best so far, because its trials depend on
    the earlier ones. Ends with the shortest study.
    """
    curve = expected_best if tuned.sampler == "random" else best_so_far
    curves = [curve(values, tuned.better) for values in tuned.values]
    return [_median(column, tuned.better) for column in zip(*curves, strict=False)]


def _median(values: Sequence[float | None], better: Better) -> float | None:
    """A study without a value is the worst; the median is a mean of two only where both have values."""
    worst = math.inf if better != "higher" else -math.inf
    median = statistics.median(worst if value is None else value for value in values)
    return median if math.isfinite(median) else None


def _is_better(value: float, other: float, better: Better) -> bool:
    return value > other if better == "higher" else value < other


def tuned_of(tuned: Sequence[Tuned], variant: str, dataset: str) -> Tuned | None:
    """The search that found a variant for a data set; None where it is no winner of one."""
    return next((each for each in tuned if (each.variant, each.dataset) == (variant, dataset)), None)
