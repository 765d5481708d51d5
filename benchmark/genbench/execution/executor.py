"""The contract of an executor plugin, and the two functions by which the harness uses one.

An executor is announced by an `ExecutorCard`. It decides where tasks run (on this machine, on a cluster); what a task
does is the worker's business: `genbench.execution.worker.run_task`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from genbench.api.cards import ExecutorCard, load_factory
from genbench.errors import PluginError, UsageError
from genbench.execution.task_source import CountedSource, TaskSource
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.task import Message, Task


@runtime_checkable
class Executor(Protocol):
    """What the factory of an `ExecutorCard` returns when it is called with the number of workers."""

    def execute(
        self,
        tasks: Sequence[Task],
        log_path: Callable[[Job], Path],
        on_message: Callable[[Job, Message], None],
    ) -> Iterable[Result]:
        """Run the tasks and return one result for each of them, in the order in which they end.

        log_path: returns the file that takes the output of a job, in a folder that is there. on_message: to be called,
        in the thread that reads the results, with each message that the worker of a job sends.

        A task that fails is a result with its status and reason, and never an exception.

        Any iterable will do: a generator, an iterator, a list. The harness reads it once. If it, or its iterator, has
        a method `close`, the harness calls `close` when it stops reading, whether or not all results were read: that
        is where an executor ends the workers that are still running. Generators have it: their `finally` blocks run.
        """


@runtime_checkable
class SharingExecutor(Executor, Protocol):
    """An executor that takes each task when it has a worker for it, so that processes that share a run folder share
    its jobs evenly. From others, the first process takes all jobs that are left."""

    def execute_from(
        self,
        source: TaskSource,
        log_path: Callable[[Job], Path],
        on_message: Callable[[Job, Message], None],
    ) -> Iterable[Result]:
        """As `execute`, for the tasks that `source.take()` returns until nothing runs and it returns None."""


@runtime_checkable
class _Closeable(Protocol):
    def close(self) -> object: ...


def make_executor(card: ExecutorCard, workers: int) -> Executor:
    """The executor that the card announces, for so many workers at a time.

    Raises PluginError if the factory cannot be loaded or returns something else than an executor, and UsageError if the
    executor cannot be used on this machine.
    """
    if why := card.obstacle():
        raise UsageError(why)
    executor = load_factory(card.factory)(workers)
    if not isinstance(executor, Executor):
        raise PluginError(
            f"executor {card.name!r}: {card.factory} returned {type(executor).__name__}, which has no method `execute`"
        )
    return executor


@contextlib.contextmanager
def executing(
    executor: Executor,
    source: TaskSource,
    log_path: Callable[[Job], Path],
    on_message: Callable[[Job, Message], None],
) -> Iterator[Iterator[Result]]:
    """The results of the tasks of a source, to be read inside the block. Leaving the block ends what is still running.

    Reading raises PluginError if the executor breaks its contract: it returns no iterable, yields something else than
    the result of one of the tasks, or stops before every task has a result.
    """
    name = type(executor).__name__
    counted = CountedSource(source)
    if isinstance(executor, SharingExecutor):
        results = executor.execute_from(counted, log_path, on_message)
    else:
        results = executor.execute(counted.take_all(), log_path, on_message)
    if not isinstance(results, Iterable):
        raise PluginError(
            f"executor {name} returned {type(results).__name__}, expected an iterable of results"
        )
    with contextlib.ExitStack() as ending:
        if isinstance(results, _Closeable):
            ending.callback(results.close)
        iterator = iter(results)
        if iterator is not results and isinstance(iterator, _Closeable):
            ending.callback(iterator.close)
        yield _checked(iterator, counted, name)


def _checked(results: Iterator[Result], source: CountedSource, executor: str) -> Iterator[Result]:
    ended: set[str] = set()
    for result in results:
        if not isinstance(result, Result):
            raise PluginError(f"executor {executor} yielded {type(result).__name__}, expected a Result")
        if result.id not in source.taken - ended:
            raise PluginError(
                f"executor {executor} yielded a result of job {result.id}, which was not waiting for one"
            )
        ended.add(result.id)
        yield result
    if missing := len(source.taken - ended):
        raise PluginError(
            f"executor {executor} stopped without a result of {missing} of {len(source.taken)} jobs"
        )
