"""The commands `show` and `report`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from genbench.errors import UnknownNameError, UsageError
from genbench.plugin.registry import registry_of
from genbench.records.find_record import find_job
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.run_folder import Run

DatasetOption = Annotated[str | None, typer.Option("-d", "--dataset", help="Only this data set.")]
ModelOption = Annotated[
    str | None, typer.Option("-m", "--model", help="The records of this model, or of one variant of it.")
]
MetricOption = Annotated[
    str | None, typer.Option("--metric", metavar="NAME", help="One metric, over all data sets.")
]
TargetOption = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="METRIC=VALUE",
        help="Training time until a metric reaches a value, on the validation split.",
    ),
]
StatisticsOption = Annotated[
    bool, typer.Option("--statistics", help="Intervals, tests and groups over seeds and data sets.")
]
GroupByOption = Annotated[
    str | None,
    typer.Option(
        "--group-by",
        metavar="FIELD",
        help="Groups of models by what their cards say: family, year, country, institution, origin, ...",
    ),
]
WideOption = Annotated[bool, typer.Option("--wide", help="Every column, further metrics and costs.")]
JobOption = Annotated[str | None, typer.Option("--job", metavar="ID", help="The record of this job.")]


def add_commands(app: typer.Typer) -> None:
    """Put both on the command line."""
    app.command("show")(show)
    app.command("report")(report)


def show(
    context: typer.Context,
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs; joined.")],
    dataset: DatasetOption = None,
    model: ModelOption = None,
    metric: MetricOption = None,
    job: JobOption = None,
    target: TargetOption = None,
    statistics: StatisticsOption = False,
    group_by: GroupByOption = None,
    wide: WideOption = False,
) -> None:
    """Show a run's answer, then its leaderboards. --wide shows every column of them, --metric NAME one metric over all
    data sets, --target METRIC=VALUE the training time until a metric reaches a value, --statistics intervals and tests,
    --group-by FIELD groups of models, and -m MODEL -d DATASET or --job ID all that is recorded about a job."""
    from genbench_reports.analysis.model_groups import group_tables
    from genbench_reports.analysis.section import statistics_parts
    from genbench_reports.leaderboard.targets import read_target, target_table
    from genbench_reports.overview.document import make_document
    from genbench_reports.render.job import print_record
    from genbench_reports.render.screen import screen
    from genbench_reports.render.terminal import print_document, print_groups, print_metric, print_statistics
    from genbench_reports.render.terminal_table import print_table

    opened = _opened(runs)
    registry = registry_of(context)
    console = screen()
    if target is not None:
        card, value = read_target(target, registry.metrics)
        results = [found for found in opened.results() if dataset in (None, found.job.dataset)]
        print_table(target_table(results, card, value), console, wide=wide)
        return
    if (statistics or group_by is not None) and (job is not None or model is not None):
        raise UsageError("--statistics and --group-by show all models; leave out -m and --job")
    if job is None and model is None:
        datasets = None if dataset is None else [_planned_name("data set", dataset, _datasets(opened))]
        if metric is not None:
            known = {metric.name for result in opened.results() for metric in result.metrics}
            _planned_name("metric", metric, known | registry.metrics.keys())
        document = make_document(opened, registry, datasets)
        if statistics:
            print_statistics(statistics_parts(document.leaderboards), console, wide=wide)
        elif group_by is not None:
            print_groups(group_tables(document.leaderboards, registry.models, group_by), console, wide=wide)
        elif metric is None:
            print_document(document, console, wide=wide)
        else:
            print_metric(document, metric, console, wide=wide)
        return
    for index, (found, result) in enumerate(_find(opened, dataset, model, job)):
        if index:
            console.print()
        print_record(opened, found, result, console)


def report(
    context: typer.Context,
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs; joined.")],
    format_: Annotated[
        str,
        typer.Option(
            "--format", help="md, html, json, summary, csv, latex, png, svg, pytest-benchmark, or a plugin's."
        ),
    ] = "md",
    group_by: GroupByOption = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="A file, instead of standard output; for pictures a folder."),
    ] = None,
) -> None:
    """Write the results of one or more runs in a format for others to read."""
    from genbench_reports.commands.delivery import deliver, render_report
    from genbench_reports.render.model_groups import render_groups

    registry = registry_of(context)
    card = registry.report(format_)
    run = _opened(runs)
    if group_by is None:
        rendered = render_report(card, run, registry)
    else:
        rendered = render_groups(run, registry, format_, group_by)
    said = deliver(rendered, card, output)
    if said is not None:
        typer.echo(said, err=True)


def _opened(folders: Sequence[Path]) -> Run:
    """The run, or several joined."""
    from genbench_reports.format.joined_runs import JoinedRuns

    opened = [Run.open(folder) for folder in folders]
    return opened[0] if len(opened) == 1 else JoinedRuns(opened)


def _records(run: Run) -> list[tuple[Job, Result | None]]:
    """Every job of the plan, whether it was run or not, and the pairs that are not supported."""
    planned: list[tuple[Job, Result | None]] = [(job, run.result(job)) for job in run.plan.jobs]
    return [*planned, *((result.job, result) for result in run.plan.refused)]


def _datasets(run: Run) -> set[str]:
    return {job.dataset for job, _ in _records(run)}


def _find(
    run: Run, dataset: str | None, model: str | None, job_id: str | None
) -> list[tuple[Job, Result | None]]:
    """Records by id (a unique beginning will do), or by model and data set. At least one, or UsageError."""
    if job_id is not None:
        job = find_job(run, job_id)
        refused = next((result for result in run.plan.refused if result.id == job.id), None)
        return [(job, refused or run.result(job))]
    records = _records(run)
    if model is not None:
        _planned_name("model", model, {name for job, _ in records for name in (job.variant, job.model)})
    if dataset is not None:
        _planned_name("data set", dataset, _datasets(run))
    found = [
        (job, result)
        for job, result in records
        if model in (job.variant, job.model) and dataset in (None, job.dataset)
    ]
    if not found:
        raise UsageError(f"{run.folder} has no job of {model} on {dataset}")
    return found


def _planned_name(kind: str, name: str, known: Iterable[str]) -> str:
    known = set(known)
    if name not in known:
        raise UnknownNameError(kind, name, known)
    return name
