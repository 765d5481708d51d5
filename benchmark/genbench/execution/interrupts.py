"""Deferring Ctrl-C, and the signals that end a run in the same way, until a step is complete.

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

INTERRUPTS = tuple(
    number
    for number in (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP"))
    if number is not None
)
"""The signals that end a run: Ctrl-C, `kill`, and a terminal that was closed."""


_was_interrupted = False


def end_as_ctrl_c_does() -> None:
    """From now on SIGTERM and SIGHUP raise KeyboardInterrupt, as SIGINT does. A signal that is ignored, as SIGHUP is
    under `nohup`, stays ignored."""
    for number in INTERRUPTS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: object) -> None:
    global _was_interrupted
    _was_interrupted = True
    raise KeyboardInterrupt


def raise_if_swallowed() -> None:
    """Raise KeyboardInterrupt again if an interrupt came after `end_as_ctrl_c_does` and the program still runs: code
    that is called back, and libraries that are just imported, may drop the exception."""
    if _was_interrupted:
        raise KeyboardInterrupt


@contextlib.contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Defer `INTERRUPTS` until the block is left. Processes that are started inside have them blocked until they call
    `accept_interrupts`."""
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield  # Python runs signal handlers in the main thread only
        return
    resource_tracker.ensure_running()  # its start inside the block would unblock the signals
    noted: list[int] = []
    # processes started here inherit the mask; the system may still deliver a signal to another thread of ours
    before = {number: signal.signal(number, lambda found, _: noted.append(found)) for number in INTERRUPTS}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)  # a pending signal reaches our handler here
        for number, handler in before.items():
            signal.signal(number, handler)
    if noted:
        _pass_on(noted[0], before[signal.Signals(noted[0])])


def accept_interrupts() -> None:
    """In a worker: from now on SIGINT raises KeyboardInterrupt. One that came before is dropped: it was a Ctrl-C in the
    terminal, to which the supervisor reacts."""
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)  # drops a pending signal
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)
    for number in INTERRUPTS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def _pass_on(number: int, handler: Any) -> None:
    if callable(handler):
        handler(number, None)
    elif handler == signal.SIG_DFL:
        signal.raise_signal(number)
