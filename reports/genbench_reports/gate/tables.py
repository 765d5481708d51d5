"""A comparison in words and tables, for a person who has to decide in ten seconds: the verdict, what got worse and by
how much, then everything else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from genbench.api import ExitCode
from genbench.records.job import Job
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import MISSING, clean, plural, shorten
from genbench_reports.gate.baseline import Baseline
from genbench_reports.gate.causes import commit_of
from genbench_reports.gate.changes import (
    format_change,
    format_compared,
    format_percent,
    relative_change,
    title,
)
from genbench_reports.gate.summary import format_place, job_lines, value_lines
from genbench_reports.gate.verdict import Cause, JobComparison, Place, ValueComparison, Verdict

MAX_ROWS = 20
"""Rows of a table. One broken model changes all of its metrics, and the first few rows show that."""
MAX_LINES_BETTER = 5
_MAX_REASON_CHARACTERS = 120
_SIGNS = {ExitCode.REGRESSION: "✗", ExitCode.JOB_FAILED: "!", ExitCode.NOTHING_RAN: "?"}


@dataclass(frozen=True)
class Section:
    """One table of a comparison."""

    title: str
    """What it lists, and how many there are."""
    table: Table
    """Its rows."""
    urgent: bool = False
    """It is about what got worse."""


@dataclass(frozen=True)
class VerdictDocument:
    """A comparison in words and tables."""

    sign: str
    """One character for the verdict."""
    verdict: str
    """One line: what is wrong, and where."""
    counts: str
    """How many values had which outcome."""
    sections: tuple[Section, ...]
    """Tables, the most urgent first."""
    cautions: tuple[str, ...]
    """What to know before trusting the comparison."""
    method: str
    """How changes are judged."""
    sides: tuple[str, ...]
    """What was compared with what."""
    causes: tuple[Cause, ...]
    """What changed between the two."""
    no_cause: str
    """What to say where nothing did, as far as the records tell."""
    worse: tuple[str, ...]
    """A line per group of values, or of seeds, that got worse."""
    better: tuple[str, ...]
    """One line for each group of values that got better."""


def make_verdict_document(verdict: Verdict, baseline: Baseline, current: Baseline) -> VerdictDocument:
    return VerdictDocument(
        sign={ExitCode.REGRESSION: "✗", ExitCode.JOB_FAILED: "!", ExitCode.NOTHING_RAN: "?"}.get(
            verdict.exit_code, "✓"
        ),
        verdict=verdict_line(verdict),
        counts=_counts(verdict),
        sections=tuple(section for section in _sections(verdict) if section.table.rows),
        cautions=verdict.cautions,
        method=(
            "A change counts when it passes its threshold and a test (t-tests over seeds, paired and not, the smaller"
            f" p doubled; p by Holm for {plural(_tested(verdict), 'comparison')}, below {verdict.alpha:g}). Values"
            " equal to rounding count as equal, FLOPs and parameters are compared exactly."
        ),
        sides=(f"Baseline: {_side(baseline)}", f"Now: {_side(current)}"),
        causes=verdict.causes,
        no_cause=_no_cause(baseline, current),
        worse=(*job_lines(verdict.job_regressions), *value_lines(verdict.regressions)),
        better=value_lines(verdict.improvements, MAX_LINES_BETTER),
    )


def _no_cause(baseline: Baseline, current: Baseline) -> str:
    line = (
        "Nothing that both sides recorded: settings, sources of models, data sets and metrics, commit, versions of"
        " packages and machine are the same"
    )
    dirty = any(machine.dirty for side in (baseline, current) for machine in side.machines)
    return f"{line}, but for uncommitted changes." if dirty else f"{line}."


def verdict_line(verdict: Verdict) -> str:
    """One line: what is wrong, and where."""
    if verdict.exit_code == ExitCode.REGRESSION:
        parts = []
        if verdict.regressions:
            where = Counter(each.place for each in verdict.regressions)
            parts.append(f"{plural(len(verdict.regressions), 'value')} got worse: {_places(where)}")
        if verdict.job_regressions:
            jobs = Counter(each.place for each in verdict.job_regressions)
            kinds = ", ".join(dict.fromkeys(each.outcome for each in verdict.job_regressions))
            parts.append(f"{kinds}: {_places(jobs)}")
        return "; ".join(parts)
    if verdict.exit_code == ExitCode.JOB_FAILED:
        return (
            f"no regression, but {plural(verdict.failed, 'job')} failed, as before or of models that are new"
        )
    if verdict.exit_code == ExitCode.NOTHING_RAN:
        return "nothing could be compared"
    better = len(verdict.improvements)
    return "no regression" + (f"; {plural(better, 'value')} got better" if better else "")


def _places(where: Counter[Place]) -> str:
    named = [
        format_place(place) + (f" ({count})" if count > 1 else "") for place, count in where.most_common(3)
    ]
    rest = len(where) - len(named)
    return ", ".join(named) + (f", and {rest} more" if rest else "")


def _tested(verdict: Verdict) -> int:
    return sum(compared.p is not None and compared.group != "cost" for compared in verdict.values)


def _counts(verdict: Verdict) -> str:
    same = len(verdict.of("identical"))
    parts = [
        plural(len(verdict.regressions), "regression"),
        plural(len(verdict.improvements), "improvement"),
        f"{len(verdict.of('within')) + same} unchanged ({same} of them equal to rounding)",
    ]
    if others := len(verdict.of("refused", "untested")):
        parts.append(f"{others} not compared")
    if verdict.allow_missing and (lost := len(verdict.of("lost"))):
        parts.append(f"{lost} no longer there")
    return ", ".join(parts)


def _sections(verdict: Verdict) -> Iterable[Section]:
    wrong = verdict.job_regressions
    yield Section(f"Jobs ({len(wrong)})", _job_table(wrong), urgent=True)
    worse = verdict.regressions
    yield Section(_of("Worse", worse), _value_table(worse), urgent=True)
    better = verdict.improvements
    yield Section(_of("Better", better), _value_table(better))
    others = [job for job in verdict.jobs if job not in wrong]
    yield Section(f"Other jobs that are not as they were ({len(others)})", _job_table(others))
    yield Section(
        f"Not compared ({len(verdict.of('refused', 'untested'))})",
        _reason_table(verdict.of("refused", "untested")),
    )
    near = sorted(
        (
            compared
            for compared in verdict.of("within")
            if compared.thresholds > 1 or compared.thresholds < -1
        ),
        key=lambda compared: (compared.adjusted_p or 0.0, compared.p or 0.0),
    )
    yield Section(
        f"Past its threshold, but not to be told from chance ({len(near)})", _value_table(near[:MAX_ROWS])
    )


def _of(what: str, values: Sequence[ValueComparison]) -> str:
    shown = f", the {MAX_ROWS} largest" if len(values) > MAX_ROWS else ""
    return f"{what} ({len(values)}{shown})"


def _value_table(values: Sequence[ValueComparison]) -> Table:
    columns = (
        Column("model", numeric=False, essential=True),
        Column("data set", numeric=False, essential=True),
        Column("metric", numeric=False, essential=True),
        Column("baseline"),
        Column("now"),
        Column("change", essential=True),
        Column("threshold"),
        Column("p"),
        Column("judged by", numeric=False),
    )
    return Table(columns, tuple(_value_row(compared) for compared in values[:MAX_ROWS]))


def _value_row(compared: ValueComparison) -> tuple[Cell, ...]:
    threshold = MISSING
    if compared.threshold is not None:
        threshold = format_compared(compared, compared.threshold)
        if compared.baseline and relative_change(compared) is not None:
            threshold = format_percent(compared.threshold / compared.baseline)
    p = compared.adjusted_p
    return (
        Cell(clean(compared.variant)),
        Cell(clean(compared.dataset)),
        Cell(title(compared)),
        Cell(format_compared(compared, compared.baseline, compared.baseline_error)),
        Cell(format_compared(compared, compared.current, compared.current_error)),
        Cell("gone" if compared.outcome == "lost" else format_change(compared)),
        Cell(threshold),
        Cell(MISSING if p is None or compared.group == "cost" else f"{p:.1g}" if p < 0.1 else f"{p:.2f}"),
        Cell(shorten(compared.case or compared.reason, _MAX_REASON_CHARACTERS) or MISSING),
    )


def _job_table(jobs: Sequence[JobComparison]) -> Table:
    columns = (
        Column("model", numeric=False, essential=True),
        Column("data set", numeric=False, essential=True),
        Column("seeds", numeric=False),
        Column("what", numeric=False, essential=True),
        Column("reason", numeric=False),
    )
    rows = tuple(
        (
            Cell(clean(job.variant)),
            Cell(clean(job.dataset)),
            Cell(", ".join(map(str, job.seeds))),
            Cell(job.outcome),
            Cell(shorten(job.reason, _MAX_REASON_CHARACTERS) or MISSING),
        )
        for job in jobs[:MAX_ROWS]
    )
    return Table(columns, rows)


def _reason_table(values: Sequence[ValueComparison]) -> Table:
    """A row per reason: forty values can be refused for one reason."""
    by_reason: dict[str, list[ValueComparison]] = {}
    for compared in values:
        by_reason.setdefault(compared.reason, []).append(compared)
    columns = (
        Column("values", essential=True),
        Column("of", numeric=False, essential=True),
        Column("reason", numeric=False, essential=True),
    )
    rows = []
    for reason, members in sorted(by_reason.items(), key=lambda item: -len(item[1]))[:MAX_ROWS]:
        groups = list(dict.fromkeys(member.group for member in members))
        rows.append(
            (
                Cell(str(len(members))),
                Cell(clean(", ".join(groups))),
                Cell(shorten(reason, 2 * _MAX_REASON_CHARACTERS)),
            )
        )
    return Table(columns, tuple(rows))


def _side(side: Baseline) -> str:
    machines = side.machines
    groups = [group for group in side.groups if any(job.status != "unsupported" for job in group.jobs)]
    jobs: list[Job] = [group.job for group in groups]
    seeds = sorted({len(group.jobs) for group in groups})
    parts = [f"suite {shorten(side.suite, 60) or 'unnamed'}"]
    if seeds:
        span = str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
        parts.append(f"{plural(len(groups), 'row')} of {span} seed{'' if span == '1' else 's'}")
    parts += list(dict.fromkeys(f"budget {clean(job.budget)}" for job in jobs))[:3]
    parts += [f"commit {clean(commit)}" for commit in dict.fromkeys(map(commit_of, machines)) if commit]
    parts += list(dict.fromkeys(f"{clean(m.cpu or 'unknown CPU')}, {m.cores} cores" for m in machines))
    if machines and (when := max(m.time or "" for m in machines)[:10]):
        parts.append(clean(when))
    return ", ".join(parts)
