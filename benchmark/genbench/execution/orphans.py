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

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """In the fork server: become the parent of orphaned descendants, and end them when this process exits."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    # the fork server does not know the processes that it adopts, and would report the end of each
    warnings.filterwarnings("ignore", message="forkserver: waitpid returned unexpected pid")
    atexit.register(_end_descendants, os.getpid())


def end_orphans(server: int, workers: Collection[int]) -> None:
    """End what the fork server has adopted. server: its process id. workers: those of all running workers.

    A process that other code has started through the same fork server is in the server's session and is left alone.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(psutil.Error, ProcessLookupError):
        session = os.getsid(server)
        for child in psutil.Process(server).children():
            with contextlib.suppress(ProcessLookupError):
                if child.pid not in workers and os.getsid(child.pid) != session:
                    end_tree(child)


def end_tree(process: psutil.Process) -> None:
    """End a process and its descendants at once. A process that has ended is no error."""
    with contextlib.suppress(psutil.Error):
        for each in (*process.children(recursive=True), process):
            with contextlib.suppress(psutil.Error):
                each.send_signal(signal.SIGKILL)


def _end_descendants(server: int) -> None:
    if os.getpid() != server:  # a worker, which was forked with this handler
        return
    for child in psutil.Process().children():
        end_tree(child)
