"""Supervision of one job: starts the process of each of its stages, reads messages and output, enforces the limits, and
makes the result.

A worker whose phase takes longer than its limit gets SIGINT, then SIGTERM, then SIGKILL. A worker that passes its
memory limit is killed at once. Whatever a worker does, its job ends with a result, which keeps what the stages before
have found. If the fork server is killed, its workers end with it, and their jobs start again, one after another: if one
of them kills the server each time, the others are not lost with it.
"""

from __future__ import annotations

import math
import shutil
import signal
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from genbench.errors import GenbenchError
from genbench.execution.bounded_log import BoundedLog
from genbench.execution.child_process import KILL, ChildProcess
from genbench.execution.interrupts import deferred_interrupts
from genbench.execution.limits import Limits
from genbench.execution.stages.stage_folder import new_stage_folder
from genbench.execution.where import MAX_DUMP_BYTES, WHERE, WRITING_SECONDS, place_in
from genbench.records.job import Job
from genbench.records.result import Circumstance, Result, Status
from genbench.records.task import Message, Outcome, Phase, StageRequest, Task, stages_of

if TYPE_CHECKING:
    from genbench.execution.start_method import WorkerContext

ESCALATION = (
    *(() if WHERE is None else ((WHERE, WRITING_SECONDS),)),
    (signal.SIGINT, 2.0),
    (signal.SIGTERM, 1.0),
    (KILL, math.inf),
)
"""The signals to a worker that has passed a time limit, and the seconds until the next one is sent."""
_MEMORY_POLL_SECONDS = 0.05
MAX_STARTS = 4
"""How often a job is started whose fork server is killed each time."""


