"""A process that runs one stage of a job: its messages, its output, its memory, and the signals that end it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
import psutil

from genbench.execution.child import child_main
from genbench.execution.interrupts import deferred_interrupts
from genbench.records.task import Message, Task

if TYPE_CHECKING:
    from genbench.execution.start_method import WorkerContext

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
"""The signal that ends a process at once."""


class ChildProcess:
    """A child that leads a process group of its own. It runs when the constructor returns."""

    def __init__(self, task: Task, context: WorkerContext) -> None:
        self._decode = msgspec.json.Decoder(Message).decode
        self._channel, child_channel = context.Pipe(duplex=False)
        self._log, child_log = context.Pipe(duplex=False)
        os.set_blocking(self._log.fileno(), False)
        self._process = context.Process(
            target=child_main,
            args=(msgspec.json.encode(task), child_channel, child_log, os.getpid()),
            name=f"genbench {task.job.variant}",
        )
        with deferred_interrupts():
            self._process.start()
        child_channel.close()
        child_log.close()

    @property
    def waitables(self) -> list[Any]:
        """For `multiprocessing.connection.wait`."""
        return [self._process.sentinel, *(c for c in (self._channel, self._log) if not c.closed)]

    def is_alive(self) -> bool:
        return self._process.is_alive()

    @property
    def exit_code(self) -> int | None:
        """The exit code; the negative number of a signal that ended the process; None while it runs."""
        return self._process.exitcode

    def messages(self) -> Iterator[Message]:
        """The messages that have come since the last call."""
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
            yield message

    def output(self) -> Iterator[bytes]:
        """The output that has come since the last call."""
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
            yield chunk

    def resident_bytes(self) -> int:
        """Resident memory of the process and of all that it started."""
        total = 0
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self._process.pid)
            total = process.memory_info().rss
            for child in process.children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    total += child.memory_info().rss
        return total

    def signal(self, number: signal.Signals) -> None:
        """Send a signal while the process runs; except for SIGINT, to the processes that it started as well."""
        pid = self._process.pid
        if pid is None or not self._process.is_alive():
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # the worker leads a process group, so this reaches the processes that it started
            if hasattr(os, "killpg") and number != signal.SIGINT and os.getpgid(pid) == pid:
                os.killpg(pid, number)
            else:
                os.kill(pid, number)

    def kill(self) -> None:
        """End the process, and all processes that it started, at once."""
        self.signal(KILL)
        self._process.join(5)
        self._close()

    def clear_away(self) -> None:
        """Once the process has ended: end the processes that it left running, and close the pipes."""
        pid = self._process.pid
        if pid is not None and hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        self._close()

    def _close(self) -> None:
        for connection in (self._channel, self._log):
            if not connection.closed:
                connection.close()
        with contextlib.suppress(ValueError):
            self._process.close()
