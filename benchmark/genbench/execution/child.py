"""The entry point of a worker process: what happens between the fork and `run_task`.

Messages are sent to the supervisor as JSON, so that nothing that a plugin sends is ever unpickled.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import signal
import sys
from multiprocessing.connection import Connection

import msgspec
import psutil

from genbench.execution.interrupts import accept_interrupts
from genbench.execution.message_channel import MessageWriter
from genbench.execution.orphans import PR_SET_PDEATHSIG
from genbench.execution.where import WHERE
from genbench.measure.visible_gpus import MASK
from genbench.records.task import Message, Observer, Outcome, Phase, Task


class PipeObserver(Observer):
    """Sends what the worker reports through a pipe."""

    def __init__(self, channel: Connection) -> None:
        self._writer = MessageWriter(channel.fileno())

    def send(self, message: Message) -> None:
        self._writer.send(message)

    def phase(self, name: Phase) -> None:
        self.send(Message(kind="phase", phase=name))

    def progress(self, fraction: float, losses: dict[str, float]) -> None:
        self.send(Message(kind="progress", fraction=fraction, losses=losses))

    def scoring(self, factory: str) -> None:
        self.send(Message(kind="scoring", factory=factory))

    def outcome(self, outcome: Outcome) -> None:
        self.send(Message(kind="outcome", outcome=outcome))


def child_main(task: bytes, channel: Connection, log: Connection, parent: int) -> None:
    """Run the task and send its outcome; never returns.

    task: a `Task` as JSON. channel: the pipe for messages. log: the pipe for all output. parent: the id of the
    supervisor's process.
    """
    _detach(log, parent)
    wanted = msgspec.json.decode(task, type=Task)
    if wanted.visible_gpus:  # CUDA reads it at its first use, which no fork server may be
        os.environ[MASK] = ",".join(wanted.visible_gpus)
    from genbench.execution.worker import (
        run_task,  # imports torch, which the fork server has loaded and the supervisor never loads
    )

    observer = PipeObserver(channel)
    try:
        outcome = run_task(wanted, observer)
    except KeyboardInterrupt:  # sent by the supervisor, which records why and keeps the messages sent so far
        _flush()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    _flush()
    observer.send(Message(kind="done", outcome=outcome))
    channel.close()
    os._exit(0)  # without waiting for a plugin's threads and exit handlers


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()


def _detach(log: Connection, parent: int) -> None:
    """Give the process a session of its own (Ctrl-C reaches the supervisor only), send its output to the log, and have
    the system end it when the supervisor ends."""
    if hasattr(os, "setsid"):
        os.setsid()
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    log.close()
    if WHERE is not None:
        faulthandler.register(WHERE, file=2, all_threads=True)
    accept_interrupts()
    if sys.platform == "linux":
        # the parent of this process is the fork server, which ends when the supervisor does
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)  # the fork server's own
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if not psutil.pid_exists(parent):
            os._exit(0)
