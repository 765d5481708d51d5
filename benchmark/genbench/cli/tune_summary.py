"""What `genai-bench tune` says: what a search will cost, how far it is, what it found."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from genbench.api.budget import Budget
from genbench.records.result import Tuned, TuningCost
from genbench.records.run_folder import Run
from genbench.records.tuned import best_by_trials
from genbench.tuning.halving import expected_trainings
from genbench.tuning.settings import StudySettings
from genbench.tuning.study import Study

MARKED_TRIALS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Numbers of trials at which the curve of a search is told."""


def announce(settings: StudySettings, trials: int, searches: int, workers: int, folder: Path) -> list[str]:
    """What will be trained."""
    counts = expected_trainings(trials, settings.shares, settings.reduction)
    rungs = ", ".join(
        f"{count} with {budget}" for count, budget in zip(counts, settings.budgets, strict=True)
    )
    studies = settings.studies * searches
    many = "one search" if studies == 1 else f"{studies} searches"
    whole = sum(count * share for count, share in zip(counts, settings.shares, strict=True))
    return [
        f"{many} of {trials} trials ({settings.sampler}), into {folder}, with up to {workers} at once",
        f"each trains about {rungs}: the cost of {whole:.3g} trainings of {Budget.parse(settings.budget)}",
    ]


def so_far(studies: Sequence[Study]) -> str:
    """How far the searches are, in one line."""
    drawn = sum(len(study.trials) for study in studies)
    trainings = sum(len(study.results) for study in studies)
    failed = sum(value is None for study in studies for value in study.values)
    but = f", {failed} failed" if failed else ""
    best = ""
    if len(studies) == 1 and (winner := studies[0].winner) is not None:
        best = f"; best so far {studies[0].best:.4g}: {winner.variant.label}"
    return f"{drawn} trials drawn, {trainings} trainings{but}{best}"


def describe(tuned: Tuned, default: str, run: Run | None) -> list[str]:
    """What a search found, and what it cost, in a few lines. run: of the evaluation."""
    over = "" if tuned.studies == 1 else f", the median of {tuned.studies} studies"
    lines = [
        f"{tuned.variant} on {tuned.dataset}: best of {tuned.trials} trials{over} by {tuned.metric} on the validation"
        f" split, {tuned.value:.4g}",
        f"  the search cost {cost_in_words(tuned.cost, Budget.parse(tuned.budget))}",
    ]
    curve = best_by_trials(tuned)
    marks = sorted({*(n for n in MARKED_TRIALS if n < len(curve)), len(curve)})
    found = ", ".join(
        f"{n}: {'none' if curve[n - 1] is None else format(curve[n - 1], '.4g')}" for n in marks
    )
    kind = "expected best" if tuned.sampler == "random" else "best"
    lines.append(f"  {kind} validation value by trials: {found}")
    if run is not None:
        means = [_test_mean(run, tuned, label) for label in (tuned.variant, default)]
        if None not in means:
            lines.append(
                f"  test split, mean over seeds that the search has not seen: tuned {means[0]:.4g}, default"
                f" {means[1]:.4g} ({tuned.better} is better)"
            )
    return lines


def cost_in_words(cost: TuningCost, budget: Budget) -> str:
    """ "12.3 s of processor time in 9 trainings, that of 6.2 trainings with the whole budget"."""
    amount = f"{cost.cpu_seconds:.3g} s of processor time in {cost.trainings} trainings"
    limits = (
        (budget.cpu_seconds, cost.cpu_seconds),
        (budget.seconds, cost.seconds),
        (budget.steps, cost.steps),
        (budget.flops, cost.flops),
    )
    for limit, spent in limits:
        if limit is not None:
            return f"{amount}, as much as {spent / limit:.3g} with the whole budget"
    return amount


def _test_mean(run: Run, tuned: Tuned, label: str) -> float | None:
    """The mean over seeds of the metric that ranks, on the test split."""
    values = [
        metric.value
        for result in run.results()
        if (result.job.variant, result.job.dataset, result.job.budget) == (label, tuned.dataset, tuned.budget)
        and (metric := result.metric(tuned.metric)) is not None
        and metric.value is not None
    ]
    return statistics.fmean(values) if values else None
