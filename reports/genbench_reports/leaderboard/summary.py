"""Model variants over all data sets of one setting: on how many each is ranked, and its mean rank there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import MISSING, clean
from genbench_reports.leaderboard.rows import Board, Rank
from genbench_reports.leaderboard.setting import CONDITION_FIELDS

MIN_RANKED_BOARDS = 2
"""A summary over fewer leaderboards would repeat one of them."""


@dataclass(frozen=True)
class SummaryRow:
    """One model variant over the leaderboards of a setting."""

    label: str
    """Name of the variant. Not trusted."""
    family: str
    """Its family. Not trusted."""
    ranks: tuple[Rank, ...]
    """Its ranks, on the leaderboards where it has one."""
    mean_rank: float | None
    """None where it is ranked nowhere."""
    run_on: int
    """On how many leaderboards it was run, with whatever outcome."""


@dataclass(frozen=True)
class Summary:
    """Mean ranks over the data sets of one setting."""

    title: str
    """"all data sets", with what sets the setting apart where there are several."""
    rows: tuple[SummaryRow, ...]
    """Contenders, from the best mean rank to the worst, then those without one."""

    @property
    def table(self) -> Table:
        """The rows as a table."""
        columns = (
            Column("mean rank", essential=True),
            Column("model", numeric=False, essential=True),
            Column("family", numeric=False),
            Column("ranked on", essential=True),
            Column("run on", essential=True),
        )
        return Table(columns, tuple(_cells(row) for row in self.rows))


def make_summaries(boards: Sequence[Board]) -> list[Summary]:
    """A summary for each setting that has ranks on two data sets or more."""
    groups = boards_by_conditions(boards)
    settings = [members[0].setting for members in groups]
    summaries = []
    for members, setting in zip(groups, settings, strict=True):
        if sum(bool(board.ranked) for board in members) >= MIN_RANKED_BOARDS:
            differences = setting.differences(settings, CONDITION_FIELDS)
            title = f"all data sets ({differences})" if differences else "all data sets"
            summaries.append(Summary(title, tuple(_rows(members))))
    return summaries


def boards_by_conditions(boards: Sequence[Board]) -> list[list[Board]]:
    """The leaderboards whose settings are equal but for the data, in the order of the leaderboards."""
    groups: dict[tuple[object, ...], list[Board]] = {}
    for board in boards:
        groups.setdefault(board.setting.conditions, []).append(board)
    return list(groups.values())


def _rows(boards: Sequence[Board]) -> list[SummaryRow]:
    families: dict[str, str] = {}
    ranks: dict[str, list[Rank]] = {}
    run_on: dict[str, int] = {}
    for board in boards:
        for row in board.contenders:
            families[row.label] = row.family
            run_on[row.label] = run_on.get(row.label, 0) + 1
            ranks.setdefault(row.label, []).extend([row.rank] if row.rank else [])
    rows = [
        SummaryRow(
            label=label,
            family=families[label],
            ranks=tuple(found),
            mean_rank=sum(rank.number for rank in found) / len(found) if found else None,
            run_on=run_on[label],
        )
        for label, found in ranks.items()
    ]

    def place(row: SummaryRow) -> tuple[float, int, str]:
        return (float("inf") if row.mean_rank is None else row.mean_rank, -len(row.ranks), row.label)

    return sorted(rows, key=place)


def _cells(row: SummaryRow) -> tuple[Cell, ...]:
    return (
        Cell(MISSING if row.mean_rank is None else f"{row.mean_rank:.2f}", value=row.mean_rank),
        Cell(clean(row.label)),
        Cell(clean(row.family)),
        Cell(str(len(row.ranks)), value=len(row.ranks)),
        Cell(str(row.run_on), value=row.run_on),
    )
