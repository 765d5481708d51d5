"""The history on the screen, with a row and a sparkline per series, and as a chart, with a panel per series."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path

from genbench.errors import RunFolderError, UsageError
from genbench_reports.charts.matplotlib_extra import plain, require_matplotlib
from genbench_reports.format.columns import metric_title
from genbench_reports.format.numbers import format_bytes, format_count, format_seconds, format_value
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import MISSING, clean, shorten
from genbench_reports.history.series import ChangePoint, Series

SPARKS = "▁▂▃▄▅▆▇█"
_WIDTH = 40
_MAX_PANELS = 60
"""With more panels nothing could be seen in them."""

Changed = tuple[Series, Sequence[ChangePoint]]


def sparkline(values: Sequence[float], width: int = _WIDTH) -> str:
    """The last `width` values, on a scale from the smallest to the largest of them."""
    shown = values[-width:]
    low, high = min(shown), max(shown)
    if high == low:
        return SPARKS[3] * len(shown)
    return "".join(SPARKS[round((value - low) / (high - low) * (len(SPARKS) - 1))] for value in shown)


def history_table(found: Sequence[Changed]) -> Table:
    """The series that changed most recently comes first."""
    columns = (
        Column("data set", numeric=False, essential=True),
        Column("model", numeric=False, essential=True),
        Column("metric", numeric=False, essential=True),
        Column("setting", numeric=False),
        Column("runs"),
        Column("over commits", numeric=False, essential=True),
        Column("first"),
        Column("last", essential=True),
        Column("changed", numeric=False, essential=True),
    )
    ordered = sorted(
        found, key=lambda pair: [-change.index / len(pair[0].values) for change in pair[1][-1:]] or [1.0]
    )
    return Table(columns, tuple(_row(series, changes) for series, changes in ordered))


def _row(series: Series, changes: Sequence[ChangePoint]) -> tuple[Cell, ...]:
    return (
        Cell(clean(series.dataset)),
        Cell(clean(series.model)),
        Cell(metric_title(series.metric, series.better)),
        Cell(shorten(series.label, 60)),
        Cell(str(len(series.values))),
        Cell(sparkline(series.values)),
        Cell(_value(series, series.values[0])),
        Cell(_value(series, series.values[-1])),
        Cell("; ".join(describe(series, change) for change in changes) or MISSING),
    )


def describe(series: Series, change: ChangePoint) -> str:
    """ "at 0123456789: 5.13 → 6.20, 21 % worse"."""
    worse = series.worse_by(change)
    way = "" if worse is None else f", {abs(worse) * 100:.3g} % {'worse' if worse > 0 else 'better'}"
    return (
        f"at {clean(series.commits[change.index])}: {_value(series, change.before)} →"
        f" {_value(series, change.after)}{way}"
    )


def _value(series: Series, value: float) -> str:
    if series.unit == "bytes":
        return format_bytes(value)
    if series.unit == "s":
        return format_seconds(value)
    return format_count(value) if series.group in ("speed", "cost") else format_value(value)


def draw_history(found: Sequence[Changed], path: Path) -> None:
    """A panel a series: means with their standard errors, levels between change points.

    Raises UsageError where matplotlib is not installed, or there are too many series for one picture.
    """
    if len(found) > _MAX_PANELS:
        raise UsageError(
            f"{len(found)} series are too many for a picture ({_MAX_PANELS}); choose with --metric, -m and -d"
        )
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    across = min(3, len(found))
    down = math.ceil(len(found) / across)
    figure = Figure(figsize=(5 * across, 2.8 * down), layout="constrained")
    FigureCanvasAgg(figure)  # draws without a window and without the state of pyplot
    panels = figure.subplots(down, across, squeeze=False).flat
    for panel in panels[len(found) :]:
        panel.set_visible(False)
    for (series, changes), panel in zip(found, figure.axes, strict=False):
        places = range(len(series.values))
        errors = [error or 0.0 for error in series.errors]
        panel.errorbar(
            places, series.values, yerr=errors, fmt="o", markersize=3, linewidth=0.8, color="#0072b2"
        )
        bounds = [0, *(change.index for change in changes), len(series.values)]
        for start, end in itertools.pairwise(bounds):
            level = math.fsum(series.values[start:end]) / (end - start)
            panel.hlines(level, start - 0.5, end - 0.5, color="#555555", linewidth=1)
        for change in changes:
            panel.axvline(change.index - 0.5, color="#d55e00", linestyle="--", linewidth=1)
            panel.annotate(
                _plain(series.commits[change.index]),
                (change.index - 0.5, 1.0),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                xytext=(2, -9),
                fontsize=7,
                color="#a04000",
            )
        panel.set_title(
            _plain(f"{metric_title(series.metric, series.better)}, {series.model} on {series.dataset}"),
            fontsize=9,
        )
        step = max(1, math.ceil(len(series.values) / 6))
        panel.set_xticks(
            list(places)[::step], [_plain(each)[:7] for each in series.commits[::step]], fontsize=7
        )
        panel.tick_params(axis="y", labelsize=7)
    try:
        figure.savefig(path, dpi=130)
    except (OSError, ValueError) as error:
        raise RunFolderError(f"cannot write {path}: {error}") from None


def _plain(text: str) -> str:
    """A short text, in which matplotlib reads no mathematics."""
    return plain(shorten(text, 70))
