"""The numbers of the charts of a leaderboard: quality against compute, quality against cost, and the best validation
value against the number of trials of a search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from genbench.records.tuned import best_by_trials
from genbench_reports.format.likelihood_marks import likelihood_mark
from genbench_reports.format.numbers import rounded
from genbench_reports.format.text import clean
from genbench_reports.leaderboard.curves import Curve
from genbench_reports.leaderboard.rows import Board, BoardMetric, Row

COMPUTE_AXES = {
    "seconds": "training time, s",
    "steps": "training steps",
    "examples": "training examples",
    "flops": "training FLOPs",
}


@dataclass(frozen=True)
class CostAxis:
    """One thing that a model can cost; less of it is better."""

    title: str
    """Title of the axis, with the unit."""
    name: str
    """Which of `Row.costs` it shows."""


COST_AXES = (
    CostAxis("training time, s", "train_seconds"),
    CostAxis("sampling time, s per sample, in bulk", "seconds_per_sample"),
    CostAxis("sampling latency, s", "sample_latency_seconds"),
    CostAxis("parameters", "parameters"),
    CostAxis("training GPU memory, bytes", "train_peak_cuda_bytes"),
    CostAxis("sampling GPU memory, bytes", "sample_peak_cuda_bytes"),
    CostAxis("training memory, bytes", "train_peak_rss_bytes"),
    CostAxis("sampling memory, bytes", "sample_peak_rss_bytes"),
    CostAxis("training FLOPs", "flops"),
)


def curve_rows(board: Board) -> list[tuple[Row, Curve]]:
    """Contenders that have a curve, in the order of the leaderboard. Calibration rows have none to speak of: they are
    ready at once."""
    return [(row, row.curve) for row in board.rows if row.curve is not None and not row.is_calibration]


def trade_metrics(board: Board) -> list[BoardMetric]:
    """The board's main metrics that have a direction, the ranking one first."""
    names = dict.fromkeys([board.headline, *board.columns])
    metrics = [board.metrics[name] for name in names]
    return [metric for metric in metrics if metric.has_values and metric.better != "neither"]


def can_be_on_front(row: Row, metric: str) -> bool:
    """The row competes, and its value is complete and beyond doubt."""
    return not row.is_calibration and row.values[metric].is_complete


def costs(board: Board, axis: CostAxis) -> dict[str, float]:
    """By label of the row, mean over seeds, where it was measured; values of 0 have no place on a logarithmic axis."""
    means = {row.label: row.costs[axis.name].mean for row in board.rows if axis.name in row.costs}
    return {label: mean for label, mean in means.items() if mean is not None and mean > 0}


@dataclass(frozen=True)
class SearchLine:
    """The search behind one tuned row."""

    row: Row
    """The row of the winner."""
    points: tuple[tuple[int, float], ...]
    """(number of trials, best validation value that so many trials find), as far as it is known."""
    default: float | None
    """The validation value of the same model with its defaults, mean over seeds; None where it is not known."""


def search_lines(board: Board) -> list[SearchLine]:
    """The searches that found a value, in the order of the leaderboard."""
    lines = []
    for row in board.rows:
        if (tuned := row.tuned) is None:
            continue
        points = [(n, value) for n, value in enumerate(best_by_trials(tuned), 1) if value is not None]
        default = board.default_of(row)
        value = None if default is None else default.chosen_on_validation(tuned.metric)
        if points:
            lines.append(SearchLine(row, tuple(points), value))
    return lines


def chart_numbers(board: Board) -> dict[str, Any]:
    """All charts, as the page's scripts read them. Labels are text, not markup."""
    return {"curve": _curve_numbers(board), "trade": _trade_numbers(board), "search": _search_numbers(board)}


def _curve_numbers(board: Board) -> dict[str, Any]:
    rows = curve_rows(board)
    # first the metric with the most points to see
    seen = Counter(
        name for _, curve in rows for name, means in curve.means.items() for m in means if m is not None
    )
    names = [name for name, _ in seen.most_common()]
    return {
        "axes": [{"name": name, "title": title} for name, title in COMPUTE_AXES.items()],
        "metrics": [_metric(board.metrics[name]) for name in names],
        "lines": [
            {
                "label": clean(row.label),
                "family": row.family,
                "x": {axis: _short(values) for axis, values in curve.axes.items()},
                "y": {name: _short(values) for name, values in curve.means.items()},
                "e": {name: _short(values) for name, values in curve.errors.items()},
                "kinds": {name: f"{likelihood_mark(kind)} {kind}" for name, kind in curve.kinds.items()},
            }
            for row, curve in rows
        ],
    }


def _trade_numbers(board: Board) -> dict[str, Any]:
    metrics = trade_metrics(board)
    axes = [(axis, found) for axis in COST_AXES if (found := costs(board, axis))]
    return {
        "axes": [{"title": axis.title} for axis, _ in axes],
        "metrics": [_metric(metric) for metric in metrics],
        "entries": [
            {
                "label": clean(row.label),
                "family": row.family,
                "x": _short([found.get(row.label) for _, found in axes]),
                "y": [_trade_value(row, metric.name) for metric in metrics],
            }
            for row in board.rows
        ],
    }


def _trade_value(row: Row, metric: str) -> list[Any] | None:
    value = row.values.get(metric)
    if value is None or value.mean is None:
        return None
    return [*_short([value.mean, value.stderr]), value.kind, can_be_on_front(row, metric)]


def _search_numbers(board: Board) -> dict[str, Any]:
    return {
        "metric": _metric(board.ranking_metric),
        "lines": [
            {
                "label": clean(line.row.label),
                "model": clean(line.row.job.model),
                "family": line.row.family,
                "trials": [trials for trials, _ in line.points],
                "best": _short([value for _, value in line.points]),
                "default": rounded(line.default, 5),
            }
            for line in search_lines(board)
        ],
    }


def _metric(metric: BoardMetric) -> dict[str, str]:
    return {"name": metric.name, "title": metric.title, "better": metric.better}


def _short(values: Sequence[float | None]) -> list[float | None]:
    return [rounded(value, 5) for value in values]
