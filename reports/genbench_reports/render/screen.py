"""The console that reports print to."""

from __future__ import annotations

import os
import sys

from rich.console import Console

_WIDTH_OF_FILES = 120


def screen() -> Console:
    """Standard output; where it is a file or a pipe without a width, wide enough for the tables."""
    wide = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else _WIDTH_OF_FILES
    return Console(width=wide, highlight=False)
