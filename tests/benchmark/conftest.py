"""Fixtures that run real workers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from genbench.execution.local_executor import LocalExecutor
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.task import Message, Task


@pytest.fixture
def execute(tmp_path: Path) -> Callable[..., list[Result]]:
    """Run tasks in real workers; returns results in the order in which they end."""

    def execute(*tasks: Task, workers: int = 2, messages: list[Message] | None = None) -> list[Result]:
        def on_message(job: Job, message: Message) -> None:
            if messages is not None:
                messages.append(message)

        executor = LocalExecutor(workers)
        return list(executor.execute(tasks, lambda job: tmp_path / "jobs" / job.id / "log.txt", on_message))

    return execute
