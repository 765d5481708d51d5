"""Ctrl-C that waits until a step is whole.

A child is handed to the fork server in several steps; an interrupt between two of them kills the server, with
a traceback on the user's screen. The server and its children must not see Ctrl-C at all: the terminal sends
it to everyone, and what becomes of a job is the supervisor's to say.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from multiprocessing import resource_tracker
from typing import Any


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Inside, SIGINT is noted; it is raised when the block is left. Processes started inside have it blocked
    until they `take_interrupts`."""
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield  # Python runs signal handlers in the main thread alone
        return
    resource_tracker.ensure_running()  # started inside, it would lift the block
    noted: list[int] = []
    # the mask is for what is started here; another of our own threads may still be chosen for the signal
    before = signal.signal(signal.SIGINT, lambda number, _: noted.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)  # what was pending reaches our handler here
        signal.signal(signal.SIGINT, before)
    if noted:
        _pass_on(before)


def take_interrupts() -> None:
    """For a child: SIGINT raises KeyboardInterrupt from here on, whatever it inherited. One that came before was
    a Ctrl-C for all, and is the supervisor's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # forgets what is pending
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _pass_on(handler: Any) -> None:
    if callable(handler):
        handler(signal.SIGINT, None)
    elif handler == signal.SIG_DFL:
        signal.raise_signal(signal.SIGINT)
