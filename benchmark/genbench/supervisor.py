"""The parent's side: watches one child, limits it, kills it, and says what became of it.

The supervisor enforces what the model was asked to keep. A phase that outlasts its limit gets SIGINT, then
SIGTERM, then SIGKILL; one that outgrows the memory cap is killed at once. Whatever the child does, its job
ends with a result.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import msgspec
import psutil

from genbench.bounded_log import BoundedLog
from genbench.budget import Budget
from genbench.child import child_main
from genbench.errors import UsageError
from genbench.held_interrupts import interrupts_held
from genbench.job import Job
from genbench.result import Result, Status
from genbench.task import ANNEALING_SECONDS, Message, Outcome, Phase

PRELOAD = ["genbench.preload"]
"""What the fork server imports once, so that a child starts in milliseconds."""

PHASE_LIMITS_SECONDS = {
    "start": 60.0,
    "load": 300.0,
    "build": 120.0,
    "likelihood": 600.0 + ANNEALING_SECONDS,
    "audit": 600.0,
    "score": 600.0,
}
CHECKPOINT_SECONDS = 60.0
"""What judging a checkpoint may take besides drawing its samples."""
GRACE_SECONDS = 5.0
"""Past its limit a phase has this long, or half the limit, whichever is more."""
UNTIMED_TRAINING_SECONDS = 3600.0
"""Limit of a training whose budget has no seconds."""
ESCALATION = (
    (signal.SIGINT, 2.0),
    (signal.SIGTERM, 1.0),
    (getattr(signal, "SIGKILL", signal.SIGTERM), math.inf),
)
"""Signals to a child that is past its limit, and the seconds each is given to work."""
_MEMORY_LOOK_SECONDS = 0.05
SPIN_COUNT = 2500
"""How long a thread of a worker spins before it sleeps: some microseconds, where the default is some milliseconds."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a child may use. phase_seconds: of one visit to a phase, but of all visits to training together.
    memory_bytes: resident memory above what it started with."""

    phase_seconds: dict[str, float]
    memory_bytes: int

    @classmethod
    def of(cls, job: Job, default_memory_bytes: int) -> Limits:
        budget = Budget.parse(job.budget)
        sampling = _with_grace(job.sampling_seconds)
        asked = {
            "train": _with_grace(budget.seconds or UNTIMED_TRAINING_SECONDS),
            "checkpoint": CHECKPOINT_SECONDS + sampling,
            "sample": sampling,
        }
        return cls(
            phase_seconds={**PHASE_LIMITS_SECONDS, **asked},
            memory_bytes=budget.memory_bytes or default_memory_bytes,
        )


def _with_grace(seconds: float) -> float:
    return seconds + max(GRACE_SECONDS, seconds / 2)


def start_method() -> str:
    """ "forkserver" or "spawn": what GENBENCH_START_METHOD says, else the first that this system has."""
    methods = [name for name in ("forkserver", "spawn") if name in multiprocessing.get_all_start_methods()]
    method = os.environ.get("GENBENCH_START_METHOD") or methods[0]
    if method not in methods:
        raise UsageError(f"GENBENCH_START_METHOD={method}: expected {' or '.join(methods)}")
    return method


def process_context() -> BaseContext:
    """Children of a fork server with torch preloaded, or spawned ones where there is no fork.

    Spawned ones too where GENBENCH_START_METHOD is "spawn": what a script or a plugin does when it is imported, such as
    asking CUDA for its devices, may forbid forking. Raises UsageError where it names no such method.
    """
    _calm_openmp()
    if start_method() == "spawn":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    # "__main__" first: otherwise every child would run the main script's imports again
    context.set_forkserver_preload(["__main__", *PRELOAD])
    return context


def _calm_openmp() -> None:
    """OpenMP's threads wait for each other by spinning. Beside another busy process, where they have no core each, a
    spinning thread keeps the one that it waits for from running (docs/decisions/0025)."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPIN_COUNT))


