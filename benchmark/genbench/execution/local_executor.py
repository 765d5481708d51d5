"""The executor "local": runs tasks on this machine, a few at a time, each stage in a supervised process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from multiprocessing import connection
from pathlib import Path

import msgspec

from genbench.execution.child_process import ChildProcess
from genbench.execution.gpu_pool import GpuPool
from genbench.execution.interrupts import deferred_interrupts, raise_if_swallowed
from genbench.execution.limits import Limits, memory_per_worker
from genbench.execution.orphans import end_orphans
from genbench.execution.start_method import process_context
from genbench.execution.supervisor import Supervised
from genbench.execution.task_source import TaskList, TaskSource
from genbench.measure.visible_gpus import visible_gpus
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.task import Message, Task

_POLL_SECONDS = 0.05


class LocalExecutor:
    """Runs up to `workers` processes at once."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def execute(
        self,
        tasks: Sequence[Task],
        log_path: Callable[[Job], Path],
        on_message: Callable[[Job, Message], None],
    ) -> Iterator[Result]:
        """A generator of results; closing it ends the workers. See `genbench.execution.executor.Executor`."""
        return self.execute_from(TaskList(tasks), log_path, on_message)

    def execute_from(
        self,
        source: TaskSource,
        log_path: Callable[[Job], Path],
        on_message: Callable[[Job, Message], None],
    ) -> Iterator[Result]:
        """As `execute`. See `genbench.execution.executor.SharingExecutor`."""
        context = process_context()
        gpus: GpuPool | None = None
        memory_bytes = memory_per_worker(self.workers)
        running: list[Supervised] = []
        try:
            while True:
                raise_if_swallowed()
                # nothing starts beside a job whose fork server was killed, which may kill it again
                is_alone = any(child.has_lost_its_server for child in running)
                while not is_alone and len(running) < self.workers and (task := source.take()) is not None:
                    if task.job.device == "cuda":
                        gpus = gpus or GpuPool(visible_gpus())
                        task = msgspec.structs.replace(task, visible_gpus=gpus.take(task.job.gpus or 1))
                    # an interrupt must not come between the start and `running`
                    with deferred_interrupts():
                        limits = Limits.of(task.job, memory_bytes)
                        running.append(Supervised(task, limits, log_path(task.job), context, on_message))
                if not running:
                    break
                if all(child.waits_for_its_turn for child in running):
                    running[0].start_again()
                connection.wait([item for child in running for item in child.waitables], _POLL_SECONDS)
                for child in list(running):
                    result = child.poll()
                    if result is not None:
                        running.remove(child)
                        if gpus is not None:
                            gpus.give_back(child.visible_gpus)
                        if child.server is not None:
                            end_orphans(child.server, ChildProcess.running)
                        yield result
        finally:
            with deferred_interrupts():
                for child in running:
                    child.kill()
                for server in {child.server for child in running if child.server is not None}:
                    end_orphans(server, ChildProcess.running)
