"""Supervision of one worker process: reads its messages and its output, enforces its limits, and makes its result.

A worker whose phase takes longer than its limit gets SIGINT, then SIGTERM, then SIGKILL. A worker that passes its
memory limit is killed at once. Whatever a worker does, its job ends with a result.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import psutil

from genbench.execution.bounded_log import BoundedLog
from genbench.execution.child import child_main
from genbench.execution.interrupts import deferred_interrupts
from genbench.execution.limits import Limits
from genbench.records.job import Job
from genbench.records.result import Result, Status
from genbench.records.task import Message, Outcome, Phase

if TYPE_CHECKING:
    from genbench.execution.start_method import WorkerContext

ESCALATION = (
    (signal.SIGINT, 2.0),
    (signal.SIGTERM, 1.0),
    (getattr(signal, "SIGKILL", signal.SIGTERM), math.inf),
)
"""The signals to a worker that has passed a time limit, and the seconds until the next one is sent."""
_MEMORY_POLL_SECONDS = 0.05


class Supervised:
    """One worker process and its job. Call `poll` when one of `waitables` is ready, and at least every 50 ms."""

    def __init__(
        self,
        job: Job,
        task: bytes,
        limits: Limits,
        log_path: Path,
        context: WorkerContext,
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
        self._process = context.Process(
            target=child_main,
            args=(task, child_channel, child_log, os.getpid()),
            name=f"genbench {job.variant}",
        )
        with deferred_interrupts():
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
        """Read messages and output, and enforce the limits. Returns the result once the process has ended, else
        None."""
        self._read_log()
        self._read_messages()
        if not self._process.is_alive():
            return self._conclude()
        now = time.monotonic()
        if now >= self._next_memory_look:
            self._next_memory_look = now + _MEMORY_POLL_SECONDS
            self._enforce_memory()
        self._enforce_time(now)
        return None

    def kill(self) -> None:
        """End the process, and all processes that it started, at once."""
        self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        self._process.join(5)
        self._close()

    # ---- messages and output

    def _read_messages(self) -> None:
        while not self._channel.closed:
            try:
                if not self._channel.poll():
                    return
                message = self._decode(self._channel.recv_bytes())
            except (EOFError, OSError):
                self._channel.close()
                return
            except msgspec.DecodeError:  # a plugin has written into the pipe
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
                self._verdict = (
                    "timeout",
                    f"{self._phase} took more than {limit:g} s, grace period included",
                )
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
            # the worker leads a process group, so this reaches the processes that it started
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
                os.killpg(pid, signal.SIGKILL)  # processes that it left running
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
            likeliest=outcome.likeliest if status == "ok" else None,
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
    "SIGKILL": ": ended by another process, perhaps by the system because memory ran out",
    "SIGSEGV": ": a segmentation fault in compiled code",
    "SIGABRT": ": compiled code aborted",
}


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"
