"""A comparison for GitHub: annotations on standard output, and the markdown as the job's summary.

Workflow commands: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from collections.abc import Iterable

from genbench_reports.format.text import shorten
from genbench_reports.gate.tables import format_change, format_figure, places
from genbench_reports.gate.verdict import Comparison

SHOWN = 10
"""Annotations of one kind that GitHub shows of one step; the last of ours says how many there are."""
_MESSAGE = 300


def workflow_commands(comparison: Comparison, verdict: str) -> str:
    """`::error` for what is a regression, `::warning` for what a reader should know, `::notice` for good news."""
    errors = [
        (f"{job.variant} on {job.dataset}", f"{places(job)} {job.outcome}: {job.reason}")
        for job in comparison.job_regressions
    ]
    for figure in comparison.regressions:
        before, now = format_figure(figure, figure.baseline), format_figure(figure, figure.current)
        why = figure.reason if figure.outcome == "lost" else f"{before} → {now} ({format_change(figure)})"
        errors.append((f"{figure.variant} on {figure.dataset}", f"{figure.name}: {why}"))
    warnings = [
        (f"{job.variant} on {job.dataset}", f"{places(job)} {job.outcome}: {job.reason}")
        for job in comparison.jobs
        if job not in comparison.job_regressions
        and job.outcome in ("failed before", "new and fails", "missing")
    ]
    warnings += [("genai-bench", caution) for caution in comparison.cautions]
    lines = [*_commands("error", errors), *_commands("warning", warnings)]
    if not errors:
        lines.append(_command("notice", "genai-bench", verdict))
    return "".join(f"{line}\n" for line in lines)


def _commands(kind: str, found: list[tuple[str, str]]) -> Iterable[str]:
    shown = found if len(found) <= SHOWN else found[: SHOWN - 1]
    for title, message in shown:
        yield _command(kind, title, message)
    if len(found) > len(shown):
        yield _command(kind, "genai-bench", f"and {len(found) - len(shown)} more; see the job's summary")


def _command(kind: str, title: str, message: str) -> str:
    return f"::{kind} title={_property(shorten(title, 120))}::{_data(shorten(message, _MESSAGE))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
