"""The contract between the live view of a run and the panels that plugins show in it (`genbench_live_panels`).

The live view draws on the terminal without flicker and knows no report. A panel knows its report and no terminal.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from rich.console import RenderableType

from genbench.records.result import Result


@runtime_checkable
class LivePanel(Protocol):
    """Receives each result, and renders what is to be shown."""

    def finished(self, result: Result) -> Iterable[str]:
        """A result is stored. Returns lines of plain text to print permanently, on a terminal and elsewhere."""

    def render(self, width: int, height: int) -> RenderableType | None:
        """What to show now, in at most `height` lines of `width` columns; None for nothing.

        Called several times per second, in another thread than `finished`, and only if the output is a terminal that
        can be redrawn.
        """
