"""The leaderboard as data: one for each data set and setting, and a summary over data sets.

Renderers draw it; nothing here knows of markdown or of terminals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from genbench.api.cards import DatasetCard, MetricCard
from genbench.records.result import Result
from genbench_reports.format.table import Cell, Column, Footnotes, Table
from genbench_reports.format.text import MISSING, clean
from genbench_reports.leaderboard.entries import CONDITION_FIELDS, DATA_FIELDS, Setting, group_results
from genbench_reports.leaderboard.notes import caption, notes, unsupported
from genbench_reports.leaderboard.standings import Standings
from genbench_reports.leaderboard.tables import cost_table, failure_table, further_table, main_table


@dataclass(frozen=True)
class Leaderboard:
    """One data set under one setting.

    title: the data set, with what sets the table apart where it has several. caption: the setting in words.
    further: the figures for which the main table has no place. notes: what to know about the whole table;
    footnotes: numbered from 1, cells refer to them. failures: a row for each job that failed. unsupported:
    one line, or None.
    """

    standings: Standings
    title: str
    caption: str
    main: Table
    cost: Table
    further: Table
    notes: tuple[str, ...]
    footnotes: tuple[str, ...]
    failures: Table
    unsupported: str | None

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics that have values."""
        return [name for name in self.standings.present if self.standings.has_value(name)]


@dataclass(frozen=True)
class Summary:
    """Mean ranks over the data sets of one setting."""

    title: str
    table: Table


@dataclass(frozen=True)
class Leaderboards:
    """Everything a leaderboard document shows of results."""

    boards: tuple[Leaderboard, ...]
    summaries: tuple[Summary, ...]


def build_leaderboards(
    results: Iterable[Result], metrics: Mapping[str, MetricCard], datasets: Mapping[str, DatasetCard]
) -> Leaderboards:
    """From results to tables. Cards of metrics and data sets may be missing, where their plugin is."""
    tables = group_results(results)
    boards = []
    for table in tables:
        dataset = table.setting.job.dataset
        rivals = [other.setting for other in tables if other.setting.job.dataset == dataset]
        boards.append(_board(Standings(table, metrics, datasets.get(dataset)), rivals))
    return Leaderboards(tuple(boards), tuple(_summaries(boards)))


def _board(standings: Standings, rivals: Sequence[Setting]) -> Leaderboard:
    shown = [name for name in standings.main if standings.has_value(name)]
    others = [name for name in standings.present if name not in shown and standings.has_value(name)]
    footnotes = Footnotes()
    setting = standings.table.setting
    differences = setting.differences(rivals, (*CONDITION_FIELDS, *DATA_FIELDS))
    return Leaderboard(
        standings=standings,
        title=f"{setting.job.dataset} ({differences})" if differences else setting.job.dataset,
        caption=caption(standings),
        main=main_table(standings, shown, footnotes),
        cost=cost_table(standings),
        further=further_table(standings, others, footnotes),
        notes=tuple(notes(standings)),
        footnotes=tuple(footnotes.texts),
        failures=failure_table(standings),
        unsupported=unsupported(standings),
    )


def _summaries(boards: Sequence[Leaderboard]) -> Iterable[Summary]:
    """For each setting with ranks on two data sets or more."""
    by_conditions: dict[tuple[object, ...], list[Leaderboard]] = {}
    for board in boards:
        by_conditions.setdefault(board.standings.table.setting.conditions, []).append(board)
    settings = [members[0].standings.table.setting for members in by_conditions.values()]
    for members, setting in zip(by_conditions.values(), settings, strict=True):
        if sum(bool(board.standings.ranking.ranks) for board in members) >= 2:
            differences = setting.differences(settings, CONDITION_FIELDS)
            title = f"all data sets ({differences})" if differences else "all data sets"
            yield Summary(title, _summary_table(members))


def _summary_table(boards: Sequence[Leaderboard]) -> Table:
    """Mean rank over the data sets where a variant has one, and on how many it was run."""
    families: dict[str, str] = {}
    ranks: dict[str, list[int]] = {}
    run_on: dict[str, int] = {}
    for board in boards:
        for entry in board.standings.table.entries:
            if entry.is_calibration:
                continue
            families[entry.label] = entry.family
            run_on[entry.label] = run_on.get(entry.label, 0) + 1
            rank = board.standings.ranking.ranks.get(entry.label)
            ranks.setdefault(entry.label, []).extend([rank.number] if rank else [])
    means = {label: sum(values) / len(values) for label, values in ranks.items() if values}
    ordered = sorted(ranks, key=lambda label: (means.get(label, float("inf")), -len(ranks[label]), label))
    rows = tuple(
        (
            Cell(f"{means[label]:.2f}" if label in means else MISSING, value=means.get(label)),
            Cell(clean(label)),
            Cell(clean(families[label])),
            Cell(str(len(ranks[label])), value=len(ranks[label])),
            Cell(str(run_on[label]), value=run_on[label]),
        )
        for label in ordered
    )
    columns = (
        Column("mean rank", essential=True),
        Column("model", numeric=False, essential=True),
        Column("family", numeric=False),
        Column("ranked on", essential=True),
        Column("run on", essential=True),
    )
    return Table(columns, rows)