class Supervised:
    """One job and the process that runs its present stage. Call `poll` when one of `waitables` is ready, and at least
    every 50 ms."""

    def __init__(
        self,
        task: Task,
        limits: Limits,
        log_path: Path,
        context: WorkerContext,
        on_message: Callable[[Job, Message], None],
    ) -> None:
        self.job = task.job
        self.limits = limits
        self.visible_gpus = task.visible_gpus
        """The GPUs that the job may use, as in `Task`."""
        self._task = task
        self._context = context
        self._on_message = on_message
        self._log_file = BoundedLog(log_path)
        self._factories = {card.factory for card in task.metrics}
        self._starts = 0
        self.has_lost_its_server = False
        """Whether the fork server was killed while the job ran. Such a job should have the fork server to itself."""
        self.waits_for_its_turn = False
        """Whether the job has no process and goes on only when `start_again` is called."""
        self._begin()

    def _begin(self) -> None:
        """Start the process of the first stage."""
        self._starts += 1
        self._stages = deque(() if self._task.rescoring is not None else stages_of(self.job))
        self._folder = new_stage_folder(self._task)
        self._phase: Phase = "start"
        self._phase_began = time.monotonic()
        self._phase_seconds: dict[str, float] = {}
        self._outcome: Outcome | None = None
        self._verdict: tuple[Status, str] | None = None
        self._escalation = 0
        self._last_output = b""  # after the first signal
        self._next_signal = math.inf
        self._next_memory_look = 0.0
        self._fatal_factories: dict[str, str] = {}
        self._start()

    def _start(self) -> None:
        """Start the process of the next stage."""
        self._request: StageRequest | None = None
        if self._stages:
            self._request = StageRequest(
                name=self._stages.popleft(), folder=str(self._folder), so_far=self._outcome or Outcome()
            )
        self._start_process()

    def _start_process(self) -> None:
        task = msgspec.structs.replace(self._task, stage=self._request, fatal_factories=self._fatal_factories)
        self._finished = False
        self._factory = ""  # of the metric that is computed now
        self._baseline_bytes: int | None = None
        self._child = self._new_child(task)

    def _new_child(self, task: Task) -> ChildProcess:
        while True:
            try:
                return ChildProcess(task, self._context)
            except (EOFError, ConnectionError):  # the fork server was killed while it started the process
                self._starts += 1
                if self._starts > MAX_STARTS:
                    self._close()
                    raise GenbenchError(
                        "the fork server is killed whenever it starts a worker; GENBENCH_START_METHOD=spawn does"
                        " without it, and the same command goes on"
                    ) from None

    @property
    def server(self) -> int | None:
        """Process id of the fork server that started the worker; None where there is none."""
        return self._child.server

    @property
    def waitables(self) -> list[Any]:
        """For `multiprocessing.connection.wait`."""
        return [] if self.waits_for_its_turn else self._child.waitables

    def poll(self) -> Result | None:
        """Read messages and output, and enforce the limits; start the next stage when one has ended well. Returns the
        result once the job has ended, else None."""
        if self.waits_for_its_turn:
            return None
        self._read()
        if not self._child.is_alive():
            return self._conclude_stage()
        now = time.monotonic()
        if now >= self._next_memory_look:
            self._next_memory_look = now + _MEMORY_POLL_SECONDS
            self._enforce_memory()
        self._enforce_time(now)
        return None

    def kill(self) -> None:
        """End the process, and all processes that it started, at once."""
        if not self.waits_for_its_turn:
            self._child.kill()
        self._close()

    # ---- messages and output

    def _read(self) -> None:
        for chunk in self._child.output():
            self._log_file.write(chunk)
            if self._escalation:
                self._last_output = (self._last_output + chunk)[-MAX_DUMP_BYTES:]
        for message in self._child.messages():
            if message.kind == "phase":
                self._enter(message.phase)
            if message.outcome is not None:
                self._outcome = message.outcome
            if message.kind == "scoring":
                self._note_factory(message.factory)
                continue
            if message.kind == "done":
                self._finished = True
                if self._goes_on():
                    message = msgspec.structs.replace(message, kind="outcome")
            self._on_message(self.job, message)
        if self._child.is_channel_broken and self._verdict is None and not self._finished:
            self._verdict = (
                "plugin_error",
                f"something else than a message came from the worker in {self._phase}",
            )
            self._child.signal(KILL)

    def _note_factory(self, factory: str) -> None:
        """The metrics that are computed now. Elsewhere than here, only code of the model could say so."""
        is_scored = self._request is None or self._request.name == "score" or self._phase == "checkpoint"
        self._factory = factory if is_scored and factory in self._factories else ""

    def _goes_on(self) -> bool:
        """Whether the stage has ended well and another follows."""
        is_well = self._finished and self._outcome is not None and self._outcome.status == "ok"
        return bool(self._stages) and is_well and self._verdict is None

    def _enter(self, phase: Phase) -> None:
        now = time.monotonic()
        self._phase_seconds[self._phase] = self._spent_in_phase(now)
        self._phase, self._phase_began = phase, now
        if phase == "build":
            self._baseline_bytes = self._child.resident_bytes()

    def _spent_in_phase(self, now: float) -> float:
        return self._phase_seconds.get(self._phase, 0.0) + now - self._phase_began

    # ---- limits

    def _enforce_memory(self) -> None:
        resident = self._child.resident_bytes()
        if self._baseline_bytes is None:
            self._baseline_bytes = resident
        used = resident - self._baseline_bytes
        if used > self.limits.memory_bytes and self._verdict is None:
            self._verdict = (
                "oom",
                f"{_mebibytes(used)} in {self._phase}, past the limit of {_mebibytes(self.limits.memory_bytes)}",
            )
            self._child.signal(KILL)

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
            self._child.signal(number)

    # ---- the end

    def _conclude_stage(self) -> Result | None:
        self._read()
        code = self._child.exit_code
        if self._goes_on():
            self._enter("start")
            with deferred_interrupts():  # else an interrupt might come while no child is known
                self._child.clear_away()
                self._start()
            return None
        if not self._finished and self._verdict is None and self._child.has_lost_its_server:
            self.has_lost_its_server = True
            if self._starts < MAX_STARTS:
                self._wait_for_its_turn()
                return None
            self._verdict = ("killed", f"the fork server was killed, {MAX_STARTS} times in a row")
        if not self._finished and self._factory and self._factory not in self._fatal_factories:
            self._score_without(self._factory, code)
            return None
        now = time.monotonic()
        self._phase_seconds[self._phase] = self._spent_in_phase(now)
        status, reason = self._status_and_reason(code)
        self._child.clear_away()
        self._close()
        outcome = self._outcome
        circumstance = self._circumstance(status, code)
        if outcome is None:
            return Result(
                id=self.job.id, status=status, reason=reason, job=self.job, circumstance=circumstance
            )
        seconds = {phase: round(spent, 4) for phase, spent in self._phase_seconds.items()}
        cost = msgspec.structs.replace(outcome.cost, wall_seconds_by_phase=seconds)
        ended = msgspec.structs.replace(
            outcome, status=status, reason=reason, circumstance=circumstance, cost=cost
        )
        return ended.result(self.job)

    def _score_without(self, factory: str, code: int | None) -> None:
        """Repeat the stage without the metrics of a factory that has ended its process: the scoring, or the training,
        if that was at a checkpoint."""
        status, reason = self._status_and_reason(code)
        self._log_file.write(f"\n--- {factory}: {reason}; its metrics are left out ---\n".encode())
        self._fatal_factories[factory] = f"{status}: {reason}"
        self._verdict, self._escalation, self._next_signal = None, 0, math.inf
        self._last_output = b""
        self._enter("start")
        with deferred_interrupts():
            self._child.clear_away()
            if self._request is not None:
                self._outcome = self._request.so_far
                if self._request.name == "train":
                    self._phase_seconds.clear()  # or the limit would count the training that was lost
            self._start_process()

    def _wait_for_its_turn(self) -> None:
        self._log_file.write(b"\n--- the fork server was killed; the job starts again ---\n")
        with deferred_interrupts():
            self._child.clear_away()
            shutil.rmtree(self._folder, ignore_errors=True)
            self.waits_for_its_turn = True

    def start_again(self) -> None:
        """Start a job from its beginning that has waited for its turn."""
        with deferred_interrupts():
            self.waits_for_its_turn = False
            self._begin()

    def _status_and_reason(self, code: int | None) -> tuple[Status, str | None]:
        if self._verdict is not None:
            status, reason = self._verdict
            place = place_in(self._last_output.decode("utf-8", "replace"))
            return status, reason if place is None else f"{reason}; it stood at {place}"
        if self._finished and self._outcome is not None:
            return self._outcome.status, self._outcome.reason
        if code is not None and code < 0:
            name = _signal_name(-code)
            return "killed", f"{name} in {self._phase}{_SIGNAL_HINTS.get(name, '')}"
        return "plugin_error", f"the process exited by itself with code {code} in {self._phase}"

    def _circumstance(self, status: Status, code: int | None) -> Circumstance | None:
        """What the failure came from, if that is not the model."""
        if status == "oom" and self.job.training_budget.memory_bytes is None:
            return Circumstance(kind="memory", room_bytes=self.limits.memory_bytes)
        if status != "killed":
            return self._outcome.circumstance if self._finished and self._outcome is not None else None
        if self._finished and self._outcome is not None:  # a full disk
            return self._outcome.circumstance
        is_from_outside = code is None or code >= 0 or _signal_name(-code) in _SIGNALS_FROM_OUTSIDE
        return Circumstance(kind="killed") if is_from_outside else None

    def _close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._log_file.close()


_SIGNALS_FROM_OUTSIDE = ("SIGKILL", "SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGXCPU", "SIGPWR")
"""Signals that a program does not get for a mistake of its own."""
_SIGNAL_HINTS = {
    "SIGKILL": ": ended by another process, perhaps by the system because memory ran out",
    "SIGSEGV": ": a segmentation fault in compiled code",
    "SIGABRT": ": compiled code aborted",
}


def _signal_name(number: int) -> str:
    """Its name, or "signal 40" for those that Python has no name for: the signals for real-time programs."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"
