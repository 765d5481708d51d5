"""Charts of one leaderboard, drawn with matplotlib's objects rather than pyplot, which has global state."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, NullFormatter
from PIL import Image

from genbench_reports.charts.chart_data import (
    COMPUTE_AXES,
    COST_AXES,
    can_be_on_front,
    costs,
    curve_rows,
    trade_metrics,
)
from genbench_reports.charts.palette import style_of
from genbench_reports.format.columns import LIKELIHOOD_METRICS
from genbench_reports.format.text import clean
from genbench_reports.leaderboard.rows import Board, BoardMetric, Curve, Row
from genbench_reports.samples.exhibits import Exhibit, Panel
from genbench_reports.statistics.pareto import pareto_front

_DASHES = ("-", "--", ":", "-.")
_PAPER_COSTS = (
    "training time, s",
    "sampling time, s per sample, in bulk",
    "training memory, bytes",
    "parameters",
)
_COLUMNS, _DECADE = 5, 10.0
_REAL = "#59626d"


def curve_chart(board: Board) -> Figure | None:
    """Each validation metric against training time: mean over seeds and its standard error."""
    rows = curve_rows(board)
    names = list(dict.fromkeys(name for _, curve in rows for name in curve.means))
    if set(LIKELIHOOD_METRICS) <= set(names):  # one likelihood in two units
        names.remove(LIKELIHOOD_METRICS[1])
    if not names:
        return None
    figure = Figure(figsize=(3.6 * len(names) + 1.6, 3.2), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        drawn: dict[str, int] = {}
        for row, curve in rows:
            if name in curve.means:
                nth = drawn[row.family] = drawn.get(row.family, -1) + 1
                _curve(axes, row, curve, name, _DASHES[nth % len(_DASHES)])
        axes.set_xlabel(COMPUTE_AXES["seconds"])
        axes.set_ylabel(f"{board.metrics[name].title} (validation)")
    _legend(figure)
    return figure


def _curve(axes: Axes, row: Row, curve: Curve, name: str, dash: str) -> None:
    style = style_of(row.family)
    known = [(index, mean) for index, mean in enumerate(curve.means[name]) if mean is not None]
    x = [curve.axes["seconds"][index] for index, _ in known]
    y = [mean for _, mean in known]
    errors = [curve.errors[name][index] or 0.0 for index, _ in known]
    axes.errorbar(
        x,
        y,
        yerr=errors,
        color=style.light,
        linestyle=dash,
        marker=style.marker,
        markersize=4,
        linewidth=1.2,
        elinewidth=0.8,
        label=clean(row.label),
    )


def trade_chart(board: Board) -> Figure | None:
    """The metric that ranks against four costs, with the front of the rows that no other beats in both."""
    metrics = trade_metrics(board)
    if not metrics:
        return None
    metric = metrics[0]
    rows = [row for row in board.rows if row.mean(metric.name) is not None]
    labels = {row.label for row in rows}
    chosen = [axis for axis in COST_AXES if axis.title in _PAPER_COSTS]
    known = [(axis, found) for axis in chosen if (found := costs(board, axis)).keys() & labels]
    if not known:
        return None
    columns = min(2, len(known))
    lines = math.ceil(len(known) / columns)
    figure = Figure(figsize=(3.6 * columns + 1.6, 2.9 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharey=True).ravel()
    for axes, (axis, cost) in zip(grid, known, strict=False):
        _trade(axes, cost, [row for row in rows if row.label in cost], metric)
        axes.set_xlabel(axis.title)
        axes.set_ylabel(metric.title)
    for axes in grid[len(known) :]:
        axes.set_axis_off()
    _legend(figure)
    return figure


def _trade(axes: Axes, cost: dict[str, float], rows: Sequence[Row], metric: BoardMetric) -> None:
    fronts: dict[str | None, list[tuple[float, float]]] = {}
    for row in rows:
        value, style = row.values[metric.name], style_of(row.family)
        x, y = cost[row.label], value.mean
        if y is None:
            continue
        counts = can_be_on_front(row, metric.name)
        axes.errorbar(
            x,
            y,
            yerr=value.stderr,
            color=style.light,
            linestyle="none",
            marker=style.marker,
            markersize=5,
            markerfacecolor=style.light if counts else "none",
            elinewidth=0.8,
            label=clean(row.label),
        )
        if counts:
            fronts.setdefault(value.kind, []).append((x, y))
            axes.annotate(
                clean(row.label),
                (x, y),
                (4, 4),
                textcoords="offset points",
                fontsize=7,
                color=_REAL,
            )
    for points in fronts.values():
        front = [points[index] for index in pareto_front(points, metric.better)]
        axes.step(*np.array(front).T, where="post", color=_REAL, linestyle=":", linewidth=1)
    _cost_scale(axes, [cost[row.label] for row in rows])


def _cost_scale(axes: Axes, values: Sequence[float]) -> None:
    """Logarithmic where the costs differ by more than a decade."""
    if max(values) > _DECADE * min(values):
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))


def samples_chart(exhibit: Exhibit) -> Figure | None:
    """Samples of every model on one scale, real data first; None for text, which is no picture."""
    shown = [panel for panel in exhibit.panels if panel.picture or panel.pieces]
    if not shown:
        return None
    columns = min(_COLUMNS, len(shown))
    rows = math.ceil(len(shown) / columns)
    figure = Figure(figsize=(1.7 * columns, 1.95 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    sources = iter((exhibit.chart or {}).get("sources", ()))
    for axes, panel in zip(grid, shown, strict=False):
        axes.set_title(
            panel.label, fontsize=8, color="black" if panel.is_real else style_of(panel.family).light
        )
        axes.set_xticks([])
        axes.set_yticks([])
        if exhibit.chart is None:
            _show_picture(axes, panel)
        elif exhibit.chart["kind"] == "points":
            _show_points(axes, next(sources), panel)
        else:
            _show_series(axes, next(sources), panel, exhibit.chart["sources"][0]["lines"])
    for axes in grid[len(shown) :]:
        axes.set_axis_off()
    return figure


def _color(panel: Panel) -> str:
    return _REAL if panel.is_real else style_of(panel.family).light


def _show_picture(axes: Axes, panel: Panel) -> None:
    picture = panel.picture or panel.pieces[0][0]
    png = base64.b64decode(picture.uri.partition(",")[2])
    axes.imshow(np.asarray(Image.open(io.BytesIO(png)).convert("RGBA")), interpolation="nearest")
    axes.set_axis_off()


def _show_points(axes: Axes, source: dict[str, Any], panel: Panel) -> None:
    axes.plot(*source["xy"], ".", markersize=1.5, color=_color(panel), rasterized=True)
    axes.set_xlim(0, 10_000)
    axes.set_ylim(0, 10_000)
    axes.set_aspect("equal")


def _show_series(axes: Axes, source: dict[str, Any], panel: Panel, real: Sequence[Sequence[float]]) -> None:
    for line in source["lines"]:
        axes.plot(line, linewidth=0.7, color=_color(panel))
    low, high = min(map(min, real)), max(map(max, real))
    margin = 0.15 * ((high - low) or 1.0)
    axes.set_ylim(low - margin, high + margin)


def _legend(figure: Figure) -> None:
    """One legend for all panels, at the side."""
    found: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    figure.legend(list(found.values()), list(found), loc="outside right upper", frameon=False, fontsize=8)
