"""MAIN PATH of a run: its planned jobs are executed, and each result is stored when it arrives."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import msgspec

from genbench.api.cards import DatasetCard
from genbench.execution.executor import executing, make_executor
from genbench.plugin.registry import Registry
from genbench.records.attempts import Attempt
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench.records.task import Message, Task
from genbench.records.tuned import tuned_of
from genbench.runner.again import after
from genbench.runner.claims import Claims
from genbench.runner.metric_versions import metric_versions
from genbench.util.leases import Holder, Leases


@runtime_checkable
class Watcher(Protocol):
    """Shows the progress of a run to the user."""

    def message(self, job: Job, message: Message) -> None:
        """A worker has sent a message."""

    def finished(self, job: Job, result: Result) -> None:
        """A result is stored."""

    def close(self) -> None:
        """The last result is stored; what is printed next comes from others."""


@dataclass(frozen=True)
class Execution:
    """How jobs are run."""

    executor: str = "local"
    """The executor, as its card names it."""
    workers: int = 1
    """How many jobs run at once."""
    waits: bool = True
    """Whether to wait for jobs that other processes work on, and run them if those processes end."""


def run_benchmark(
    run: Run,
    jobs: Sequence[Job],
    registry: Registry,
    execution: Execution,
    provenance: dict[str, Any],
    watcher: Watcher,
    *,
    again: Mapping[str, Result] | None = None,
    on_waiting: Callable[[Sequence[tuple[Job, Holder | None]]], None] = lambda jobs: None,
    is_whole: bool = True,
) -> None:
    """Execute `jobs` of `run` and store each result when it arrives.

    Other processes may share the folder: a job is run by the one that has its lease.

    provenance: added to each result. watcher: shown each message and each result. again: the stored results of jobs
    that are run again, by the id of the job; they stay until the new ones are there. on_waiting: called with the jobs
    that other processes still work on when there is nothing else to run. is_whole: False where more jobs will be
    planned for the run, whose end no hook is told of yet.
    After an interruption (KeyboardInterrupt) all finished jobs are stored and no worker is left running.
    Raises PluginError if the executor breaks its contract.
    """
    again = again or {}
    versions = metric_versions(registry.metrics.values())
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

    def task_of(job: Job, attempt: Attempt) -> Task:
        return make_task(job, run, registry, execution.workers, versions, attempt=attempt)

    def is_done(job: Job) -> bool:
        stored = run.result(job)
        return stored is not None and stored != again.get(job.id)

    def on_elsewhere(job: Job) -> None:
        if (stored := run.result(job)) is not None:
            watcher.finished(job, stored)

    registry.tell("genbench_run_started", run=run)
    with Leases(run.leases_folder) as leases:
        claims = Claims(run, jobs, leases, task_of, is_done, on_elsewhere=on_elsewhere)

        def log_path(job: Job) -> Path:
            path = claims.attempts[job.id].log_path
            path.parent.mkdir(parents=True, exist_ok=True)
            return path

        while True:
            with executing(executor, claims, log_path, on_message) as results:
                for result in results:
                    stamped = msgspec.structs.replace(
                        result,
                        provenance=_stamped(provenance),
                        tuned=tuned_of(run.plan.tuned, result.job.variant, result.job.dataset),
                    )
                    attempt, instead_of = claims.attempts[result.id], again.get(result.id)
                    stored = run.store(after(instead_of, stamped), attempt, instead_of=instead_of)
                    claims.end(result.job)
                    registry.tell("genbench_job_finished", job=result.job, result=stored)
                    watcher.finished(result.job, stored)
            if claims.elsewhere:
                on_waiting(claims.elsewhere)
            if not (execution.waits and claims.wait()):
                break
    watcher.close()
    if is_whole and not run.pending():
        registry.tell("genbench_run_finished", run=run, registry=registry)


@dataclass
class _Reached:
    """How far a job has come. A message has what changed; a hook is called with the whole state."""

    phase: str = "start"
    """The latest phase."""
    fraction: float = 0.0
    """The share of the budget that was used, 0 to 1."""
    losses: dict[str, float] = field(default_factory=dict)
    """The last losses, by name."""
    checkpoints: int = 0
    """How many checkpoints the hooks were called with."""


def make_task(
    job: Job,
    run: Run,
    registry: Registry,
    workers: int = 1,
    versions: dict[str, str] | None = None,
    *,
    attempt: Attempt | None = None,
    dataset: DatasetCard | None = None,
    needs_model: bool = True,
) -> Task:
    """The task of a job: all that a worker needs. workers: how many run at once. versions: of the metrics, by factory;
    None: they are computed here. attempt: where the files of the job go; None: they are those of its result.
    dataset: the card of the job's data set; None: the announced one or, for own data, the one of the plan, which has to
    be this process's own plan then, because workers call the factory that it names. needs_model: False where stored
    samples are scored again; the model may then be missing.

    Raises UnknownNameError if the model, data set or extractor is not installed, UsageError for another extractor.
    """
    model = registry.model(job.model) if needs_model else registry.models.get(job.model)
    dataset = (
        dataset
        or registry.datasets.get(job.dataset)
        or run.plan.datasets.get(job.dataset)  # the user's own data, read once when the run was planned
        or registry.dataset(job.dataset)
    )
    metrics = [card for card in registry.metrics.values() if card.factory]
    return Task(
        job=job,
        model_factory="" if model is None else model.factory,
        dataset=dataset,
        extractor=(
            registry.default_extractor(dataset.spec)
            if job.extractor is None
            else registry.recorded_extractor(job.extractor)
        ),
        metrics=metrics,
        metric_versions=metric_versions(metrics) if versions is None else versions,
        samples_path=str((run.samples_path(job) if attempt is None else attempt.samples_path).absolute()),
        workers=workers,
        capabilities=() if model is None else model.capabilities,
    )


def _stamped(provenance: dict[str, Any]) -> dict[str, Any]:
    return {**provenance, "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")}
