"""MAIN PATH: plan -> execute (each worker samples and scores) -> store -> report."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import msgspec

from genbench.execution.executor import executing, make_executor
from genbench.plugin.registry import Registry
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench.records.task import Message, Task


@runtime_checkable
class Watcher(Protocol):
    """Whom to show progress: the live view, or plain lines."""

    def message(self, job: Job, message: Message) -> None: ...

    def finished(self, job: Job, result: Result) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Execution:
    """How jobs are run: which executor, how many workers."""

    executor: str = "local"
    workers: int = 1


def run_benchmark(
    run: Run,
    jobs: Sequence[Job],
    registry: Registry,
    execution: Execution,
    provenance: dict[str, Any],
    watcher: Watcher,
) -> None:
    """Execute `jobs` of `run` and store their results as they come.

    Interrupted, it leaves every finished job whole and no worker behind.
    """
    tasks = [make_task(job, run, registry, execution.workers) for job in jobs]
    executor = make_executor(registry.executor(execution.executor), execution.workers)
    reached: dict[str, _Reached] = {}

    def on_message(job: Job, message: Message) -> None:
        if job.id not in reached:
            reached[job.id] = _Reached()
            registry.tell("genbench_job_started", job=job)
        now = reached[job.id]
        if message.kind == "phase":
            now.phase = message.phase
        elif message.kind == "progress":
            now.fraction, now.losses = message.fraction, message.losses
        if message.kind in ("phase", "progress"):
            registry.tell(
                "genbench_job_progress", job=job, phase=now.phase, fraction=now.fraction, losses=now.losses
            )
        if message.outcome is not None:
            for point in message.outcome.curve[now.checkpoints :]:
                registry.tell("genbench_job_checkpoint", job=job, point=point)
            now.checkpoints = len(message.outcome.curve)
        watcher.message(job, message)

    registry.tell("genbench_run_started", run=run)
    with executing(executor, tasks, run.log_path, on_message) as results:
        for result in results:
            stored = run.store(msgspec.structs.replace(result, provenance=_stamped(provenance)))
            registry.tell("genbench_job_finished", job=result.job, result=stored)
            watcher.finished(result.job, stored)
    watcher.close()
    if not run.pending():
        registry.tell("genbench_run_finished", run=run, registry=registry)


@dataclass
class _Reached:
    """How far a job has come: a message tells what changed, a hook hears all of it."""

    phase: str = "start"
    fraction: float = 0.0
    losses: dict[str, float] = field(default_factory=dict)
    checkpoints: int = 0


def make_task(job: Job, run: Run, registry: Registry, workers: int = 1) -> Task:
    """All that a worker needs to know of a job. workers: how many run at once."""
    dataset = (
        registry.datasets.get(job.dataset)
        or run.plan.datasets.get(job.dataset)  # the user's own data, read once when the run was planned
        or registry.dataset(job.dataset)
    )
    return Task(
        job=job,
        model_factory=registry.model(job.model).factory,
        dataset=dataset,
        extractor=(
            registry.default_extractor(dataset.spec)
            if job.extractor is None
            else registry.recorded_extractor(job.extractor)
        ),
        metrics=[card for card in registry.metrics.values() if card.factory],
        samples_path=str(run.samples_path(job).absolute()),
        workers=workers,
        capabilities=registry.model(job.model).capabilities,
    )


def _stamped(provenance: dict[str, Any]) -> dict[str, Any]:
    return {**provenance, "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")}
