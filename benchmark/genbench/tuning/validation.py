"""What a search knows of a trial: its value on the validation split. No other metric of a result is read by any module
of a search."""

from __future__ import annotations

from genbench.records.result import CurvePoint, Result


def validation_value(result: Result) -> float | None:
    """The value of the metric that ranks the data set, on the validation split, at the checkpoint that the job chose;
    None where the job failed or has no such value.

    The checkpoint is the one whose weights a row of the board would report (docs/decisions/0031), chosen by the same
    split. `Result.metrics`, which are of the test split, are never read.
    """
    if result.status != "ok" or result.job.ranking is None or _is_untrained(result):
        return None
    chosen = [point for point in result.curve if point.fraction == result.selected_fraction]
    return _value(chosen[-1], result.job.ranking) if chosen else None


def why_without_value(result: Result) -> str:
    """Why a trial has no value, in one line."""
    if result.status != "ok":
        return f"{result.status}: {result.reason or 'no reason was recorded'}"
    if _is_untrained(result):
        return f"the budget {result.job.budget} ended before the first training step"
    if result.cost.budget_overrun:
        return f"its training took {1 + result.cost.budget_overrun:.3g} times the budget {result.job.budget}"
    return f"no {result.job.ranking} on the validation split"


def _is_untrained(result: Result) -> bool:
    """Whether the budget was used up by building the model. A model that needs no steps ends its training itself."""
    return result.cost.steps == 0 and result.cost.bound_by not in (None, "finished")


def _value(point: CurvePoint, name: str) -> float | None:
    return next((metric.value for metric in point.metrics if metric.name == name), None)
