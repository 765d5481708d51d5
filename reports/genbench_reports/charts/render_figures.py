"""The factories of `--format png` and `--format svg`: three figures for each data set, as files by name."""

from __future__ import annotations

import importlib.util
import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from genbench.errors import UsageError
from genbench.plugin.registry import Registry
from genbench.records.run_folder import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DOTS_PER_INCH = 200


def render_png(run: Run, registry: Registry) -> dict[str, bytes]:
    return _render(run, registry, "png")


def render_svg(run: Run, registry: Registry) -> dict[str, bytes]:
    """Text stays text, to be searched and edited."""
    return _render(run, registry, "svg")


def _render(run: Run, registry: Registry, kind: str) -> dict[str, bytes]:
    """Raises UsageError where matplotlib is missing, or there is nothing to draw."""
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError("pictures need matplotlib: pip install 'genbench[pictures]'")
    from matplotlib import rc_context

    settings: dict[Any, Any] = {
        # names are text, not mathematics
        "text.parse_math": False,
        "svg.fonttype": "none",
        # the same run gives the same file
        "svg.hashsalt": "genbench",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    files = {}
    with rc_context(settings):
        for name, figure in _figures(run, registry):
            buffer = io.BytesIO()
            metadata = {"Date": None} if kind == "svg" else {"Software": None}
            figure.savefig(buffer, format=kind, dpi=_DOTS_PER_INCH, metadata=metadata)
            files[f"{name}.{kind}"] = buffer.getvalue()
    if not files:
        raise UsageError(f"{run.folder} has nothing to draw: no job has finished")
    return files


def _figures(run: Run, registry: Registry) -> Iterator[tuple[str, Figure]]:
    from genbench_reports.charts import figures
    from genbench_reports.leaderboard.document import make_document
    from genbench_reports.samples.exhibits import make_exhibit

    taken: set[str] = set()
    for leaderboard in make_document(run, registry).boards.boards:
        board = leaderboard.board
        name = _unused(re.sub(r"[^\w.=-]+", "_", board.title)[:80].strip("._") or "data", taken)
        drawn = {
            "compute": figures.curve_figure(board),
            "pareto": figures.trade_figure(board),
            "samples": figures.samples_figure(make_exhibit(run, board)),
        }
        yield from ((f"{name}-{what}", figure) for what, figure in drawn.items() if figure is not None)


def _unused(name: str, taken: set[str]) -> str:
    """Two titles may be the same file name."""
    number, found = 1, name
    while found.lower() in taken:
        number += 1
        found = f"{name}-{number}"
    taken.add(found.lower())
    return found
