"""The child's side of the process boundary: what happens between the fork and `run_task`.

Messages go to the supervisor as JSON, one a message, so that nothing a plugin does is ever unpickled.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from multiprocessing.connection import Connection

import msgspec
import psutil

from genbench.execution.interrupts import take_interrupts
from genbench.records.task import Message, Observer, Outcome, Phase, Task

_PR_SET_PDEATHSIG = 1


class PipeObserver(Observer):
    """Sends what the worker tells through a pipe."""

    def __init__(self, channel: Connection) -> None:
        self._channel = channel

    def send(self, message: Message) -> None:
        self._channel.send_bytes(msgspec.json.encode(message))

    def phase(self, name: Phase) -> None:
        self.send(Message(kind="phase", phase=name))

    def progress(self, fraction: float, losses: dict[str, float]) -> None:
        self.send(Message(kind="progress", fraction=fraction, losses=losses))

    def outcome(self, outcome: Outcome) -> None:
        self.send(Message(kind="outcome", outcome=outcome))


def child_main(task: bytes, channel: Connection, log: Connection, parent: int) -> None:
    """Entry point of the process. task: a `Task` as JSON. log: the pipe that takes all output. parent: the
    process that supervises."""
    _leave_terminal(log, parent)
    from genbench.execution.worker import (
        run_task,  # with torch; the fork server has it loaded, the supervisor never
    )

    observer = PipeObserver(channel)
    try:
        outcome = run_task(msgspec.json.decode(task, type=Task), observer)
    except KeyboardInterrupt:  # the supervisor knows why; what was sent so far is what is known
        _flush()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    _flush()
    observer.send(Message(kind="done", outcome=outcome))
    channel.close()
    os._exit(0)  # a plugin's threads and exit handlers have no say


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()


def _leave_terminal(log: Connection, parent: int) -> None:
    """Own session (Ctrl-C is the supervisor's), own output, and no life after the parent's death."""
    if hasattr(os, "setsid"):
        os.setsid()
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    log.close()
    take_interrupts()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        # ours is the fork server, which ends when the supervisor does
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if not psutil.pid_exists(parent):
            os._exit(0)
