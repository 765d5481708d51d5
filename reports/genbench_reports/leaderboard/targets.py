"""What each job spent until a metric reached a value, as a table: `show RUN --target bits_per_dim=2.0`."""

from __future__ import annotations

import math
from collections.abc import Sequence

from genbench.api import MetricCard
from genbench.errors import UnknownNameError, UsageError
from genbench.records.result import Result
from genbench_reports.format.likelihood_marks import likelihood_mark
from genbench_reports.format.numbers import format_count, format_seconds, format_value
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import clean
from genbench_reports.leaderboard.rows import BASELINE_FAMILY
from genbench_reports.leaderboard.time_to_target import TimeToTarget, time_to_target

NEVER = "∞"
"""Shown where the target was not reached."""


def read_target(text: str, cards: dict[str, MetricCard]) -> tuple[MetricCard, float]:
    """Read "bits_per_dim=2.0". Raises UsageError, UnknownNameError."""
    name, equals, value = text.partition("=")
    if name not in cards:
        raise UnknownNameError("metric", name, cards)
    try:
        target = float(value)
    except ValueError:
        target = math.nan
    if not equals or not math.isfinite(target):
        raise UsageError(f"--target {text}: expected METRIC=VALUE, as in bits_per_dim=2.0")
    return cards[name], target


def target_table(results: Sequence[Result], card: MetricCard, target: float) -> Table:
    """A row per job, the fastest first on each data set, calibration below; jobs that failed never reached the target.
    Likelihoods carry the mark of their kind: a bound at the target proves that the model reaches it, an estimate does
    not.
    """
    found = [
        (result, time_to_target(result, card.name, target, card.better))
        for result in results
        if result.status != "unsupported"
    ]
    order = {name: place for place, name in enumerate(dict.fromkeys(r.job.dataset for r, _ in found))}
    found.sort(key=lambda pair: (order[pair[0].job.dataset], pair[1].seconds, pair[0].job.variant))
    columns = (
        Column("data set", numeric=False, essential=True),
        Column("model", numeric=False, essential=True),
        Column("seed"),
        Column("time", essential=True),
        Column("steps"),
        Column("FLOPs"),
        Column("best on the curve", essential=True),
    )
    rows, calibration = (
        tuple(
            _row(result, reached, card.name) for result, reached in found if _is_calibration(result) == apart
        )
        for apart in (False, True)
    )
    return Table(columns, rows, calibration)


def _is_calibration(result: Result) -> bool:
    return result.job.family == BASELINE_FAMILY


def _row(result: Result, found: TimeToTarget, metric: str) -> tuple[Cell, ...]:
    kinds = (each.kind for point in result.curve for each in point.metrics if each.name == metric)
    kind = next((kind for kind in kinds if kind is not None), None)
    best = format_value(found.best) if kind is None else f"{likelihood_mark(kind)} {format_value(found.best)}"
    return (
        Cell(clean(result.job.dataset)),
        Cell(clean(result.job.variant)),
        Cell(str(result.job.seed)),
        Cell(format_seconds(found.seconds) if found.reached else NEVER),
        Cell(format_count(found.steps) if found.reached else NEVER),
        Cell(format_count(found.flops) if found.reached else NEVER),
        Cell(best if result.status == "ok" else clean(result.status)),
    )
