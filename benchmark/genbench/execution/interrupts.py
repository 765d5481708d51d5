"""Deferring Ctrl-C until a step is complete.

A worker is started by several messages to the fork server. An interrupt between two of them ends the server, with a
traceback on the user's screen. A terminal sends Ctrl-C to every process, but the fork server and the workers must not
react to it: the supervisor decides what happens to a job.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from multiprocessing import resource_tracker
from typing import Any


@contextlib.contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Defer SIGINT until the block is left. Processes that are started inside have it blocked until they call
    `accept_interrupts`."""
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield  # Python runs signal handlers in the main thread only
        return
    resource_tracker.ensure_running()  # its start inside the block would unblock the signal
    noted: list[int] = []
    # processes started here inherit the mask; the system may still deliver the signal to another thread of ours
    before = signal.signal(signal.SIGINT, lambda number, _: noted.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)  # a pending signal reaches our handler here
        signal.signal(signal.SIGINT, before)
    if noted:
        _pass_on(before)


def accept_interrupts() -> None:
    """In a worker: from now on SIGINT raises KeyboardInterrupt. One that came before is dropped: it was a Ctrl-C in the
    terminal, to which the supervisor reacts."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # drops a pending signal
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _pass_on(handler: Any) -> None:
    if callable(handler):
        handler(signal.SIGINT, None)
    elif handler == signal.SIG_DFL:
        signal.raise_signal(signal.SIGINT)
