"""`genai-bench score RUN`: computes metrics again, or new ones, from stored samples, without training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from genbench.api.cards import MetricCard
from genbench.api.exit_codes import ExitCode
from genbench.errors import UnknownNameError, UsageError
from genbench.plugin.registry import Registry
from genbench.records.job import Job
from genbench.records.run_folder import Run
from genbench.runner.provenance import collect_provenance
from genbench.runner.rescoring import Wish, rescore
from genbench.runner.run_benchmark import Execution
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
    from genbench.runner.brought import outdated_files  # imports torch, which `run` does not need to plan

    registry.executor(executor_name)
    run = Run.open(folder)
    cards = _chosen(metrics, registry)
    finished = [result for result in run.results() if result.status == "ok"]
    if not finished:
        console.print(f"nothing to score: no job of {escape(str(folder))} is ok")
        return ExitCode.NOTHING_RAN
    threads = max(result.job.threads for result in finished)
    execution = Execution(executor_name, workers or max(1, usable_cores() // threads))
    for line in outdated_files(run):
        console.print(f"[yellow]outdated[/yellow]: {escape(line)}", soft_wrap=True)
    bar = Progress(
        TextColumn("scoring"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        progress = bar.add_task("jobs", total=len(finished))
        done = rescore(
            run,
            [Wish(result, cards) for result in finished],
            registry,
            execution,
            collect_provenance(threads),
            replace=replace,
            on_problem=lambda job, line: report_unscored(console, job, line),
            on_job=lambda: bar.advance(progress),
        )
    if done.jobs:  # reports of the old values are made anew
        registry.tell("genbench_run_finished", run=run, registry=registry)
    names = "all metrics" if not metrics else ", ".join(card.name for card in cards)
    console.print(
        f"{done.jobs} of {len(finished)} jobs scored ({escape(names)}) in [bold]{escape(str(folder))}[/bold]"
    )
    return ExitCode.JOB_FAILED if done.problems else ExitCode.OK


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


def report_unscored(console: Console, job: Job, text: str) -> None:
    """One line on a job, or on a value of it, that could not be scored again."""
    console.print(
        f"[yellow]not scored[/yellow]: {escape(job.variant)} on {escape(job.dataset)}, seed {job.seed}: {escape(text)}",
        soft_wrap=True,
    )
