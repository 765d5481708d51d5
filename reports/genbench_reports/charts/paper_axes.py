"""Figures for papers whose sizes are known in inches, so that names can be placed; and their logarithmic axes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, Formatter, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from genbench_reports.charts.label_places import (
    Box,
    Spot,
    name_lines,
    place_labels,
    stack_labels,
    text_width,
)
from genbench_reports.charts.palette import style_of
from genbench_reports.format.text import clean

NAME_POINTS = 7.0
"""Size of names in a chart, in points."""
MUTED = "#59626d"
_LINE_INCHES = NAME_POINTS * 1.2 / 72
_MARGIN = 0.08
"""Empty room beyond the least and the largest value, as a share of the axis."""
_GROUND: dict[str, Any] = {
    "boxstyle": "square,pad=0.05",
    "facecolor": "white",
    "edgecolor": "none",
    "alpha": 0.8,
}
"""Behind names, so that lines do not run through them."""
_LEGEND_INCHES = 1.2
"""Room for one family in the legend."""
_REMARK_CHARACTERS = 58
_FEW_DECADES = 1.6
"""Up to so many decades have labels at 2 and 5 too."""


class Panels:
    """A figure with panels of one size, each with room for its labels."""

    def __init__(
        self,
        count: int,
        columns: int,
        *,
        width: float,
        height: float,
        name_column: float = 0.0,
        families: Iterable[str] = (),
    ) -> None:
        """width, height: of the plotting area of a panel, in inches. name_column: room for names at the right of each.
        families: those that the legend below the panels explains."""
        self.width, self.height = width, height
        left, below, above, between = 0.75, 0.5, 0.3, 0.12
        columns = min(columns, count)
        rows = math.ceil(count / columns)
        shown = list(dict.fromkeys(families))
        cell_width, cell_height = left + width + name_column + between, below + height + above
        per_line = max(1, int(cell_width * columns / _LEGEND_INCHES))
        legend = 0.25 * math.ceil(len(shown) / per_line)
        total = cell_width * columns, cell_height * rows + legend
        self.figure = Figure(figsize=total)
        self.axes: list[Axes] = []
        for index in range(count):
            row, column = divmod(index, columns)
            x, y = cell_width * column + left, total[1] - cell_height * (row + 1) + below
            place = (x / total[0], y / total[1], width / total[0], height / total[1])
            self.axes.append(self.figure.add_axes(place))
        if shown:
            handles = [_family_handle(family) for family in shown]
            self.figure.legend(
                handles,
                [clean(family) for family in shown],
                loc="lower center",
                ncols=per_line,
                frameon=False,
                fontsize=8,
            )

    def name_points(self, axes: Axes, points: Sequence[tuple[float, float, str, str]]) -> None:
        """Write names into a panel whose scales and limits are set. points: x, y, name and family, of which the first
        choose their places first."""
        lines = [name_lines(name) for _, _, name, _ in points]
        spots = []
        for (x, y, _, _), text in zip(points, lines, strict=True):
            across, up = _share(axes.xaxis, x) * self.width, _share(axes.yaxis, y) * self.height
            spots.append(Spot(across, up, name_width(text), _LINE_INCHES * len(text)))
        places = place_labels(spots, Box(0.0, self.width, 0.0, self.height), _LINE_INCHES)
        for spot, place, text, (x, y, _, family) in zip(spots, places, lines, points, strict=True):
            if place is None:
                continue
            arrow = {"arrowstyle": "-", "linewidth": 0.5, "color": MUTED, "shrinkA": 0, "shrinkB": 3}
            axes.annotate(
                "\n".join(text),
                (x, y),
                ((place.x - spot.x) * 72, (place.y - spot.y) * 72),
                textcoords="offset points",
                ha="center",
                va="center",
                fontsize=NAME_POINTS,
                color=style_of(family).light,
                arrowprops=arrow if place.is_far else None,
                bbox=_GROUND,
            )
        said = [name for (_, _, name, _), place in zip(points, places, strict=True) if place is None]
        if said:
            say_above(axes, f"not named for lack of room: {', '.join(said)}")

    def name_curves(self, axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
        """Write names in a column at the right of a panel. ends: the last x and y of each curve, its name and its
        family."""
        lines = [name_lines(name) for _, _, name, _ in ends]
        wanted = [_share(axes.yaxis, y) * self.height for _, y, _, _ in ends]
        heights = [_LINE_INCHES * len(text) for text in lines]
        centres = stack_labels(heights, wanted, 0.0, self.height)
        for (x, y, _, family), text, centre in zip(ends, lines, centres, strict=True):
            axes.annotate(
                "\n".join(text),
                (x, y),
                (1 + 0.12 / self.width, centre / self.height),
                textcoords="axes fraction",
                ha="left",
                va="center",
                fontsize=NAME_POINTS,
                color=style_of(family).light,
                arrowprops={
                    "arrowstyle": "-",
                    "linewidth": 0.4,
                    "color": MUTED,
                    "shrinkA": 0,
                    "shrinkB": 3,
                    "relpos": (0.0, 0.5),
                },
            )


def say_above(axes: Axes, text: str) -> None:
    """A remark in small type above a panel, below those that it has."""
    lines = [axes.get_title(loc="left"), *textwrap.wrap(text, _REMARK_CHARACTERS)]
    axes.set_title("\n".join(filter(None, lines)), fontsize=6, color=MUTED, loc="left")


def name_width(lines: Sequence[str]) -> float:
    """Width of a name, in inches."""
    return max(text_width(line, NAME_POINTS / 72) for line in lines)


def set_scale(
    axes: Axes, which: Literal["x", "y"], values: Sequence[float], formatter: Formatter | None = None
) -> None:
    """Limits around the values, on a logarithmic axis where all of them are positive."""
    axis: Axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = min(values), max(values)
    if low <= 0:
        margin = _MARGIN * (high - low) or 0.5
        axes.set(**{f"{which}lim": (low - margin, high + margin)})
        axis.set_major_locator(MaxNLocator(5))
    else:
        decades = math.log10(high / low)
        margin = _MARGIN * decades or 0.15
        limits = low / 10**margin, high * 10**margin
        axes.set(**{f"{which}scale": "log", f"{which}lim": limits})
        if decades < 1:
            axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        else:
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if decades < _FEW_DECADES else (1.0,)))
        axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(formatter or FuncFormatter(_plain))


def engineering() -> Formatter:
    """200M, 3.5k."""
    return EngFormatter(sep="")


def _plain(value: float, _: Any) -> str:
    return f"{value:g}"


def _share(axis: Axis, value: float) -> float:
    """How far along the axis a value lies, from 0 to 1."""
    transform = axis.get_transform()
    low, high, at = (float(transform.transform(each)) for each in (*axis.get_view_interval(), value))
    return (at - low) / (high - low)


def _family_handle(family: str) -> Any:
    style = style_of(family)
    return Line2D([], [], color=style.light, marker=style.marker, markersize=5, linestyle="none")
