"""A process that runs one stage of a job: its messages, its output, its memory, and the signals that end it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import psutil

from genbench.execution.child import child_main
from genbench.execution.interrupts import deferred_interrupts
from genbench.execution.message_channel import MessageReader
from genbench.execution.orphans import end_tree
from genbench.execution.where import WHERE
from genbench.records.task import Message, Task

if TYPE_CHECKING:
    from genbench.execution.start_method import WorkerContext

_MAX_OUTPUT_READS, _OUTPUT_READ_BYTES = 16, 1 << 16
"""How much output is read at a time, so that a worker that never stops writing cannot keep its supervisor."""
_EXIT_CODE_OF_THE_LOST = 255
"""What multiprocessing reports where the fork server cannot tell the exit code. A process may also end with it."""
_SERVER_SECONDS = 0.5
"""How long a fork server takes at most from closing its pipes, when it is killed, until it has ended."""
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
"""The signal that ends a process at once."""


class ChildProcess:
    """A child that leads a process group of its own. It runs when the constructor returns."""

    running: ClassVar[set[int]] = set()
    """Process ids of all children of this class that this process has started and not cleared away."""

    def __init__(self, task: Task, context: WorkerContext) -> None:
        self._channel, child_channel = context.Pipe(duplex=False)
        self._log, child_log = context.Pipe(duplex=False)
        os.set_blocking(self._log.fileno(), False)
        self._process = context.Process(
            target=child_main,
            args=(msgspec.json.encode(task), child_channel, child_log, os.getpid()),
            name=f"genbench {task.job.variant}",
        )
        try:
            with deferred_interrupts():
                self._process.start()
        except BaseException:
            for connection in (self._channel, child_channel, self._log, child_log):
                connection.close()
            raise
        if self._process.pid is not None:
            self.running.add(self._process.pid)
        child_channel.close()
        child_log.close()
        self._reader = MessageReader(self._channel.fileno())
        self._descendants: set[psutil.Process] = set()
        self.server: int | None = None
        """Process id of the fork server that started it; None for a spawned process, or one that has ended already."""
        with contextlib.suppress(psutil.Error):
            parent = psutil.Process(self._process.pid).ppid()
            self.server = parent if parent != os.getpid() else None

    @property
    def waitables(self) -> list[Any]:
        """For `multiprocessing.connection.wait`."""
        return [self._process.sentinel, *(c for c in (self._channel, self._log) if not c.closed)]

    @property
    def has_lost_its_server(self) -> bool:
        """The fork server has ended, which ends its workers, none of which is to blame."""
        if self.server is None or self.exit_code != _EXIT_CODE_OF_THE_LOST:
            return False
        deadline = time.monotonic() + _SERVER_SECONDS
        while not _has_ended(self.server):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    @property
    def is_channel_broken(self) -> bool:
        """The code of the model has written into the pipe for messages, none of which can be read any more."""
        return self._reader.is_broken

    def is_alive(self) -> bool:
        return self._process.is_alive()

    @property
    def exit_code(self) -> int | None:
        """The exit code; the negative number of a signal that ended the process; None while it runs."""
        return self._process.exitcode

    def messages(self) -> Iterator[Message]:
        """The messages that have come since the last call; once the process has ended, all that are left."""
        if self._channel.closed:
            return
        yield from self._reader.messages(at_the_end=not self.is_alive())
        if self._reader.is_over:
            self._channel.close()

    def output(self) -> Iterator[bytes]:
        """The output that has come since the last call, or the first of it where it is much."""
        for _ in range(_MAX_OUTPUT_READS):
            if self._log.closed:
                return
            try:
                chunk = os.read(self._log.fileno(), _OUTPUT_READ_BYTES)
            except BlockingIOError:
                return
            except OSError:
                chunk = b""
            if not chunk:
                self._log.close()
                return
            yield chunk

    def resident_bytes(self) -> int:
        """Resident memory of the process, and the proportional set size of all that it started: memory that several of
        them share, as the workers of a data loader do, is counted once. Where the system does not tell it, resident
        memory."""
        total = 0
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self._process.pid)
            total = process.memory_info().rss
            children = process.children(recursive=True)
            self._descendants.update(children)
            for child in children:
                with contextlib.suppress(psutil.Error):
                    total += _proportional_bytes(child)
        return total

    def signal(self, number: signal.Signals) -> None:
        """Send a signal while the process runs; except for SIGINT and `WHERE`, to the processes that it started as
        well."""
        pid = self._process.pid
        if pid is None or not self._process.is_alive():
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # the worker leads a process group, so this reaches the processes that it started
            if hasattr(os, "killpg") and number not in (signal.SIGINT, WHERE) and os.getpgid(pid) == pid:
                os.killpg(pid, number)
            else:
                os.kill(pid, number)

    def kill(self) -> None:
        """End the process, and all processes that it started, at once."""
        self.signal(KILL)
        self._process.join(5)
        self._end_descendants()
        self._close()

    def clear_away(self) -> None:
        """Once the process has ended: end the processes that it left running, and close the pipes."""
        pid = self._process.pid
        if pid is not None and hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        self._end_descendants()
        self._close()

    def _end_descendants(self) -> None:
        """End those that have left the process group. psutil never takes a new process for one that has ended."""
        for each in self._descendants:
            end_tree(each)

    def _close(self) -> None:
        with contextlib.suppress(ValueError):  # closed before
            self.running.discard(self._process.pid or 0)
        for connection in (self._channel, self._log):
            if not connection.closed:
                connection.close()
        with contextlib.suppress(ValueError):
            self._process.close()


def _has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


def _proportional_bytes(process: psutil.Process) -> int:
    try:
        with open(f"/proc/{process.pid}/smaps_rollup", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:  # another system, or the process has ended
        pass
    return process.memory_info().rss
