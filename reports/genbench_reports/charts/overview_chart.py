"""The picture of the first screen for papers: every model by its quality and what it cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from genbench_reports.charts.overview_costs import CostChoice, cost_choices
from genbench_reports.charts.palette import style_of
from genbench_reports.charts.paper_axes import MUTED, Panels, say_above, set_scale
from genbench_reports.format.text import clean
from genbench_reports.overview.model_points import ModelPoint, QualityAxis
from genbench_reports.overview.overview import Overview
from genbench_reports.statistics.pareto import pareto_front

_MAX_PANELS = 2
_UNITS = {"seconds": "s", "bytes": "B"}


def overview_chart(overview: Overview) -> Figure | None:
    """A panel for each cost, the one that varies first; None where models have no common quality."""
    choices = cost_choices(overview.models)
    if overview.quality is None or not choices:
        return None
    models = [model for model in overview.models if model.quality is not None]
    panels = Panels(
        len(choices),
        _MAX_PANELS,
        width=3.4,
        height=max(2.6, 0.09 * len(models)),
        families=[model.family for model in models],
    )
    for axes, choice in zip(panels.axes, choices, strict=True):
        shown = [model for model in models if model.label in choice.values]
        _points(panels, axes, choice, shown, overview.quality)
        without = [clean(model.label) for model in overview.models if model not in shown]
        if without:
            say_above(axes, f"without a value: {', '.join(without)}")
    return panels.figure


def _points(
    panels: Panels, axes: Axes, choice: CostChoice, models: Sequence[ModelPoint], quality: QualityAxis
) -> None:
    points: list[tuple[float, float, str, str]] = []
    front: list[tuple[float, float]] = []
    heights: list[float] = []
    for model in models:
        assert model.quality is not None
        x, y = choice.values[model.label], model.quality.value
        low, high = model.quality.low, model.quality.high
        is_full = model.is_compared or not quality.is_distance
        style = style_of(model.family)
        axes.errorbar(
            x,
            y,
            yerr=None if low is None or high is None else [[y - low], [high - y]],
            color=style.light,
            linestyle="none",
            marker=style.marker,
            markersize=5.5,
            markerfacecolor=style.light if is_full else "white",
            elinewidth=0.8,
        )
        points.append((x, y, clean(model.label), model.family))
        heights += [value for value in (low, y, high) if value is not None]
        if is_full:
            front.append((x, y))
    set_scale(axes, "x", [x for x, _, _, _ in points], EngFormatter(unit=_UNITS[choice.unit]))
    set_scale(axes, "y", heights)
    if quality.better != "neither":
        corners = [front[index] for index in pareto_front(front, quality.better)]
        axes.step(*np.array(corners).T, where="post", color=MUTED, linestyle=":", linewidth=1)
    axes.set_xlabel(choice.title)
    axes.set_ylabel(quality.title)
    panels.name_points(axes, points)
