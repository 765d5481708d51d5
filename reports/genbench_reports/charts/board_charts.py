"""Charts of one leaderboard, drawn with matplotlib's objects rather than pyplot, which has global state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbench_reports.charts.chart_data import (
    COMPUTE_AXES,
    COST_AXES,
    can_be_on_front,
    costs,
    curve_rows,
    trade_metrics,
)
from genbench_reports.charts.label_places import name_lines
from genbench_reports.charts.palette import style_of
from genbench_reports.charts.paper_axes import MUTED, Panels, engineering, name_width, say_above, set_scale
from genbench_reports.format.columns import LIKELIHOOD_METRICS
from genbench_reports.format.text import clean
from genbench_reports.leaderboard.curves import Curve
from genbench_reports.leaderboard.rows import Board, BoardMetric, Row
from genbench_reports.statistics.pareto import pareto_front

_DASHES = ("-", "--", ":", "-.")
_PAPER_COSTS = (
    "training time, s",
    "sampling time, s per sample, in bulk",
    "training memory, bytes",
    "training GPU memory, bytes",
    "parameters",
)


def curve_chart(board: Board) -> Figure | None:
    """Each validation metric against training time: mean over seeds and its standard error."""
    rows = curve_rows(board)
    names = list(
        dict.fromkeys(
            name
            for _, curve in rows
            for name, means in curve.means.items()
            if any(m is not None for m in means)
        )
    )
    if set(LIKELIHOOD_METRICS) <= set(names):  # one likelihood in two units
        names.remove(LIKELIHOOD_METRICS[1])
    if not names:
        return None
    texts = [name_lines(clean(row.label)) for row, _ in rows]
    panels = Panels(
        len(names),
        2,
        width=2.7,
        height=max(2.4, 0.13 * sum(map(len, texts))),
        name_column=0.2 + max(map(name_width, texts)),
        families=[row.family for row, _ in rows],
    )
    for axes, name in zip(panels.axes, names, strict=True):
        _curves(panels, axes, [(row, curve) for row, curve in rows if name in curve.means], name)
        axes.set_xlabel(COMPUTE_AXES["seconds"])
        axes.set_ylabel(f"{board.metrics[name].title} (validation)")
    return panels.figure


def _curves(panels: Panels, axes: Axes, rows: Sequence[tuple[Row, Curve]], name: str) -> None:
    drawn: dict[str, int] = {}
    ends: list[tuple[float, float, str, str]] = []
    x_seen: list[float] = []
    y_seen: list[float] = []
    for row, curve in rows:
        known = [
            (x, y, error or 0.0)
            for x, y, error in zip(curve.axes["seconds"], curve.means[name], curve.errors[name], strict=True)
            if y is not None and x > 0
        ]
        if not known:
            continue
        nth = drawn[row.family] = drawn.get(row.family, -1) + 1
        style = style_of(row.family)
        x, y, errors = (list(each) for each in zip(*known, strict=True))
        axes.errorbar(
            x,
            y,
            yerr=errors,
            color=style.light,
            linestyle=_DASHES[nth % len(_DASHES)],
            marker=style.marker,
            markersize=3.5,
            linewidth=1.1,
            elinewidth=0.7,
        )
        ends.append((x[-1], y[-1], clean(row.label), row.family))
        x_seen += x
        y_seen += y
    if ends:
        set_scale(axes, "x", x_seen)
        set_scale(axes, "y", y_seen)
        panels.name_curves(axes, ends)


def trade_chart(board: Board) -> Figure | None:
    """The metric that ranks against what models cost, with the front of the rows that no other beats in both."""
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
    panels = Panels(
        len(known),
        2,
        width=2.9,
        height=max(2.4, 0.09 * len(rows)),
        families=[row.family for row in rows],
    )
    for axes, (axis, cost) in zip(panels.axes, known, strict=True):
        _trade(panels, axes, cost, [row for row in rows if row.label in cost], metric)
        axes.set_xlabel(axis.title)
        axes.set_ylabel(metric.title)
    return panels.figure


def _trade(
    panels: Panels, axes: Axes, cost: dict[str, float], rows: Sequence[Row], metric: BoardMetric
) -> None:
    """The axes span the rows that compete: baselines are so cheap, and some so bad, that they would leave no room."""
    fronts: dict[str | None, list[tuple[float, float]]] = {}
    contenders = [row for row in rows if not row.is_calibration] or rows
    inside, outside = [], []
    known = [(row, cost[row.label], mean) for row in rows if (mean := row.mean(metric.name)) is not None]
    in_scale = [(x, y) for row, x, y in known if row in contenders]
    set_scale(axes, "x", [x for x, _ in in_scale], engineering())
    set_scale(axes, "y", [y for _, y in in_scale])
    for row, x, y in known:
        if not _is_inside(axes, x, y):
            outside.append(clean(row.label))
            continue
        inside.append((x, y, clean(row.label), row.family))
        value, style = row.values[metric.name], style_of(row.family)
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
        )
        if counts:
            fronts.setdefault(value.kind, []).append((x, y))
    for found in fronts.values():
        front = [found[index] for index in pareto_front(found, metric.better)]
        axes.step(*np.array(front).T, where="post", color=MUTED, linestyle=":", linewidth=1)
    panels.name_points(axes, inside)
    if outside:
        say_above(axes, f"beyond the axes: {', '.join(outside)}")


def _is_inside(axes: Axes, x: float, y: float) -> bool:
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    return bool(left <= x <= right and low <= y <= high)
