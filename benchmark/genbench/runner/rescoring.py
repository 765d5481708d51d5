"""Scoring the stored samples of finished jobs again, for `genai-bench score`, and for `run` where values are out of
date."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from genbench.api.cards import MetricCard
from genbench.datasets.versions import dataset_version
from genbench.errors import DataError, GenbenchError, UsageError
from genbench.execution.executor import executing, make_executor
from genbench.plugin.registry import Registry
from genbench.records.attempts import Attempt
from genbench.records.job import Job
from genbench.records.result import MetricValue, Result
from genbench.records.run_folder import Run
from genbench.records.task import Rescoring, Task
from genbench.runner.claims import Claims
from genbench.runner.metric_versions import metric_versions, outdated
from genbench.runner.run_benchmark import Execution, make_task
from genbench.util.leases import Leases

OTHER_VERSION = "computed by another version of the metric"
"""Why a value that cannot be computed again is left out."""


@dataclass(frozen=True)
class Wish:
    """A finished job, and the metrics of it that are to be computed again."""

    result: Result
    """The stored result."""
    cards: Sequence[MetricCard]
    """The metrics, with all that share a factory with one of them."""


@dataclass
class Rescored:
    """How scoring again went."""

    jobs: int = 0
    """How many jobs have new values."""
    problems: int = 0
    """How many jobs or values have none."""


def out_of_date(run: Run, jobs: Sequence[Job], registry: Registry) -> list[Wish]:
    """The jobs whose stored values were computed by another version of their metrics."""
    cards = [card for card in registry.metrics.values() if card.factory]
    versions = metric_versions(cards)
    heads = run.heads()
    stale: dict[int, set[str | None]] = {}  # most records have the same versions
    wishes = []
    for job in jobs:
        head = heads.get(job.id)
        if head is None or head.status != "ok":
            continue
        key = id(head.versions)
        if key not in stale:
            stale[key] = {card.factory for card in outdated(head.versions, cards, versions)}
        if stale[key] and (result := run.result(job)) is not None:
            wishes.append(Wish(result, [card for card in cards if card.factory in stale[key]]))
    return wishes


def rescore(
    run: Run,
    wishes: Sequence[Wish],
    registry: Registry,
    execution: Execution,
    provenance: dict[str, Any],
    *,
    replace: bool = False,
    on_problem: Callable[[Job, str], None],
    on_job: Callable[[], None] = lambda: None,
    is_done: Callable[[Wish], bool] = lambda wish: False,
) -> Rescored:
    """Score the samples of jobs again.

    The record of each job is replaced atomically when its new values are computed, so that an interruption loses
    nothing. Jobs that cannot be scored keep their record. replace: accept another extractor than the recorded one.
    on_problem: called with a job and one line for each that cannot be scored, and for each value that stays.
    on_job: called when a job has ended. is_done: whether another process has computed the values meanwhile.
    """
    run.refuse_links()
    done = Rescored()

    def problem(job: Job, line: str) -> None:
        done.problems += 1
        on_problem(job, line)

    versions = metric_versions(registry.metrics.values())
    executor = make_executor(registry.executor(execution.executor), execution.workers)
    wanted = {wish.result.id: wish for wish in wishes}
    scored_from: dict[str, Result] = {}

    def task_of(job: Job, attempt: Attempt) -> Task:
        stored = scored_from[job.id] = _stored(run, job)
        run.check_part(stored, run.samples_path(job))
        return _task(Wish(stored, wanted[job.id].cards), run, registry, replace, versions)

    def on_refused(job: Job, error: GenbenchError) -> None:
        on_job()
        problem(job, str(error))

    with Leases(run.leases_folder) as leases:
        claims = Claims(
            run,
            [wish.result.job for wish in wishes],
            leases,
            task_of,
            lambda job: is_done(wanted[job.id]),
            on_elsewhere=lambda job: on_job(),
            on_refused=on_refused,
        )

        def log_path(job: Job) -> Path:
            return run.job_folder(job) / "score.txt"

        while True:
            with executing(executor, claims, log_path, lambda *_: None) as results:
                for fresh in results:
                    _take_over(run, fresh, scored_from[fresh.id], replace, provenance, done, problem)
                    claims.end(fresh.job)
                    on_job()
            if not (execution.waits and claims.wait()):
                break
    return done


def _stored(run: Run, job: Job) -> Result:
    stored = run.result(job)
    if stored is None:
        raise DataError("its result was removed meanwhile")
    return stored


def _take_over(
    run: Run,
    fresh: Result,
    scored_from: Result,
    replace: bool,
    provenance: dict[str, Any],
    done: Rescored,
    problem: Callable[[Job, str], None],
) -> None:
    """Put fresh values into the record, if it is still the one whose samples were scored."""
    if fresh.status != "ok":
        problem(fresh.job, f"{fresh.status}: {fresh.reason}")
        return
    stored = run.result(fresh.job)
    if stored is None or (stored.attempt, stored.parts) != (scored_from.attempt, scored_from.parts):
        problem(fresh.job, "its result was removed or replaced while it was scored")
        return
    merge = partial(_merged, fresh=fresh.metrics, replace=replace, provenance=provenance)
    merged = run.update(fresh.job, merge)
    if merged is None:
        problem(fresh.job, "its result was removed while it was scored")
        return
    done.jobs += 1
    for metric in fresh.metrics:
        if merged.metric(metric.name) != metric:
            problem(fresh.job, f"{metric.name}: {metric.note}; the stored value is kept")


def _task(wish: Wish, run: Run, registry: Registry, replace: bool, versions: dict[str, str]) -> Task:
    """The task of scoring a job again. Raises UnknownNameError or UsageError if its data set is missing or has
    changed."""
    job = wish.result.job
    dataset = registry.dataset(job.dataset)
    version = dataset_version(dataset)
    if version != job.dataset_version:
        raise UsageError(f"the data set has changed since: {job.dataset_version} then, {version} now")
    names = {card.name for card in wish.cards}
    # all values of a row share one extractor: that of the stored values, except those that `replace` replaces
    staying = [metric for metric in wish.result.metrics if not (replace and metric.name in names)]
    recorded = sorted({metric.extractor for metric in staying if metric.extractor})
    task = make_task(job, run, registry, versions=versions, dataset=dataset, needs_model=False)
    return msgspec.structs.replace(task, metrics=list(wish.cards), rescoring=Rescoring(extractors=recorded))


def _merged(
    stored: Result, fresh: Sequence[MetricValue], replace: bool, provenance: dict[str, Any]
) -> Result:
    """The stored result with the fresh values in the places of those of the same name, and new metrics after them.

    A metric that could not be computed does not replace a stored value, unless `replace` is set: then the stored values
    may be of another extractor.
    """
    metrics = {metric.name: metric for metric in stored.metrics}
    taken = [
        metric
        for metric in fresh
        if metric.value is not None
        or replace
        or metric.name not in metrics
        or metrics[metric.name].value is None
    ]
    metrics |= {metric.name: metric for metric in taken}
    scored: dict[str, Any] = {
        "metrics": [metric.name for metric in taken],
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    scored |= {key: provenance[key] for key in ("git", "packages") if key in provenance}
    return msgspec.structs.replace(
        stored,
        metrics=list(metrics.values()),
        last_metrics=_still_comparable(stored.last_metrics, metrics),
        # one entry per scoring, because the values of one record may come from several
        provenance={**stored.provenance, "scored": [*stored.provenance.get("scored", []), scored]},
    )


def _still_comparable(
    last: list[MetricValue] | None, metrics: dict[str, MetricValue]
) -> list[MetricValue] | None:
    """The last checkpoint's values without those of another version of their metric: its samples are not stored."""
    if last is None:
        return None
    return [
        value
        if value.name not in metrics or metrics[value.name].version == value.version
        else msgspec.structs.replace(
            value, value=None, stderr=None, test_stderr=None, real=None, real_stderr=None, note=OTHER_VERSION
        )
        for value in last
    ]
