"""Where an executor takes its tasks from: one at a time, when a worker is free for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from genbench.records.task import Task


@runtime_checkable
class TaskSource(Protocol):
    """Hands out tasks. Several processes may share the jobs behind it, so what is left may change at any time."""

    def take(self) -> Task | None:
        """The next task, which its taker has to run; None if there is none now. It never waits."""


class TaskList:
    """A source of given tasks."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks = deque(tasks)

    def take(self) -> Task | None:
        return self._tasks.popleft() if self._tasks else None


class CountedSource:
    """Another source, and the ids of the jobs that were taken from it."""

    def __init__(self, source: TaskSource) -> None:
        self._source = source
        self.taken: set[str] = set()
        """The ids of all jobs that were taken."""

    def take(self) -> Task | None:
        task = self._source.take()
        if task is not None:
            self.taken.add(task.job.id)
        return task

    def take_all(self) -> list[Task]:
        """All tasks that there are now."""
        found = []
        while (task := self.take()) is not None:
            found.append(task)
        return found
