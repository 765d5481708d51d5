"""A comparison for GitHub: annotations on standard output, and the markdown as the job's summary.

Workflow commands: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from collections.abc import Iterable

from genbench_reports.format.text import shorten
from genbench_reports.gate.changes import format_change, format_compared
from genbench_reports.gate.summary import format_seeds
from genbench_reports.gate.verdict import Verdict

MAX_ANNOTATIONS = 10
"""GitHub shows this many annotations of one kind per step; our last one says how many more there are."""
_MAX_MESSAGE_CHARACTERS = 300


def workflow_commands(verdict: Verdict, line: str) -> str:
    """`::error` for regressions, `::warning` for other failures and cautions, `::notice` where there is no error.

    line: the verdict in one line.
    """
    errors = [
        (f"{job.variant} on {job.dataset}", f"{format_seeds(job)} {job.outcome}: {job.reason}")
        for job in verdict.job_regressions
    ]
    for compared in verdict.regressions:
        before, now = (
            format_compared(compared, compared.baseline),
            format_compared(compared, compared.current),
        )
        why = (
            compared.reason if compared.outcome == "lost" else f"{before} → {now} ({format_change(compared)})"
        )
        errors.append((f"{compared.variant} on {compared.dataset}", f"{compared.name}: {why}"))
    warnings = [
        (f"{job.variant} on {job.dataset}", f"{format_seeds(job)} {job.outcome}: {job.reason}")
        for job in verdict.jobs
        if job not in verdict.job_regressions and job.outcome in ("failed before", "new and fails", "missing")
    ]
    warnings += [("genai-bench", caution) for caution in verdict.cautions]
    lines = [*_commands("error", errors), *_commands("warning", warnings)]
    if not errors:
        lines.append(_command("notice", "genai-bench", line))
    return "".join(f"{line}\n" for line in lines)


def _commands(kind: str, found: list[tuple[str, str]]) -> Iterable[str]:
    shown = found if len(found) <= MAX_ANNOTATIONS else found[: MAX_ANNOTATIONS - 1]
    for title, message in shown:
        yield _command(kind, title, message)
    if len(found) > len(shown):
        yield _command(kind, "genai-bench", f"and {len(found) - len(shown)} more; see the job's summary")


def _command(kind: str, title: str, message: str) -> str:
    return (
        f"::{kind} title={_property(shorten(title, 120))}::{_data(shorten(message, _MAX_MESSAGE_CHARACTERS))}"
    )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
