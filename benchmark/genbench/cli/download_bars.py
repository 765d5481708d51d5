"""Fetching the files of data sets before anything runs, with one progress bar per file."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from genbench.api.cards import DatasetCard, RemoteFile
from genbench.datasets.fetching import fetch, missing_files, size_bytes
from genbench.errors import DataError


def fetch_all(cards: Iterable[DatasetCard], console: Console) -> dict[str, str]:
    """Fetch the files that are not in the cache. Returns the reason, in one line, for each data set that cannot be had,
    by its name."""
    failures: dict[str, str] = {}
    tried: dict[RemoteFile, str] = {}
    unreachable: dict[str, str] = {}
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        for card in cards:
            for file in missing_files(card):
                if file not in tried:
                    tried[file] = _fetch(file, progress, unreachable)
                if tried[file]:
                    failures[card.name] = tried[file]
                    break
    return failures


def size_of(files: Iterable[RemoteFile]) -> str:
    """The size of the files in words: "11.6 MB", "more than 11.6 MB", "size unknown"."""
    sizes = [size_bytes(file) for file in files]
    known = f"{sum(size for size in sizes if size is not None) / 1e6:.1f} MB"
    if None not in sizes:
        return known
    return f"more than {known}" if any(sizes) else "size unknown"


def _fetch(file: RemoteFile, progress: Progress, unreachable: dict[str, str]) -> str:
    """Fetch one file. Returns the reason if it cannot be had, else an empty text."""
    task = progress.add_task(file.name, total=file.size_bytes)
    try:
        fetch(file, _Bar(progress, task), unreachable)
    except DataError as error:
        return str(error)
    finally:
        progress.remove_task(task)
    return ""


class _Bar:
    """What `genbench.datasets.fetching.Progress` asks, on a bar of rich."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    @property
    def total(self) -> int:
        return int(self._progress.tasks[self._progress.task_ids.index(self._task)].total or 0)

    @total.setter
    def total(self, total_bytes: int) -> None:
        if total_bytes:  # else the card may know
            self._progress.update(self._task, total=total_bytes)

    def update(self, bytes_more: int) -> None:
        self._progress.advance(self._task, bytes_more)

    def reset(self) -> None:
        self._progress.reset(self._task)

    def close(self) -> None: ...
