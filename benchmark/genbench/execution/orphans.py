"""Processes that a worker leaves behind: daemons, which leave its process group and its session.

On Linux the fork server adopts them (it is a "child subreaper"), so that they can be found: whatever is a child of the
fork server and no worker is an orphan. They are ended when a job ends, those of a job that is still running included,
and when the fork server ends, which it does when the run is gone for whatever reason. On other systems only the
processes are ended that were seen as descendants of the worker while it ran.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import signal
import sys
import warnings
from collections.abc import Collection

import psutil

PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_MAX_ROUNDS = 10
"""How often the fork server looks for descendants when it ends."""


def adopt_orphans() -> None:
    """In the fork server: become the parent of orphaned descendants, and end them when this process exits, which it
    does when its parent ends. It would see that by itself, but not while a worker sleeps, because workers hold the pipe
    whose end it waits for."""
    if sys.platform != "linux":
        return
    system = ctypes.CDLL(None)
    system.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    server, parent = os.getpid(), os.getppid()

    def leave(number: int, frame: object) -> None:
        if os.getppid() != parent:  # else only the thread has ended that started this process
            _end_descendants(server)
            os._exit(0)  # an exception might be raised in the middle of another exit handler

    signal.signal(signal.SIGUSR1, leave)
    system.prctl(PR_SET_PDEATHSIG, signal.SIGUSR1)
    # the fork server does not know the processes that it adopts, and would report the end of each
    warnings.filterwarnings("ignore", message="forkserver: waitpid returned unexpected pid")
    atexit.register(_end_descendants, server)


def end_orphans(server: int, workers: Collection[int]) -> None:
    """End what the fork server has adopted. server: its process id. workers: those of all running workers.

    A process that other code has started through the same fork server is in the server's session and is left alone.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(psutil.Error, ProcessLookupError):
        session = os.getsid(server)
        for child in _children(server):
            with contextlib.suppress(ProcessLookupError):
                if child not in workers and os.getsid(child) != session:
                    end_tree(psutil.Process(child))


def _children(pid: int) -> list[int]:
    """Process ids. Reading them from the kernel is much cheaper than a look at all processes, and every job
    pays for it."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [*map(int, file.read().split())]
    except OSError:  # a kernel without the file, or the process has ended
        return [child.pid for child in psutil.Process(pid).children()]


def end_tree(process: psutil.Process) -> None:
    """End a process and its descendants at once. A process that has ended is no error."""
    with contextlib.suppress(psutil.Error):
        for each in (*process.children(recursive=True), process):
            with contextlib.suppress(psutil.Error):
                each.send_signal(signal.SIGKILL)


def _end_descendants(server: int) -> None:
    if os.getpid() != server:  # a worker, which was forked with this handler
        return
    for _ in range(_MAX_ROUNDS):  # in each of them, what the last one has orphaned is adopted
        children = psutil.Process().children()
        if not children:
            return
        for child in children:
            end_tree(child)
        psutil.wait_procs(children, timeout=1)
