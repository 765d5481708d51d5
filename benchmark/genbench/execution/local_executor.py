"""Runs tasks on this machine: a few children at a time, each under its supervisor."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import connection
from pathlib import Path

import msgspec
import psutil

from genbench.execution.interrupts import interrupts_held
from genbench.execution.limits import Limits
from genbench.execution.start_method import process_context
from genbench.execution.supervisor import Supervised
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.task import Message, Task

_MEMORY_SHARE = 0.8  # of what is free at the start, divided among the workers
_LOOK_SECONDS = 0.05


class LocalExecutor:
    """workers: how many children run at once."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def execute(
        self,
        tasks: Sequence[Task],
        log_path: Callable[[Job], Path],
        on_message: Callable[[Job, Message], None],
    ) -> Iterator[Result]:
        """See `genbench.execution.executor.Executor`."""
        context = process_context()
        memory_bytes = int(psutil.virtual_memory().available * _MEMORY_SHARE / self.workers)
        waiting = deque(tasks)
        running: list[Supervised] = []
        try:
            while waiting or running:
                while waiting and len(running) < self.workers:
                    task = waiting.popleft()
                    with interrupts_held():  # a child that is started is a child that is known
                        running.append(
                            Supervised(
                                task.job,
                                msgspec.json.encode(task),
                                Limits.of(task.job, memory_bytes),
                                log_path(task.job),
                                context,
                                on_message,
                            )
                        )
                connection.wait([item for child in running for item in child.waitables], _LOOK_SECONDS)
                for child in list(running):
                    result = child.poll()
                    if result is not None:
                        running.remove(child)
                        yield result
        finally:
            with interrupts_held():
                for child in running:
                    child.kill()
