"""`genai-bench score RUN`: computes metrics again, or new ones, from stored samples, without training."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from genbench.api.cards import MetricCard
from genbench.api.exit_codes import ExitCode
from genbench.datasets.versions import dataset_version
from genbench.errors import GenbenchError, UnknownNameError, UsageError
from genbench.execution.executor import executing, make_executor
from genbench.plugin.registry import Registry
from genbench.records.job import Job
from genbench.records.result import MetricValue, Result
from genbench.records.run_folder import Run
from genbench.records.task import Rescoring, Task
from genbench.run.provenance import collect_provenance
from genbench.run.run_benchmark import make_task
from genbench.util.usable_cores import usable_cores


def score_command(
    folder: Path,
    metrics: Sequence[str],
    workers: int | None,
    executor_name: str,
    replace: bool,
    registry: Registry,
    console: Console,
) -> int:
    """Score the samples of a run again, and return the exit code.

    The record of each job is replaced atomically when its new values are computed, so that an interruption loses
    nothing. Jobs that cannot be scored keep their record.
    """
    card = registry.executor(executor_name)
    run = Run.open(folder)
    cards = _chosen(metrics, registry)
    finished = [result for result in run.results() if result.status == "ok"]
    if not finished:
        console.print(f"nothing to score: no job of {escape(str(folder))} is ok")
        return ExitCode.NOTHING_RAN
    threads = max(result.job.threads for result in finished)
    count = workers or max(1, usable_cores() // threads)
    tasks: list[Task] = []
    failures = 0
    for result in finished:
        try:
            tasks.append(_task(result, run, registry, cards, replace))
        except GenbenchError as error:
            failures += 1
            _report_unscored(console, result.job, str(error))
    provenance = collect_provenance(threads)
    executor = make_executor(card, count)
    scored = 0

    def log_path(job: Job) -> Path:
        return run.job_folder(job) / "score.txt"

    bar = Progress(
        TextColumn("scoring"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        progress = bar.add_task("jobs", total=len(tasks))
        with executing(executor, tasks, log_path, lambda *_: None) as results:
            for fresh in results:
                bar.advance(progress)
                if fresh.status != "ok":
                    failures += 1
                    _report_unscored(console, fresh.job, f"{fresh.status}: {fresh.reason}")
                    continue
                merge = partial(_merged, fresh=fresh.metrics, replace=replace, provenance=provenance)
                merged = run.update(fresh.job, merge)
                if merged is None:
                    failures += 1
                    _report_unscored(console, fresh.job, "its result was removed while it was scored")
                    continue
                scored += 1
                for metric in fresh.metrics:
                    if merged.metric(metric.name) != metric:
                        failures += 1
                        _report_unscored(
                            console, fresh.job, f"{metric.name}: {metric.note}; the stored value is kept"
                        )
    if scored:  # reports of the old values are made anew
        registry.tell("genbench_run_finished", run=run, registry=registry)
    names = "all metrics" if not metrics else ", ".join(card.name for card in cards)
    console.print(
        f"{scored} of {len(finished)} jobs scored ({escape(names)}) in [bold]{escape(str(folder))}[/bold]"
    )
    return ExitCode.JOB_FAILED if failures else ExitCode.OK


def _chosen(names: Sequence[str], registry: Registry) -> list[MetricCard]:
    """The cards of these metrics and of all that are computed together with them; without names, all metrics that are
    computed from samples.

    Raises UnknownNameError, UsageError.
    """
    from_samples = [card for card in registry.metrics.values() if card.factory]
    if not names:
        return from_samples
    chosen: list[MetricCard] = []
    for name in names:
        if name not in registry.metrics:
            raise UnknownNameError("metric", name, registry.metrics)
        card = registry.metrics[name]
        if card.factory is None:
            raise UsageError(f"{name} is measured while the model runs; it cannot be computed from samples")
        chosen.append(card)
    factories = {card.factory for card in chosen}
    return [card for card in from_samples if card.factory in factories]


def _task(result: Result, run: Run, registry: Registry, cards: Sequence[MetricCard], replace: bool) -> Task:
    """The task of scoring a job again. Raises UnknownNameError or UsageError if its data set is missing or has
    changed."""
    job = result.job
    version = dataset_version(registry.dataset(job.dataset))
    if version != job.dataset_version:
        raise UsageError(f"the data set has changed since: {job.dataset_version} then, {version} now")
    names = {card.name for card in cards}
    # all values of a row share one extractor: that of the stored values, except those that `replace` replaces
    staying = [metric for metric in result.metrics if not (replace and metric.name in names)]
    recorded = sorted({metric.extractor for metric in staying if metric.extractor})
    rescoring = Rescoring(extractors=recorded)
    return msgspec.structs.replace(make_task(job, run, registry), metrics=list(cards), rescoring=rescoring)


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
        # one entry per scoring, because the values of one record may come from several
        provenance={**stored.provenance, "scored": [*stored.provenance.get("scored", []), scored]},
    )


def _report_unscored(console: Console, job: Job, text: str) -> None:
    console.print(
        f"[yellow]not scored[/yellow]: {escape(job.variant)} on {escape(job.dataset)}, seed {job.seed}: {escape(text)}",
        soft_wrap=True,
    )
