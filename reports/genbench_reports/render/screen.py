"""The console on which reports are printed."""

from __future__ import annotations

import os
import sys

from rich.console import Console

from genbench.util.terminal import SafeConsole

_WIDTH_OF_FILES = 120


def screen() -> Console:
    """Standard output; files and pipes, which have no width, are taken to be wide enough for the tables."""
    wide = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else _WIDTH_OF_FILES
    return SafeConsole(width=wide, highlight=False)
