"""A progress bar while many files are read, if standard error is a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Item = TypeVar("Item")


def shown(description: str) -> Callable[[Sequence[Item]], Iterable[Item]]:
    """A way to go through things, with a bar on a terminal's standard error."""
    console = Console(stderr=True)

    def through(items: Sequence[Item]) -> Iterator[Item]:
        yield from track(items, description, console=console, transient=True, disable=not console.is_terminal)

    return through
