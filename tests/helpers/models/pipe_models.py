"""Models that attack the process that watches them: its pipe, its fork server, and its idea of what a process is."""

from __future__ import annotations

import gc
import os
import signal
import struct
import subprocess
import sys
import time

import psutil
import torch
from hostile_models import Good

from genbench import ComputeMeter, DataSpec, Split
from genbench.execution.message_channel import MessageWriter


def message_pipe() -> int:
    """The descriptor of the pipe for messages."""
    return next(each._descriptor for each in gc.get_objects() if isinstance(each, MessageWriter))


class DiesOfANamelessSignal(Good):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        os.kill(os.getpid(), 40)


class SendsHalfAMessage(Good):
    """And then sleeps."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        os.write(message_pipe(), struct.pack("!I", 1000) + b'{"kind"')
        time.sleep(600)


class DiesInMidMessage(Good):
    """A process that it has forked holds the pipe."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        os.write(message_pipe(), struct.pack("!I", 1000) + b'{"kind"')
        if os.fork() == 0:
            time.sleep(600)
        os.kill(os.getpid(), signal.SIGKILL)


class AnnouncesTooMuch(Good):
    """A length that no message has: what was -1 and 2 ** 50 where lengths are signed and long."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        os.write(message_pipe(), struct.pack("!iQ", -1, 1 << 50))
        time.sleep(600)


class SendsNoMessages(Good):
    """Whole frames of something else, and then it goes on as if nothing had been."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        for text in (b"", b"\xff\xfe", b"[1, 2]", b'{"kind": "riddle"}', b"x" * 100_000):
            os.write(message_pipe(), struct.pack("!I", len(text)))
            os.write(message_pipe(), text)
        super().fit(train, meter)


class NeverStopsTelling(Good):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        text = b'{"kind": "progress", "fraction": 0.5}'
        frames = (struct.pack("!I", len(text)) + text) * 1000
        while True:
            os.write(message_pipe(), frames)


class NeverStopsPrinting(Good):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        while True:
            os.write(1, b"all work and no play\n" * 3000)


class KillsTheForkServer(Good):
    """As long as the file exists that the environment names, and removes it."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        mark = os.environ["GENBENCH_TEST_MARK"]
        if os.path.exists(mark):
            os.unlink(mark)
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(600)
        super().fit(train, meter)


class AlwaysKillsTheForkServer(Good):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)


def daemons(tag: str) -> list[psutil.Process]:
    """Those that a `MakesDaemons` with this tag has made and that still run."""
    return [process for process in psutil.process_iter() if _is_sleeper(process, tag)]


def _is_sleeper(process: psutil.Process, tag: str) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and _sleeper(tag) in process.cmdline()
    except psutil.Error:
        return False


def _sleeper(tag: str) -> str:
    return f"import time; time.sleep(3600)  # {tag}"


class MakesDaemons(Good):
    """One in a session of its own, and one that is forked twice, so that init would be its parent."""

    def __init__(self, spec: DataSpec, *, tag: str) -> None:
        super().__init__(spec)
        self.tag = tag

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        command = [sys.executable, "-c", _sleeper(self.tag)]
        subprocess.Popen(command, start_new_session=True)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execv(sys.executable, command)
            os._exit(0)
        super().fit(train, meter)


class MakesDaemonsAndHangs(MakesDaemons):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        super().fit(train, meter)
        time.sleep(600)


class SharesItsMemory(Good):
    """Four processes, as of a data loader, which all see the 100 MiB of this one."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.data = torch.ones(100 << 18)
        children = []
        for _ in range(4):
            if (child := os.fork()) == 0:
                time.sleep(600)
            children.append(child)
        time.sleep(0.5)  # the supervisor looks every 50 ms
        super().fit(train, meter)
        for child in children:
            os.kill(child, signal.SIGKILL)
