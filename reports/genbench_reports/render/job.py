"""One job on the screen: metrics, curve, costs, provenance, the reason of a failure, and the end of the log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from genbench.records.audit import Audit
from genbench.records.job import Job
from genbench.records.likelihood_kinds import readable
from genbench.records.result import CurvePoint, MetricValue, Result
from genbench.records.run_folder import Run
from genbench_reports.format import machines as machine
from genbench_reports.format.likelihood_marks import DOUBTED, likelihood_mark
from genbench_reports.format.numbers import format_count, format_seconds, format_value
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import MISSING, clean, log_tail
from genbench_reports.leaderboard.costs import cost_facts, sampling_curve, throughput
from genbench_reports.render.terminal_table import print_table


def print_record(run: Run, job: Job, result: Result | None, console: Console) -> None:
    """result: None for a job that has not run yet."""
    style = {"ok": "green", "unsupported": "dim"}.get(result.status, "red") if result else "yellow"
    status = result.status if result else "no result yet"
    console.print(
        Text.assemble(
            (f"{clean(job.variant)} on {clean(job.dataset)}, seed {job.seed}", "bold"),
            f"  {job.id}  ",
            (clean(status), style),
        )
    )
    if result is not None and result.reason:
        console.print(Text(clean(result.reason), style=style))
    _facts(_job_facts(job), console)
    if result is not None:
        for warning in result.warnings:
            console.print(Text(f"warning: {clean(warning)}", style="yellow"))
        print_table(_metrics(result, result.metrics, "metric"), console)
        if result.audit is not None:
            print_table(_audit(result.audit), console)
        if result.last_metrics is not None:
            print_table(_metrics(result, result.last_metrics, "metric of the last checkpoint"), console)
        print_table(_curve(result.curve, result.selected_fraction), console)
        print_table(sampling_curve(result.sampling_curve), console)
        print_table(throughput(result.cost), console)
        _facts(cost_facts(result.cost), console)
        _facts(_provenance_facts(result.provenance), console)
    _log(run.log_path(job), console)


def _facts(facts: Mapping[str, str], console: Console) -> None:
    for name, value in facts.items():
        console.print(Text.assemble((f"{name}: ", "dim"), value))


def _job_facts(job: Job) -> dict[str, str]:
    settings = ", ".join(f"{key}={value}" for key, value in job.hyperparameters.items())
    return {
        "model": clean(f"{job.model} {job.model_version} ({job.family})"),
        "hyperparameters": clean(settings) or "none",
        "setting": clean(
            f"budget {job.budget}, {job.samples} samples, {job.device}, {job.threads} threads,"
            f" data version {job.dataset_version}, protocol {job.protocol}"
        ),
    }


def _metrics(result: Result, metrics: list[MetricValue], title: str) -> Table:
    columns = (
        Column(title, numeric=False, essential=True),
        Column("value", essential=True, keeps_error=True),
        Column("unit", numeric=False, essential=True),
        Column("N"),
        Column("kind", numeric=False, weight=1),
        Column("extractor", numeric=False),
        Column("note", numeric=False, essential=True),
    )
    rows = [
        (
            Cell(clean(metric.name)),
            Cell(_marked(metric) + (f" {DOUBTED}" if result.doubt(metric) else "")),
            Cell(clean(metric.unit)),
            Cell(MISSING if metric.n is None else str(metric.n)),
            Cell(clean(readable(metric.kind or "")) or MISSING),
            Cell(clean(metric.extractor or "") or MISSING),
            Cell(clean(metric.note or "") or MISSING),
        )
        for metric in metrics
    ]
    table = Table(columns, tuple(rows))
    return table.select([i for i in range(len(columns)) if any(r[i].text != MISSING for r in rows) or i < 3])


def _audit(audit: Audit) -> Table:
    """The checks of an audit, each passed, failed, or not judged."""
    columns = (
        Column(f"audit of {audit.likelihood}", numeric=False, essential=True),
        Column("", numeric=False, essential=True),
        Column("finding", numeric=False, essential=True),
    )
    outcomes = {True: "passed", False: f"failed {DOUBTED}", None: "not judged"}
    return Table(
        columns,
        tuple(
            (Cell(clean(check.name)), Cell(outcomes[check.passed]), Cell(clean(check.detail)))
            for check in audit.checks
        ),
    )


def _marked(metric: MetricValue) -> str:
    text = format_value(metric.value, metric.stderr)
    return text if metric.kind is None or metric.value is None else f"{likelihood_mark(metric.kind)} {text}"


def _curve(curve: list[CurvePoint], selected: float | None) -> Table:
    names = list(dict.fromkeys(metric.name for point in curve for metric in point.metrics))
    losses = list(dict.fromkeys(name for point in curve for name in point.losses))
    columns = (
        Column("budget used", essential=True),
        Column("time", essential=True),
        Column("steps"),
        Column("FLOPs"),
        *(Column(f"{clean(name)} (valid)", essential=True) for name in names),
        *(Column(clean(name)) for name in losses),
    )
    rows = []
    for point in curve:
        by_name = {metric.name: metric for metric in point.metrics}
        rows.append(
            (
                Cell(f"{point.fraction:.0%}{' selected' if point.fraction == selected else ''}"),
                Cell(format_seconds(point.seconds)),
                Cell(format_count(point.steps)),
                Cell(format_count(point.flops)),
                *(Cell(_marked(by_name[name]) if name in by_name else MISSING) for name in names),
                *(Cell(format_value(point.losses.get(name))) for name in losses),
            )
        )
    return Table(columns, tuple(rows))


def _provenance_facts(provenance: Mapping[str, Any]) -> dict[str, str]:
    if not provenance:
        return {}
    facts = {"machine": machine.machines([provenance])[0]}
    facts["software"] = "; ".join(machine.software([provenance])) or machine.UNKNOWN
    if (dates := machine.dates([provenance])) is not None:
        facts["date"] = dates
    for scored in provenance.get("scored", []):
        names = ", ".join(clean(str(name)) for name in scored.get("metrics", []))
        facts[f"scored again {clean(str(scored.get('finished', '')))[:10]}".strip()] = names or MISSING
    return facts


def _log(path: Path, console: Console) -> None:
    lines = log_tail(path)
    if lines:
        console.print(Text(f"end of {clean(str(path))}", style="dim"))
    for line in lines:
        console.print(Text(line), soft_wrap=True)
