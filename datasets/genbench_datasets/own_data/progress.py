"""What is said on standard error while files are read: a progress bar on a terminal, and warnings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import track

from genbench_datasets.own_data.located import printable

Item = TypeVar("Item")
_MAX_WARNINGS = 10
"""A folder of thousands may have something wrong with each; the card has their number."""


def shown(description: str) -> Callable[[Sequence[Item]], Iterable[Item]]:
    """A way to go through things, with a bar on a terminal's standard error."""
    console = Console(stderr=True)

    def through(items: Sequence[Item]) -> Iterator[Item]:
        yield from track(
            items,
            escape(printable(description)),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    return through


def warn(lines: Sequence[str]) -> None:
    """Print the first warnings, and how many more there are."""
    for line in lines[:_MAX_WARNINGS]:
        print(f"warning: {printable(line)}", file=sys.stderr)
    if len(lines) > _MAX_WARNINGS:
        print(f"warning: ... and {len(lines) - _MAX_WARNINGS:,} more", file=sys.stderr)
