"""Fetches what data sets need before anything runs, with one progress bar for each file."""

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

from genbench.cards import DatasetCard, RemoteFile
from genbench.errors import DataError
from genbench.fetching import fetch, missing_files


def fetch_all(cards: Iterable[DatasetCard], console: Console) -> dict[str, str]:
    """Fetch the files that are not in the cache. Returns why, in one line, by the name of each data set that
    cannot be had."""
    failures: dict[str, str] = {}
    tried: dict[RemoteFile, str] = {}
    unreachable: set[str] = set()
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
    """In words: "11.6 MB"."""
    return f"{sum(file.size_bytes for file in files) / 1e6:.1f} MB"


def _fetch(file: RemoteFile, progress: Progress, unreachable: set[str]) -> str:
    """Why it cannot be had; empty where it is there."""
    task = progress.add_task(file.name, total=file.size_bytes)
    try:
        fetch(file, _Bar(progress, task), unreachable)
    except DataError as error:
        return str(error)
    finally:
        progress.remove_task(task)
    return ""


class _Bar:
    """What `genbench.fetching.Progress` asks, on a bar of rich."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task
        self.total = 0  # set by the downloader; the card knows the size

    def update(self, bytes_more: int) -> None:
        self._progress.advance(self._task, bytes_more)

    def reset(self) -> None:
        self._progress.reset(self._task)

    def close(self) -> None: ...
