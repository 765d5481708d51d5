"""Clocks of training: seconds since the start, less what does not count."""

from __future__ import annotations

import time
from collections.abc import Callable

try:
    from resource import RUSAGE_CHILDREN, getrusage
except ImportError:  # there is no such module on Windows

    def _children_seconds() -> float:
        return 0.0
else:

    def _children_seconds() -> float:
        children = getrusage(RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime


def process_cpu_seconds() -> float:
    """Seconds that processors have worked for this process: all of its threads, and the children that it has waited
    for. Neighbours that take the processor away do not move it."""
    return time.process_time() + _children_seconds()


class ExcludingClock:
    """A clock from which pauses are taken out. Steps that are slowed down on purpose are taken out too, and charged
    later at the price of an ordinary step."""

    def __init__(self, read: Callable[[], float]) -> None:
        """read: seconds since some fixed moment."""
        self._read = read
        self._started: float | None = None
        self._excluded = 0.0
        self._deferred = 0.0

    def start(self) -> None:
        self._started = self._read()

    def seconds(self) -> float:
        """Seconds since the start that count. The clock must have been started."""
        assert self._started is not None
        return self._read() - self._started - self._excluded

    def exclude(self, seconds: float) -> None:
        """These seconds do not count."""
        self._excluded += seconds

    def defer(self, seconds: float) -> None:
        """These seconds of a slowed step are charged later."""
        self._excluded += seconds
        self._deferred += seconds

    def charge_deferred(self, seconds: float) -> None:
        """Charge `seconds` for the deferred steps, but never more than they took."""
        self._excluded -= min(seconds, self._deferred)
        self._deferred = 0.0

    def charge_all(self) -> None:
        """Charge the deferred steps what they took."""
        self.charge_deferred(self._deferred)
