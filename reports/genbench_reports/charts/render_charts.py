"""The factories of `--format png` and `--format svg`, as files by name: the picture of the first screen, and for
each data set three charts, and one more if rows were tuned."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from genbench.errors import UsageError
from genbench.plugin.registry import Registry
from genbench.records.run_folder import Run
from genbench_reports.charts.matplotlib_extra import require_matplotlib
from genbench_reports.format.text import file_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OVERVIEW = "quality-against-cost"
"""Name of the file with the picture of the first screen."""
_DOTS_PER_INCH = 200


def render_png(run: Run, registry: Registry) -> dict[str, bytes]:
    return _render(run, registry, "png")


def render_svg(run: Run, registry: Registry) -> dict[str, bytes]:
    """Text is stored as text, so that it can be searched and edited."""
    return _render(run, registry, "svg")


def _render(run: Run, registry: Registry, kind: str) -> dict[str, bytes]:
    """Raises UsageError where matplotlib is missing, or there is nothing to draw."""
    require_matplotlib()
    from matplotlib import rc_context

    settings: dict[Any, Any] = {
        # names are text, not mathematics
        "text.parse_math": False,
        "svg.fonttype": "none",
        # equal runs give equal files
        "svg.hashsalt": "genbench",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    files = {}
    with rc_context(settings):
        for name, figure in _charts(run, registry):
            buffer = io.BytesIO()
            metadata = {"Date": None} if kind == "svg" else {"Software": None}
            figure.savefig(buffer, format=kind, dpi=_DOTS_PER_INCH, metadata=metadata)
            files[f"{name}.{kind}"] = buffer.getvalue()
    if not files:
        raise UsageError(f"{run.folder} has nothing to draw: no job has finished")
    return files


def _charts(run: Run, registry: Registry) -> Iterator[tuple[str, Figure]]:
    from genbench_reports.charts import board_charts
    from genbench_reports.charts.overview_chart import overview_chart
    from genbench_reports.charts.sample_charts import samples_chart
    from genbench_reports.charts.search_chart import search_chart
    from genbench_reports.overview.document import make_document
    from genbench_reports.samples.exhibits import make_exhibit

    document = make_document(run, registry)
    overview = overview_chart(document.overview)
    if overview is not None:
        yield OVERVIEW, overview
    taken = {OVERVIEW}
    for leaderboard in document.leaderboards.boards:
        board = leaderboard.board
        name = _unused(file_name(board.title)[:80].strip("._") or "data", taken)
        drawn = {
            "compute": board_charts.curve_chart(board),
            "pareto": board_charts.trade_chart(board),
            "search": search_chart(board),
            "samples": samples_chart(make_exhibit(run, board, registry)),
        }
        yield from ((f"{name}-{what}", figure) for what, figure in drawn.items() if figure is not None)


def _unused(name: str, taken: set[str]) -> str:
    """A name that is not taken yet: two titles can give equal file names."""
    number, found = 1, name
    while found.lower() in taken:
        number += 1
        found = f"{name}-{number}"
    taken.add(found.lower())
    return found
