"""The chart of the tuned track: the best validation value against the number of trials.

A comparison at one number of trials hides the rest: which model is ahead can depend on how long one searches (Lucic et
al. 2018, "Are GANs Created Equal?"; Dodge et al. 2019, "Show Your Work").
"""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genbench_reports.charts.chart_data import search_lines
from genbench_reports.charts.label_places import name_lines
from genbench_reports.charts.palette import style_of
from genbench_reports.charts.paper_axes import Panels, name_width, say_above, set_scale
from genbench_reports.format.text import clean
from genbench_reports.leaderboard.rows import Board

_DASHES = ("-", "--", ":", "-.")


def search_chart(board: Board) -> Figure | None:
    """A curve for each tuned row, and a thin line at the validation value of the same model's defaults; None where no
    row was tuned."""
    lines = search_lines(board)
    if not lines:
        return None
    names = [clean(line.row.job.model) for line in lines]
    texts = [name_lines(name) for name in names]
    panels = Panels(
        1,
        1,
        width=3.6,
        height=2.6,
        name_column=0.2 + max(map(name_width, texts)),
        families=[line.row.family for line in lines],
    )
    (axes,) = panels.axes
    levels: list[float] = []
    ends: list[tuple[float, float, str, str]] = []
    drawn: dict[str, int] = {}
    for line, name in zip(lines, names, strict=True):
        row = line.row
        nth = drawn[row.family] = drawn.get(row.family, -1) + 1
        style = style_of(row.family)
        x, y = [float(n) for n, _ in line.points], [value for _, value in line.points]
        axes.plot(
            x,
            y,
            color=style.light,
            linestyle=_DASHES[nth % len(_DASHES)],
            marker=style.marker,
            markersize=3.5,
            linewidth=1.1,
        )
        ends.append((x[-1], y[-1], name, row.family))
        levels += y
        if line.default is not None:
            axes.axhline(line.default, color=style.light, linewidth=0.7, linestyle=(0, (1, 3)))
            levels.append(line.default)
    set_scale(axes, "y", levels)
    longest = max(line.points[-1][0] for line in lines)
    axes.set_xlim(0.5, longest + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlabel("trials")
    axes.set_ylabel(f"best {board.ranking_metric.title} (validation)")
    panels.name_curves(axes, ends)
    say_above(axes, "dotted lines: the defaults, mean over the seeds of the evaluation")
    return panels.figure
