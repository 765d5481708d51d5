"""A comparison in words and tables, for a person who has to decide in ten seconds: the verdict, what got worse and by
how much, then everything else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from genbench.api import ExitCode
from genbench.records.job import Job
from genbench_reports.format.columns import metric_title
from genbench_reports.format.numbers import format_bytes, format_count, format_seconds, format_value
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import MISSING, clean, plural, shorten
from genbench_reports.gate.baseline import Baseline
from genbench_reports.gate.verdict import (
    Comparison,
    FigureComparison,
    JobComparison,
)

LIMIT = 20
"""Rows of a table: one broken model changes all of its figures, and the first few say so."""
_REASON = 120
_SIGNS = {ExitCode.REGRESSION: "✗", ExitCode.JOB_FAILED: "!", ExitCode.NOTHING_RAN: "?"}


@dataclass(frozen=True)
class Section:
    """title: how many there are of what. urgent: it is shown first, and never folded."""

    title: str
    table: Table
    urgent: bool = False


@dataclass(frozen=True)
class ComparisonDocument:
    """sign, verdict: the one line. counts: of outcomes. sections: in the order of their urgency.
    method: how changes are judged. sides: what was compared with what."""

    sign: str
    verdict: str
    counts: str
    sections: tuple[Section, ...]
    cautions: tuple[str, ...]
    method: str
    sides: tuple[str, ...]


def make_comparison_document(
    comparison: Comparison, baseline: Baseline, current: Baseline
) -> ComparisonDocument:
    return ComparisonDocument(
        sign={ExitCode.REGRESSION: "✗", ExitCode.JOB_FAILED: "!", ExitCode.NOTHING_RAN: "?"}.get(
            comparison.exit_code, "✓"
        ),
        verdict=verdict(comparison),
        counts=_counts(comparison),
        sections=tuple(section for section in _sections(comparison) if section.table.rows),
        cautions=comparison.cautions,
        method=(
            "A change counts when it passes its threshold and a test (t-tests over seeds, paired and not, the smaller"
            f" p doubled; p by Holm for {plural(_tested(comparison), 'figure')}, below {comparison.alpha:g}). Figures"
            " equal to rounding count as equal, FLOPs and parameters are compared exactly."
        ),
        sides=(f"Baseline: {_side(baseline)}", f"Now: {_side(current)}"),
    )


def verdict(comparison: Comparison) -> str:
    """One line: what is wrong, and where."""
    if comparison.exit_code == ExitCode.REGRESSION:
        parts = []
        if comparison.regressions:
            where = Counter((each.variant, each.dataset) for each in comparison.regressions)
            parts.append(f"{plural(len(comparison.regressions), 'figure')} got worse: {_places(where)}")
        if comparison.job_regressions:
            jobs = Counter((each.variant, each.dataset) for each in comparison.job_regressions)
            kinds = ", ".join(dict.fromkeys(each.outcome for each in comparison.job_regressions))
            parts.append(f"{kinds}: {_places(jobs)}")
        return "; ".join(parts)
    if comparison.exit_code == ExitCode.JOB_FAILED:
        return f"no regression, but {plural(comparison.failed, 'job')} failed, as before or of models that are new"
    if comparison.exit_code == ExitCode.NOTHING_RAN:
        return "nothing could be compared"
    better = len(comparison.improvements)
    return "no regression" + (f"; {plural(better, 'figure')} got better" if better else "")


def format_figure(figure: FigureComparison, value: float | None, error: float | None = None) -> str:
    """In the figure's own unit."""
    if value is None:
        return MISSING
    if figure.unit == "bytes":
        return format_bytes(value)
    if figure.unit == "s":
        return format_seconds(value)
    if figure.unit in ("1/s", "FLOPs", "parameters"):
        return format_count(value)
    return format_value(value, error)


def format_change(figure: FigureComparison) -> str:
    """ "12 % worse", or in the figure's unit where its size means nothing by itself."""
    if figure.worse_by is None:
        return MISSING
    way = "worse" if figure.worse_by > 0 else "better"
    if figure.relative is not None and figure.unit not in ("share", "nats", "bits/dim", "accuracy from 1/2"):
        return f"{_percent(figure.relative)} {way}"
    return f"{format_figure(figure, abs(figure.worse_by))} {way}"


def title(figure: FigureComparison) -> str:
    """The figure's name, with the arrow of its direction."""
    return metric_title(figure.name, figure.better)


def places(job: JobComparison) -> str:
    return f"seed {', '.join(map(str, job.seeds))}"


def _percent(share: float) -> str:
    share = abs(share)
    return f"{share * 100:.1f} %" if share < 0.1 else f"{share * 100:,.0f} %"


def _places(where: Counter[tuple[str, str]]) -> str:
    named = [
        f"{shorten(variant, 40)} on {shorten(dataset, 40)}" + (f" ({count})" if count > 1 else "")
        for (variant, dataset), count in where.most_common(3)
    ]
    rest = len(where) - len(named)
    return ", ".join(named) + (f", and {rest} more" if rest else "")


