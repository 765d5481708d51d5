"""The costs of one job: facts, throughput by batch size, quality by steps of the sampler."""

from __future__ import annotations

from collections.abc import Sequence

from genbench.records.result import Cost, SamplingPoint
from genbench_reports.format.columns import COST_COLUMNS
from genbench_reports.format.numbers import (
    format_bytes,
    format_count,
    format_integer,
    format_seconds,
    format_value,
)
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import MISSING, clean

# a title, and the fields of `Cost` for training and for sampling; the leaderboard has columns for the others
_DEVICE_MEMORY = (
    ("GPU reserved", "train_peak_cuda_reserved_bytes", "sample_peak_cuda_reserved_bytes"),
    ("GPU, this process", "train_peak_process_device_bytes", "sample_peak_process_device_bytes"),
    ("GPU, all processes", "train_peak_device_bytes", "sample_peak_device_bytes"),
)


def cost_facts(cost: Cost) -> dict[str, str]:
    """Costs in words, by title, in the order in which they are shown."""
    facts = {
        column.title: column.write(value)
        for column in COST_COLUMNS
        if (value := getattr(cost, column.name, None)) is not None
    }
    if cost.flops_per_step is not None:
        facts["FLOPs/step"] = format_count(cost.flops_per_step)
    for title, training, sampling in _DEVICE_MEMORY:
        both = getattr(cost, training), getattr(cost, sampling)
        if both != (None, None):
            facts[title] = f"{format_bytes(both[0])} training, {format_bytes(both[1])} sampling"
    facts |= _energy(cost)
    if cost.throughput_note:
        facts["batches tried"] = clean(cost.throughput_note)
    if cost.bound_by:
        facts["budget bound by"] = clean(cost.bound_by)
    phases = ", ".join(
        f"{clean(name)} {format_seconds(value)}" for name, value in cost.wall_seconds_by_phase.items()
    )
    return facts | ({"wall time": phases} if phases else {})


def throughput(cost: Cost) -> Table:
    """Samples per second for each batch size that was tried."""
    columns = (Column("batch", essential=True), Column("samples/s ↑", essential=True), Column("calls"))
    rows = [
        (
            Cell(format_integer(point.batch)),
            Cell(format_count(point.samples_per_second), best=point.batch == cost.sample_batch),
            Cell(format_count(point.repeats)),
        )
        for point in cost.throughput
    ]
    return Table(columns, tuple(rows))


def sampling_curve(curve: Sequence[SamplingPoint]) -> Table:
    """Quality against the steps of the sampler."""
    names = list(dict.fromkeys(metric.name for point in curve for metric in point.metrics))
    columns = (
        Column("sampler steps", essential=True),
        Column("time/sample", essential=True),
        Column("FLOPs/sample"),
        *(Column(clean(name), essential=True) for name in names),
        Column("note", numeric=False),
    )
    rows = []
    for point in curve:
        metrics = {metric.name: metric for metric in point.metrics}
        rows.append(
            (
                Cell(format_count(point.steps)),
                Cell(format_seconds(point.seconds_per_sample)),
                Cell(format_count(point.flops_per_sample)),
                *(
                    Cell(
                        format_value(metrics[name].value, metrics[name].stderr)
                        if name in metrics
                        else MISSING
                    )
                    for name in names
                ),
                Cell(clean(point.note or "") or MISSING),
            )
        )
    return Table(columns, tuple(rows)).without_empty_columns()


def _energy(cost: Cost) -> dict[str, str]:
    both = cost.train_energy_joules, cost.sample_energy_joules
    if both == (None, None):
        return {"energy": f"unknown: {clean(cost.energy_note)}"} if cost.energy_note else {}
    energies = ", ".join(
        f"{value:.3g} J {phase}"
        for value, phase in zip(both, ("training", "sampling"), strict=True)
        if value is not None
    )
    source = f" ({clean(cost.energy_source)})" if cost.energy_source else ""
    note = f"; {clean(cost.energy_note)}" if cost.energy_note else ""
    return {"energy": energies + source + note}
