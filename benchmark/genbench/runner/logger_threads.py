"""Experiment trackers (`run --log NAME:TARGET`): chosen before anything runs, then informed by the lifecycle hooks.

The hooks are called in the process that supervises the workers, and a tracker may be slow or its server unreachable.
Therefore each logger has a queue and a thread of its own. If a logger fails, there is one warning and the run goes on.
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
"""The time that loggers have after the last job to send what is left in their queues."""
INTERRUPTED_SECONDS = 10.0
"""That time after an interruption, when a user waits for the prompt."""
_PROGRESS_INTERVAL_SECONDS = 0.5
"""The shortest time between two progress events of a job: a tracker over a network needs tens of milliseconds each."""
_MAX_QUEUED_EVENTS = 10_000
"""Progress events are dropped while the queue is longer than this."""


@runtime_checkable
class JobLogger(Protocol):
    """What the factory of a `LoggerCard` returns.

    All methods are called in one thread, in the order of the events. An exception ends the logger and not the run.
    """

    def job_started(self, job: Job) -> None:
        """A worker has begun the job. Jobs may finish without this: if their data set cannot be had, for instance."""

    def job_progress(self, job: Job, fraction: float, losses: dict[str, float]) -> None:
        """The job is training; called about twice per second. fraction: the share of the budget used, 0 to 1."""

    def job_checkpoint(self, job: Job, point: CurvePoint) -> None:
        """A checkpoint was judged on the validation split."""

    def job_finished(self, job: Job, result: Result) -> None:
        """The job's result is stored."""

    def close(self) -> None:
        """The run has ended or was interrupted; jobs that have not finished by now will not finish."""


@dataclass(frozen=True)
class ChosenLogger:
    """One `--log` option, read and checked."""

    card: LoggerCard
    """The logger."""
    target: str | None
    """The text after the colon; None if there was none."""


def choose_loggers(wanted: Sequence[str], registry: Registry) -> list[ChosenLogger]:
    """Read "NAME" or "NAME:TARGET" of each `--log`.

    Raises UnknownNameError for a name that no plugin announces, UsageError if a package that the logger needs is
    missing.
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
    except (ImportError, ValueError):  # a parent package is missing, or the package is installed in part
        return False


@contextlib.contextmanager
def logging_to(chosen: Sequence[ChosenLogger], run: Run, registry: Registry) -> Iterator[None]:
    """Inform the chosen loggers of the lifecycle hooks inside the block. When it ends, they have `CLOSING_SECONDS` to
    send what is left.

    Raises UsageError if a target cannot be used, before the block begins.
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
    """Puts the events of the lifecycle hooks into a queue, from which a thread calls the logger."""

    def __init__(self, name: str, logger: JobLogger) -> None:
        self._name = name
        self._logger = logger
        self._events: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._next_progress: dict[str, float] = {}
        self._failed = False
        # a daemon thread: if it hangs, the process can still end
        self._thread = threading.Thread(target=self._work, name=f"logger {name}", daemon=True)
        self._thread.start()

    # ---- lifecycle hooks, in the main thread

    def genbench_job_started(self, job: Job) -> None:
        self._put(lambda: self._logger.job_started(job))

    def genbench_job_progress(self, job: Job, phase: str, fraction: float, losses: dict[str, float]) -> None:
        now = time.monotonic()
        if phase != "train" or not losses or now < self._next_progress.get(job.id, 0.0):
            return
        self._next_progress[job.id] = now + _PROGRESS_INTERVAL_SECONDS
        if self._events.qsize() < _MAX_QUEUED_EVENTS:
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
            _log.warning("logger %s did not end in time; events that it had not sent are lost", self._name)

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
                    "logger %s failed and is no longer used; the run goes on: %s: %s",
                    self._name,
                    type(error).__name__,
                    what[:300],
                )
                with contextlib.suppress(Exception, SystemExit):
                    self._logger.close()
