"""Ways to run tasks. An executor is found through its card, like everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.task import Message, Task


@runtime_checkable
class Executor(Protocol):
    """What an executor's factory returns when it is called with the number of workers."""

    def execute(
        self,
        tasks: Sequence[Task],
        log_path: Callable[[Job], Path],
        on_message: Callable[[Job, Message], None],
    ) -> Iterator[Result]:
        """One result a task, in the order in which they end; never raises what a task did.

        log_path: where a job's output goes. on_message: called with a job and a message.
        Closing the iterator ends what still runs.
        """
