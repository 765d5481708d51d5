"""The contract between a run's live view and what plugins show in it (`genbench_live_panels`).

The harness knows how to draw a terminal without flicker, and no report; a report knows standings, and no terminal.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from rich.console import RenderableType

from genbench.records.result import Result


@runtime_checkable
class LivePanel(Protocol):
    """Told of each result, asked what to show."""

    def finished(self, result: Result) -> Iterable[str]:
        """A result is stored. Returns lines of plain text to print now, on a terminal and elsewhere; they stay."""

    def render(self, width: int, height: int) -> RenderableType | None:
        """What to show now, at most `height` lines of `width` columns; None for nothing. Called several times a second
        on a terminal that can be redrawn, from another thread than `finished`, and never elsewhere."""
