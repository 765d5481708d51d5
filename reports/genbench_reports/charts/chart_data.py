"""The numbers behind two charts of each board: quality against compute, and quality against cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from genbench.api.compute_meter import CHECKPOINT_FRACTIONS
from genbench.records.result import Cost, CurvePoint
from genbench_reports.format.columns import metric_title
from genbench_reports.format.likelihood_marks import likelihood_mark
from genbench_reports.format.text import clean
from genbench_reports.leaderboard.entries import Entry
from genbench_reports.leaderboard.standings import Standings
from genbench_reports.statistics.seeds import Estimate

_ROUNDING = 1e-9

COMPUTE_AXES = {
    "seconds": "training time, s",
    "steps": "training steps",
    "examples": "training examples",
    "flops": "training FLOPs",
}


@dataclass(frozen=True)
class CostAxis:
    """One thing that a model may cost; less of it is better."""

    title: str
    read: Callable[[Cost], float | None]


COST_AXES = (
    CostAxis("training time, s", lambda cost: cost.train_seconds),
    CostAxis("sampling time, s a sample, in bulk", lambda cost: _inverse(cost.samples_per_second)),
    CostAxis("sampling latency, s", lambda cost: cost.sample_latency_seconds),
    CostAxis("parameters", lambda cost: cost.parameters),
    CostAxis("training memory, bytes", lambda cost: cost.train_peak_rss_bytes),
    CostAxis("sampling memory, bytes", lambda cost: cost.sample_peak_rss_bytes),
    CostAxis("training GPU memory, bytes", lambda cost: cost.train_peak_cuda_bytes),
    CostAxis("training FLOPs", lambda cost: cost.flops),
)


@dataclass(frozen=True)
class CurveLine:
    """One entry's checkpoints: x by compute axis, and of each metric that was validated the mean over seeds and its
    standard error. kind: of a likelihood."""

    label: str
    family: str
    axes: Mapping[str, list[float]]
    values: Mapping[str, list[float | None]]
    errors: Mapping[str, list[float | None]]
    kinds: Mapping[str, str]


def curve_lines(standings: Standings) -> list[CurveLine]:
    """Contenders in the order of the leaderboard; those without a checkpoint are left out. Calibration has no curve to
    speak of: it is there at once."""
    lines = (_curve_line(entry) for entry in standings.ordered if not entry.is_calibration)
    return [line for line in lines if line is not None]


def _curve_line(entry: Entry) -> CurveLine | None:
    """Checkpoints lie at fixed fractions of the budget, or a step later; those that not every seed has are left out."""
    by_fraction: dict[float, dict[int, CurvePoint]] = {}
    for result in entry.results:
        for point in result.curve:
            planned = 1.0 if point is result.curve[-1] else _planned(point.fraction)
            by_fraction.setdefault(planned, {})[result.job.seed] = point
    columns = [points for _, points in sorted(by_fraction.items()) if len(points) == len(entry.results)]
    names = dict.fromkeys(
        figure.name for points in columns for point in points.values() for figure in point.metrics
    )
    if not columns or not names:
        return None
    estimates = {name: [_estimate(points, name) for points in columns] for name in names}
    return CurveLine(
        clean(entry.label),
        entry.family,
        {
            axis: [
                Estimate({seed: float(getattr(p, axis)) for seed, p in points.items()}).mean
                for points in columns
            ]
            for axis in COMPUTE_AXES
        },
        {name: [None if each is None else each.mean for each in found] for name, found in estimates.items()},
        {
            name: [None if each is None else each.stderr for each in found]
            for name, found in estimates.items()
        },
        _kinds(entry),
    )


def _planned(fraction: float) -> float:
    """The fraction that was asked for: a checkpoint is taken once that much has been used."""
    return max((each for each in CHECKPOINT_FRACTIONS if each <= fraction + _ROUNDING), default=0.0)


def _estimate(points: Mapping[int, CurvePoint], name: str) -> Estimate | None:
    values = {
        seed: figure.value
        for seed, point in points.items()
        for figure in point.metrics
        if figure.name == name and figure.value is not None
    }
    return Estimate(values) if len(values) == len(points) else None


def _kinds(entry: Entry) -> dict[str, str]:
    kinds: dict[str, set[str]] = {}
    for result in entry.results:
        for point in result.curve:
            for figure in point.metrics:
                if figure.kind is not None:
                    kinds.setdefault(figure.name, set()).add(figure.kind)
    return {name: " or ".join(sorted(found)) for name, found in kinds.items()}


@dataclass(frozen=True)
class TradePoint:
    """One entry's quality. counts: it may be on a front: it competes, and its figure is whole and beyond doubt."""

    label: str
    family: str
    value: float
    stderr: float | None
    kind: str | None
    counts: bool


