"""Experiment trackers (`run --log NAME:TARGET`): chosen before anything runs, fed by the lifecycle hooks.

A tracker may be slow, or its server away, and the process that calls the hooks is the one that supervises the workers.
So each logger has a thread of its own and a queue; whatever it does, the run goes on, and one warning says so.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from genbench.api.cards import LoggerCard, load_factory
from genbench.errors import GenbenchError, UsageError
from genbench.plugin.registry import Registry
from genbench.records.job import Job
from genbench.records.result import CurvePoint, Result
from genbench.records.run_folder import Run

_log = logging.getLogger(__name__)

CLOSING_SECONDS = 60.0
"""What a logger may take to send the rest, after the last job."""
INTERRUPTED_SECONDS = 10.0
"""The same after an interruption, when somebody waits for the prompt."""
_PROGRESS_EVERY_SECONDS = 0.5
"""Losses of a job are passed on no more often: a tracker over a network takes tens of milliseconds for each."""
_MOST_WAITING = 10_000


@runtime_checkable
class JobLogger(Protocol):
    """What a logger's factory returns. All methods are called in one thread, in the order of what happened; what they
    raise ends the logger and not the run. A job may finish without having started."""

    def job_started(self, job: Job) -> None: ...

    def job_progress(self, job: Job, fraction: float, losses: dict[str, float]) -> None:
        """While it trains, about twice a second. fraction: of the budget used, 0 to 1."""

    def job_checkpoint(self, job: Job, point: CurvePoint) -> None: ...

    def job_finished(self, job: Job, result: Result) -> None: ...

    def close(self) -> None:
        """The run is over or was interrupted: jobs that have not finished will not."""


@dataclass(frozen=True)
class ChosenLogger:
    """One `--log`. target: what followed the colon, or None."""

    card: LoggerCard
    target: str | None


def choose_loggers(wanted: Sequence[str], registry: Registry) -> list[ChosenLogger]:
    """Read "NAME" and "NAME:TARGET".

    Raises UnknownNameError for a name that no plugin announces, UsageError where a package it needs is missing.
    """
    chosen = {}
    for text in wanted:
        name, colon, target = text.partition(":")
        card = registry.logger(name)
        if colon and not target:
            raise UsageError(f"--log {text}: nothing follows the colon; expected {name}:{card.target}")
        missing = [package for package in card.packages if not _is_there(package)]
        if missing:
            how = f": python -m pip install {card.install!r}".replace("'", '"') if card.install else ""
            raise UsageError(f"--log {name} needs {', '.join(missing)}, which is not installed{how}")
        chosen[text] = ChosenLogger(card, target or None)
    return list(chosen.values())


def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):  # of a parent package, or of one that is half there
        return False


@contextlib.contextmanager
def logging_to(chosen: Sequence[ChosenLogger], run: Run, registry: Registry) -> Iterator[None]:
    """Loggers that hear the lifecycle hooks until the block ends, and then have `CLOSING_SECONDS` for what is left.

    Raises UsageError where a target cannot be used, before anything has run.
    """
    threads: list[LoggerThread] = []
    with contextlib.ExitStack() as stack:
        for each in chosen:
            try:
                logger: JobLogger = load_factory(each.card.factory)(run, each.target)
            except GenbenchError as error:
                raise UsageError(f"--log {each.card.name}: {error}") from None
            thread = LoggerThread(each.card.name, logger)
            threads.append(thread)
            stack.enter_context(registry.listening(f"logger {each.card.name}", thread))
        patience_seconds = INTERRUPTED_SECONDS
        try:
            yield
            patience_seconds = CLOSING_SECONDS
        finally:
            deadline = time.monotonic() + patience_seconds
            for thread in threads:
                thread.ask_to_close()
            for thread in threads:
                thread.wait(max(0.0, deadline - time.monotonic()))


class LoggerThread:
    """Hears the lifecycle hooks and has the logger told of them in another thread."""

    def __init__(self, name: str, logger: JobLogger) -> None:
        self._name = name
        self._logger = logger
        self._events: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._next_progress: dict[str, float] = {}
        self._failed = False
        # a daemon: one that hangs does not keep the process from ending
        self._thread = threading.Thread(target=self._work, name=f"logger {name}", daemon=True)
        self._thread.start()

    # ---- lifecycle hooks, in the main thread

    def genbench_job_started(self, job: Job) -> None:
        self._put(lambda: self._logger.job_started(job))

    def genbench_job_progress(self, job: Job, phase: str, fraction: float, losses: dict[str, float]) -> None:
        now = time.monotonic()
        if phase != "train" or not losses or now < self._next_progress.get(job.id, 0.0):
            return
        self._next_progress[job.id] = now + _PROGRESS_EVERY_SECONDS
        if self._events.qsize() < _MOST_WAITING:
            self._put(lambda: self._logger.job_progress(job, fraction, losses))

    def genbench_job_checkpoint(self, job: Job, point: CurvePoint) -> None:
        self._put(lambda: self._logger.job_checkpoint(job, point))

    def genbench_job_finished(self, job: Job, result: Result) -> None:
        self._put(lambda: self._logger.job_finished(job, result))

    def ask_to_close(self) -> None:
        self._put(self._logger.close)
        self._events.put(None)

    def wait(self, seconds: float) -> None:
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._failed = True
            _log.warning("logger %s does not end in time: what it had left to send is lost", self._name)

    def _put(self, event: Callable[[], None]) -> None:
        if not self._failed:
            self._events.put(event)

    # ---- the other thread

    def _work(self) -> None:
        while (event := self._events.get()) is not None:
            if self._failed:
                continue
            try:
                event()
            except (Exception, SystemExit) as error:
                self._failed = True
                what = (str(error).strip().splitlines() or [""])[0]
                _log.warning(
                    "logger %s failed and is left out from now on; the run goes on: %s: %s",
                    self._name,
                    type(error).__name__,
                    what[:300],
                )
                with contextlib.suppress(Exception, SystemExit):
                    self._logger.close()