def _tested(comparison: Comparison) -> int:
    return sum(figure.p is not None and figure.group != "cost" for figure in comparison.figures)


def _counts(comparison: Comparison) -> str:
    same = len(comparison.of("identical"))
    parts = [
        plural(len(comparison.regressions), "regression"),
        plural(len(comparison.improvements), "improvement"),
        f"{len(comparison.of('within')) + same} unchanged ({same} of them equal to rounding)",
    ]
    if others := len(comparison.of("refused", "untested")):
        parts.append(f"{others} not compared")
    if comparison.allow_missing and (lost := len(comparison.of("lost"))):
        parts.append(f"{lost} no longer there")
    return ", ".join(parts)


def _sections(comparison: Comparison) -> Iterable[Section]:
    wrong = comparison.job_regressions
    yield Section(f"Jobs ({len(wrong)})", _job_table(wrong), urgent=True)
    worse = comparison.regressions
    yield Section(_of("Worse", worse), _figure_table(worse), urgent=True)
    better = comparison.improvements
    yield Section(_of("Better", better), _figure_table(better))
    others = [job for job in comparison.jobs if job not in wrong]
    yield Section(f"Other jobs that are not as they were ({len(others)})", _job_table(others))
    yield Section(
        f"Not compared ({len(comparison.of('refused', 'untested'))})",
        _reason_table(comparison.of("refused", "untested")),
    )
    near = sorted(
        (figure for figure in comparison.of("within") if figure.thresholds > 1 or figure.thresholds < -1),
        key=lambda figure: (figure.adjusted_p or 0.0, figure.p or 0.0),
    )
    yield Section(
        f"Past its threshold, but not to be told from chance ({len(near)})", _figure_table(near[:LIMIT])
    )


def _of(what: str, figures: Sequence[FigureComparison]) -> str:
    shown = f", the {LIMIT} largest" if len(figures) > LIMIT else ""
    return f"{what} ({len(figures)}{shown})"


def _figure_table(figures: Sequence[FigureComparison]) -> Table:
    columns = (
        Column("model", numeric=False, essential=True),
        Column("data set", numeric=False, essential=True),
        Column("figure", numeric=False, essential=True),
        Column("baseline"),
        Column("now"),
        Column("change", essential=True),
        Column("threshold"),
        Column("p"),
        Column("judged by", numeric=False),
    )
    return Table(columns, tuple(_figure_row(figure) for figure in figures[:LIMIT]))


def _figure_row(figure: FigureComparison) -> tuple[Cell, ...]:
    threshold = MISSING
    if figure.threshold is not None:
        relative = figure.threshold / abs(figure.baseline) if figure.baseline else None
        by_size = figure.unit in ("share", "nats", "bits/dim", "accuracy from 1/2") or relative is None
        threshold = format_figure(figure, figure.threshold) if by_size else _percent(relative or 0.0)
    p = figure.adjusted_p
    return (
        Cell(clean(figure.variant)),
        Cell(clean(figure.dataset)),
        Cell(title(figure)),
        Cell(format_figure(figure, figure.baseline, figure.baseline_error)),
        Cell(format_figure(figure, figure.current, figure.current_error)),
        Cell("gone" if figure.outcome == "lost" else format_change(figure)),
        Cell(threshold),
        Cell(MISSING if p is None or figure.group == "cost" else f"{p:.1g}" if p < 0.1 else f"{p:.2f}"),
        Cell(shorten(figure.case or figure.reason, _REASON) or MISSING),
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
            Cell(shorten(job.reason, _REASON) or MISSING),
        )
        for job in jobs[:LIMIT]
    )
    return Table(columns, rows)


def _reason_table(figures: Sequence[FigureComparison]) -> Table:
    """A row a reason: forty figures may be refused for the same one."""
    by_reason: dict[str, list[FigureComparison]] = {}
    for figure in figures:
        by_reason.setdefault(figure.reason, []).append(figure)
    columns = (
        Column("figures", essential=True),
        Column("of", numeric=False, essential=True),
        Column("reason", numeric=False, essential=True),
    )
    rows = []
    for reason, members in sorted(by_reason.items(), key=lambda item: -len(item[1]))[:LIMIT]:
        groups = list(dict.fromkeys(member.group for member in members))
        rows.append(
            (Cell(str(len(members))), Cell(clean(", ".join(groups))), Cell(shorten(reason, 2 * _REASON)))
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
    for commit in dict.fromkeys((m.commit, m.dirty) for m in machines if m.commit):
        parts.append(
            f"commit {clean(commit[0] or '')[:10]}{' with uncommitted changes' if commit[1] else ''}"
        )
    parts += list(dict.fromkeys(f"{clean(m.cpu or 'unknown CPU')}, {m.cores} cores" for m in machines))
    if machines and (when := max(m.time or "" for m in machines)[:10]):
        parts.append(clean(when))
    return ", ".join(parts)
