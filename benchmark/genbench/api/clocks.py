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
    """A clock from which pauses are taken out. Of steps that are slowed down on purpose, what the slowing down may have
    taken is taken out too; when the price of an ordinary step is known, they are charged that."""

    def __init__(self, read: Callable[[], float]) -> None:
        """read: seconds since some fixed moment."""
        self._read = read
        self._started: float | None = None
        self._excluded = 0.0
        self._deferred = 0.0
        self._charged = 0.0  # of the slowed steps, already
        self._likely = 0.0  # what they would have taken

    def start(self, spent: float = 0.0) -> None:
        """spent: seconds that count from the beginning."""
        self._started = self._read()
        self._excluded = -spent

    def seconds(self) -> float:
        """Seconds since the start that count. The clock must have been started."""
        assert self._started is not None
        return self._read() - self._started - self._excluded

    def exclude(self, seconds: float) -> None:
        """These seconds do not count."""
        self._excluded += seconds

    def defer(self, seconds: float, likely: float, at_most: float) -> None:
        """A slowed step took `seconds`, `likely` of them because it was slowed. The seconds beyond `at_most`, which
        slowing down cannot explain, count at once; the others are charged later."""
        deferred = min(seconds, at_most)
        self._excluded += deferred
        self._deferred += deferred
        self._charged += seconds - deferred
        self._likely += max(0.0, seconds - likely)

    def charge_deferred(self, seconds: float) -> None:
        """Charge `seconds` for all slowed steps together: not less than what was charged already, and not more than
        they took."""
        self._excluded -= min(max(0.0, seconds - self._charged), self._deferred)
        self._deferred = self._charged = self._likely = 0.0

    def charge_likely(self) -> None:
        """Charge the slowed steps what they would have taken, as far as that is known without an ordinary step."""
        self.charge_deferred(self._likely)
