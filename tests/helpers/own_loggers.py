"""Loggers of a test's own: one that remembers, one that fails, one that hangs."""

from __future__ import annotations

import threading
from typing import Any

from genbench.errors import UsageError


class Remembering:
    """calls: the methods and what they were called with; threads: in which."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.threads: set[str] = set()

    def _note(self, name: str, *arguments: Any) -> None:
        self.calls.append((name, arguments))
        self.threads.add(threading.current_thread().name)

    def job_started(self, job: Any) -> None:
        self._note("job_started", job)

    def job_progress(self, job: Any, fraction: float, losses: dict[str, float]) -> None:
        self._note("job_progress", job, fraction, losses)

    def job_checkpoint(self, job: Any, point: Any) -> None:
        self._note("job_checkpoint", job, point)

    def job_finished(self, job: Any, result: Any) -> None:
        self._note("job_finished", job, result)

    def close(self) -> None:
        self._note("close")


class Failing(Remembering):
    def job_checkpoint(self, job: Any, point: Any) -> None:
        super().job_checkpoint(job, point)
        raise ConnectionError("the server is away\nand more")


class Hanging(Remembering):
    release = threading.Event()

    def job_finished(self, job: Any, result: Any) -> None:
        self.release.wait(30)


OPENED: list[tuple[Any, str | None, Remembering]] = []


def open_remembering(run: Any, target: str | None) -> Remembering:
    OPENED.append((run, target, Remembering()))
    return OPENED[-1][2]


def open_failing(run: Any, target: str | None) -> Remembering:
    OPENED.append((run, target, Failing()))
    return OPENED[-1][2]


def refuse(run: Any, target: str | None) -> Remembering:
    raise UsageError(f"no such place: {target}")