class Supervised:
    """One child and its job. Call `poll` whenever one of `waitables` is ready, and at least every 50 ms."""

    def __init__(
        self,
        job: Job,
        task: bytes,
        limits: Limits,
        log_path: Path,
        context: BaseContext,
        on_message: Callable[[Job, Message], None],
    ) -> None:
        self.job = job
        self.limits = limits
        self._decode = msgspec.json.Decoder(Message).decode
        self._on_message = on_message
        self._channel, child_channel = context.Pipe(duplex=False)
        self._log, child_log = context.Pipe(duplex=False)
        self._log_file = BoundedLog(log_path)
        os.set_blocking(self._log.fileno(), False)
        self._process = context.Process(  # type: ignore[attr-defined]
            target=child_main,
            args=(task, child_channel, child_log, os.getpid()),
            name=f"genbench {job.variant}",
        )
        with interrupts_held():
            self._process.start()
        child_channel.close()
        child_log.close()
        self._phase: Phase = "start"
        self._phase_began = time.monotonic()
        self._phase_seconds: dict[str, float] = {}
        self._outcome: Outcome | None = None
        self._finished = False
        self._verdict: tuple[Status, str] | None = None
        self._escalation = 0
        self._next_signal = math.inf
        self._baseline_bytes: int | None = None
        self._next_memory_look = 0.0

    @property
    def waitables(self) -> list[Any]:
        """For `multiprocessing.connection.wait`."""
        return [self._process.sentinel, *(c for c in (self._channel, self._log) if not c.closed)]

    def poll(self) -> Result | None:
        """Read what the child said, enforce its limits; the result once it has ended."""
        self._read_log()
        self._read_messages()
        if not self._process.is_alive():
            return self._conclude()
        now = time.monotonic()
        if now >= self._next_memory_look:
            self._next_memory_look = now + _MEMORY_LOOK_SECONDS
            self._enforce_memory()
        self._enforce_time(now)
        return None

    def kill(self) -> None:
        """End the child and all it started, at once."""
        self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        self._process.join(5)
        self._close()

    # ---- what the child says

    def _read_messages(self) -> None:
        while not self._channel.closed:
            try:
                if not self._channel.poll():
                    return
                message = self._decode(self._channel.recv_bytes())
            except (EOFError, OSError):
                self._channel.close()
                return
            except msgspec.DecodeError:  # a plugin wrote into our pipe
                continue
            if message.kind == "phase":
                self._enter(message.phase)
            if message.outcome is not None:
                self._outcome = message.outcome
            self._finished |= message.kind == "done"
            self._on_message(self.job, message)

    def _enter(self, phase: Phase) -> None:
        now = time.monotonic()
        self._phase_seconds[self._phase] = self._spent_in_phase(now)
        self._phase, self._phase_began = phase, now
        if phase == "build":
            self._baseline_bytes = self._resident_bytes()

    def _spent_in_phase(self, now: float) -> float:
        return self._phase_seconds.get(self._phase, 0.0) + now - self._phase_began

    def _read_log(self) -> None:
        while not self._log.closed:
            try:
                chunk = os.read(self._log.fileno(), 1 << 20)
            except BlockingIOError:
                return
            except OSError:
                chunk = b""
            if not chunk:
                self._log.close()
                return
            self._log_file.write(chunk)

    # ---- limits

    def _enforce_memory(self) -> None:
        resident = self._resident_bytes()
        if self._baseline_bytes is None:
            self._baseline_bytes = resident
        used = resident - self._baseline_bytes
        if used > self.limits.memory_bytes and self._verdict is None:
            self._verdict = (
                "oom",
                f"{_mebibytes(used)} in {self._phase}, past the limit of {_mebibytes(self.limits.memory_bytes)}",
            )
            self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))

    def _resident_bytes(self) -> int:
        total = 0
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self._process.pid)
            total = process.memory_info().rss
            for child in process.children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    total += child.memory_info().rss
        return total

    def _enforce_time(self, now: float) -> None:
        if self._verdict is None:
            limit = self.limits.phase_seconds[self._phase]
            before = self._phase_seconds.get("train", 0.0) if self._phase == "train" else 0.0
            if before + now - self._phase_began > limit:
                self._verdict = ("timeout", f"{self._phase} took more than {limit:g}s, its grace included")
                self._next_signal = now
        if now >= self._next_signal:
            number, patience = ESCALATION[self._escalation]
            self._escalation += 1
            self._next_signal = now + patience
            self._signal(number)

    def _signal(self, number: signal.Signals) -> None:
        pid = self._process.pid
        if pid is None or not self._process.is_alive():
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # the child leads its own process group, so what it started goes with it
            if hasattr(os, "killpg") and number != signal.SIGINT and os.getpgid(pid) == pid:
                os.killpg(pid, number)
            else:
                os.kill(pid, number)

    # ---- the end

    def _conclude(self) -> Result:
        self._read_log()
        self._read_messages()
        now = time.monotonic()
        self._phase_seconds[self._phase] = self._spent_in_phase(now)
        status, reason = self._status_and_reason()
        pid = self._process.pid
        if pid is not None and hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)  # whatever it left behind
        self._close()
        outcome = self._outcome
        if outcome is None:
            return Result(id=self.job.id, status=status, reason=reason, job=self.job)
        seconds = {phase: round(spent, 4) for phase, spent in self._phase_seconds.items()}
        return Result(
            id=self.job.id,
            status=status,
            reason=reason,
            job=self.job,
            metrics=outcome.metrics if status == "ok" else [],
            last_metrics=outcome.last_metrics if status == "ok" else None,
            selected_fraction=outcome.selected_fraction,
            curve=outcome.curve,
            sampling_curve=outcome.sampling_curve,
            cost=msgspec.structs.replace(outcome.cost, wall_seconds_by_phase=seconds),
            audit=outcome.audit if status == "ok" else None,
            warnings=outcome.warnings,
        )

    def _status_and_reason(self) -> tuple[Status, str | None]:
        if self._verdict is not None:
            return self._verdict
        if self._finished and self._outcome is not None:
            return self._outcome.status, self._outcome.reason
        code = self._process.exitcode
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            return "killed", f"{name} in {self._phase}{_SIGNAL_HINTS.get(name, '')}"
        return "plugin_error", f"the process exited by itself with code {code} in {self._phase}"

    def _close(self) -> None:
        for connection in (self._channel, self._log):
            if not connection.closed:
                connection.close()
        self._log_file.close()
        with contextlib.suppress(ValueError):
            self._process.close()


_SIGNAL_HINTS = {
    "SIGKILL": ": killed from outside, perhaps by the system for want of memory",
    "SIGSEGV": ": a segmentation fault in compiled code",
    "SIGABRT": ": compiled code gave up",
}


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"