def trade_metrics(standings: Standings) -> list[str]:
    """The board's main figures that have a direction, the headline first."""
    names = dict.fromkeys([standings.headline, *standings.main])
    return [n for n in names if standings.has_value(n) and standings.better(n) != "neither"]


def trade_points(standings: Standings, metric: str) -> dict[str, TradePoint]:
    """By label, in the order of the leaderboard."""
    found = {}
    for entry in standings.ordered:
        estimate = entry.estimate(metric)
        if estimate is not None:
            counts = not entry.is_calibration and entry.is_complete(metric)
            found[entry.label] = TradePoint(
                clean(entry.label), entry.family, estimate.mean, estimate.stderr, entry.kind(metric), counts
            )
    return found


def costs(standings: Standings, axis: CostAxis) -> dict[str, float]:
    """By label, mean over seeds, where it was measured; what is not above 0 has no place on a logarithmic axis."""
    estimates = {entry.label: entry.cost(axis.read) for entry in standings.ordered}
    return {label: each.mean for label, each in estimates.items() if each is not None and each.mean > 0}


def chart_numbers(standings: Standings) -> dict[str, Any]:
    """Both charts, as the page's scripts read them. Labels are text, not markup."""
    return {"curve": _curve_numbers(standings), "trade": _trade_numbers(standings)}


def _curve_numbers(standings: Standings) -> dict[str, Any]:
    lines = curve_lines(standings)
    # first the figure of which there is most to see
    seen = Counter(n for line in lines for n, values in line.values.items() for v in values if v is not None)
    names = [name for name, _ in seen.most_common()]
    return {
        "axes": [{"name": name, "title": title} for name, title in COMPUTE_AXES.items()],
        "metrics": [_metric(standings, name) for name in names],
        "lines": [
            {
                "label": line.label,
                "family": line.family,
                "x": {axis: _short(values) for axis, values in line.axes.items()},
                "y": {name: _short(values) for name, values in line.values.items()},
                "e": {name: _short(values) for name, values in line.errors.items()},
                "kinds": {name: f"{likelihood_mark(kind)} {kind}" for name, kind in line.kinds.items()},
            }
            for line in lines
        ],
    }


def _trade_numbers(standings: Standings) -> dict[str, Any]:
    names = trade_metrics(standings)
    axes = [(axis, found) for axis in COST_AXES if (found := costs(standings, axis))]
    points = {name: trade_points(standings, name) for name in names}
    return {
        "axes": [{"title": axis.title} for axis, _ in axes],
        "metrics": [_metric(standings, name) for name in names],
        "entries": [
            {
                "label": clean(entry.label),
                "family": entry.family,
                "x": _short([found.get(entry.label) for _, found in axes]),
                "y": [_trade_value(points[name].get(entry.label)) for name in names],
            }
            for entry in standings.ordered
        ],
    }


def _trade_value(point: TradePoint | None) -> list[Any] | None:
    if point is None:
        return None
    return [*_short([point.value, point.stderr]), point.kind, point.counts]


def _metric(standings: Standings, name: str) -> dict[str, str]:
    better = standings.better(name)
    return {"name": name, "title": metric_title(name, better), "better": better}


def _short(values: list[float] | list[float | None]) -> list[float | None]:
    return [None if value is None else float(f"{value:.5g}") for value in values]


def _inverse(value: float | None) -> float | None:
    return 1 / value if value else None
