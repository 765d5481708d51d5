"""What all models of a comparison had in common, in words."""

from __future__ import annotations

from collections.abc import Sequence

from genbench.api import Budget
from genbench.errors import BudgetError
from genbench_reports.format.numbers import format_bytes, format_count, format_seconds
from genbench_reports.format.text import clean, plural
from genbench_reports.leaderboard.rows import Board


def setting_words(boards: Sequence[Board]) -> str:
    """Budget, device, threads and seeds of boards of one setting: "10 s of processor time per training, cpu, 1
    thread, 3 seeds"; empty without boards."""
    if not boards:
        return ""
    job = boards[0].setting.job
    results = [
        result for board in boards for row in board.entrants for result in (*row.results, *row.failures)
    ]
    seeds = {result.job.seed for result in results}
    parts = [
        f"{budget_words(job.budget)} per training",
        clean(job.device) if job.gpus is None else f"{clean(job.device)}, {job.gpus} GPUs per job",
        plural(job.threads, "thread"),
    ]
    return ", ".join([*parts, *([plural(len(seeds), "seed")] if seeds else [])])


def budget_words(text: str) -> str:
    """A budget for a reader: "10cpu-s" -> "10 s of processor time"."""
    try:
        budget = Budget.parse(text)
    except BudgetError:
        return clean(text)
    parts = [
        None if budget.seconds is None else format_seconds(budget.seconds),
        None if budget.cpu_seconds is None else f"{format_seconds(budget.cpu_seconds)} of processor time",
        None if budget.steps is None else f"{budget.steps:,} steps",
        None if budget.examples is None else f"{budget.examples:,} examples",
        None if budget.flops is None else f"{format_count(budget.flops)} FLOPs",
        None if budget.memory_bytes is None else f"{format_bytes(budget.memory_bytes)} of memory",
    ]
    return " and ".join(part for part in parts if part)
