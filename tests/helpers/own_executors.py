"""Executors of a plugin: several kinds of iterable that the contract allows, and several ways to break the contract.

Those that run tasks leave it to the local executor, in real workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from genbench.api.cards import ExecutorCard
from genbench.execution.local_executor import LocalExecutor
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.task import Message, Task

ENDED: list[str] = []
"""What the executors note when the harness closes their results."""


def card(name: str) -> ExecutorCard:
    return ExecutorCard(name=name.lower(), summary="of a test", factory=f"own_executors:{name}")


class Running:
    def __init__(self, workers: int) -> None:
        self._local = LocalExecutor(workers)

    def results(self, *arguments: Any) -> Iterable[Result]:
        return self._local.execute(*arguments)


class ListIterator(Running):
    def execute(
        self,
        tasks: Sequence[Task],
        log_path: Callable[[Job], Path],
        on_message: Callable[[Job, Message], None],
    ) -> Iterator[Result]:
        return iter(list(self.results(tasks, log_path, on_message)))


class PlainList(Running):
    def execute(self, *arguments: Any) -> list[Result]:
        return list(self.results(*arguments))


class Generating(Running):
    def execute(self, *arguments: Any) -> Iterator[Result]:
        try:
            yield from self.results(*arguments)
        finally:
            ENDED.append("generator")


class _Pool:
    """An iterable whose iterator has no `close`, but which has one itself."""

    def __init__(self, results: list[Result]) -> None:
        self._results = results

    def __iter__(self) -> Iterator[Result]:
        return iter(self._results)

    def close(self) -> None:
        ENDED.append("pool")


class Pooling(Running):
    def execute(self, *arguments: Any) -> _Pool:
        return _Pool(list(self.results(*arguments)))


class NoExecutor:
    def __init__(self, workers: int) -> None: ...


class ReturnsNone(NoExecutor):
    def execute(self, *arguments: Any) -> None: ...


class StopsEarly(Running):
    def execute(self, tasks: Sequence[Task], *arguments: Any) -> Iterable[Result]:
        return self.results(tasks[1:], *arguments)


class Repeats(Running):
    def execute(self, *arguments: Any) -> list[Result]:
        results = list(self.results(*arguments))
        return results + results


class YieldsJobs(NoExecutor):
    def execute(self, tasks: Sequence[Task], *arguments: Any) -> list[Job]:
        return [task.job for task in tasks]
