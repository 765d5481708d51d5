"""Samples of every model of a leaderboard beside real data, as one figure for papers."""

from __future__ import annotations

import base64
import io
import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from genbench_reports.charts.label_places import name_lines
from genbench_reports.charts.palette import style_of
from genbench_reports.charts.paper_axes import MUTED
from genbench_reports.samples.exhibits import Exhibit, Panel

_COLUMNS = 5
_TEXT_COLUMNS, _MAX_TEXT_CHARACTERS, _TEXT_LINE_CHARACTERS, _MAX_TEXTS = 2, 192, 48, 2
"""Texts of a panel, how many of them, and how much of each: a figure has no room for whole ones."""


def samples_chart(exhibit: Exhibit) -> Figure | None:
    """Samples of every model on one scale, real data first; None where there are none."""
    shown = [panel for panel in exhibit.panels if panel.picture or panel.pieces or panel.texts]
    if not shown:
        return None
    if shown[0].texts:
        return _texts(shown)
    columns = min(_COLUMNS, len(shown))
    rows = math.ceil(len(shown) / columns)
    titles = [name_lines(panel.label) for panel in shown]
    extra = 0.14 * (max(map(len, titles)) - 1)
    is_series = exhibit.chart is not None and exhibit.chart["kind"] == "series"
    size = (1.9, 1.75) if is_series else (1.7, 1.95)
    figure = Figure(figsize=(size[0] * columns, (size[1] + extra) * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=is_series, sharey=is_series).ravel()
    sources = iter((exhibit.chart or {}).get("sources", ()))
    for axes, panel, title in zip(grid, shown, titles, strict=False):
        axes.set_title("\n".join(title), fontsize=8, color=_color(panel, "black"))
        if exhibit.chart is None:
            _show_picture(axes, panel)
        elif is_series:
            _show_series(axes, next(sources), panel, exhibit.chart["sources"][0]["lines"])
        else:
            axes.set_xticks([])
            axes.set_yticks([])
            _show_points(axes, next(sources), panel)
    for axes in grid[len(shown) :]:
        axes.set_axis_off()
    if is_series and exhibit.chart is not None:
        figure.supxlabel(exhibit.chart["axes"]["time"], fontsize=8)
        figure.supylabel(exhibit.chart["axes"]["value"], fontsize=8)
    return figure


def _color(panel: Panel, of_real: str = MUTED) -> str:
    return of_real if panel.is_real else style_of(panel.family).light


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
    """A few series over each other, on the scale of the real ones."""
    for line in source["lines"]:
        axes.plot(line, linewidth=0.7, color=_color(panel))
    low, high = min(map(min, real)), max(map(max, real))
    margin = 0.15 * ((high - low) or 1.0)
    axes.set_ylim(low - margin, high + margin)
    axes.tick_params(labelsize=7)


def _texts(shown: Sequence[Panel]) -> Figure:
    """The beginnings of the first texts of each source."""
    blocks = [
        (panel, [line for text in panel.texts[:_MAX_TEXTS] for line in (*_text_lines(text), "")])
        for panel in shown
    ]
    columns = min(_TEXT_COLUMNS, len(blocks))
    rows = math.ceil(len(blocks) / columns)
    height = 0.5 + 0.125 * max(len(lines) for _, lines in blocks)
    figure = Figure(figsize=(3.5 * columns, height * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, (panel, lines) in zip(grid, blocks, strict=False):
        axes.set_title(
            "\n".join(name_lines(panel.label)), fontsize=8, loc="left", color=_color(panel, "black")
        )
        axes.text(0, 1, "\n".join(lines), family="monospace", fontsize=6.5, va="top")
    return figure


def _text_lines(text: str) -> list[str]:
    """Lines that fit the panel; what follows is left out, which an ellipsis says."""
    cut = text if len(text) <= _MAX_TEXT_CHARACTERS else text[:_MAX_TEXT_CHARACTERS] + "…"
    return [
        piece
        for line in cut.split("\n")
        for piece in textwrap.wrap(
            line, _TEXT_LINE_CHARACTERS, replace_whitespace=False, drop_whitespace=False
        )
        or [""]
    ]
