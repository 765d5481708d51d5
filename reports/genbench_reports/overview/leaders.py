"""The row that leads each board, and how sure one can be of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genbench_reports.format.numbers import format_value
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import MISSING, clean, named
from genbench_reports.leaderboard.rows import Board, Rank
from genbench_reports.statistics.letter_display import share_a_letter

APART = "The tests tell it from all others."


@dataclass(frozen=True)
class Leader:
    """The row that is ranked first on a board."""

    board: Board
    """The leaderboard that it leads."""
    label: str
    """Name of the model variant, cleaned."""
    family: str
    """Its family."""
    metric: str
    """Title of the metric that ranks."""
    value: str
    """Its value, with the standard error."""
    certainty: str
    """How sure one can be that it is the best."""
    is_sure: bool
    """A test sets it apart from every other row."""
    alike: str
    """What it cannot be told from, in a few words: names of rows, real data, or a dash."""
    floor: str | None
    """The value that held-out real data get; None where they were not run."""


def leaders(boards: Sequence[Board]) -> list[Leader]:
    """One for each board that has ranks."""
    found = (_leader(board) for board in boards)
    return [each for each in found if each is not None]


def leader_table(found: Sequence[Leader]) -> Table:
    """A row for each leader: the board, the model, the value that ranks it, and how sure that is."""
    columns = (
        Column("data set", numeric=False, essential=True),
        Column("leads", numeric=False, essential=True),
        Column("family", numeric=False),
        Column("ranked by", numeric=False, essential=True),
        Column("value", essential=True, keeps_error=True),
        Column("real data"),
        Column("tied with", numeric=False, essential=True),
    )
    rows = (
        (
            Cell(clean(each.board.title)),
            Cell(each.label),
            Cell(clean(each.family)),
            Cell(each.metric),
            Cell(each.value),
            Cell(each.floor or MISSING),
            Cell(each.alike),
        )
        for each in found
    )
    return Table(columns, tuple(rows))


def _leader(board: Board) -> Leader | None:
    ranked = board.ranked
    if not ranked:
        return None
    row, rank = ranked[0], ranked[0].rank
    value = row.values[board.headline]
    is_sure, alike = False, MISSING
    if len(ranked) == 1:
        certainty, alike = "The only model that is ranked here.", "(no other is ranked)"
    elif rank is None or rank.interval is None:
        certainty, alike = (
            "How sure that is cannot be said: values have no standard errors.",
            "(errors unknown)",
        )
    elif row.standing is not None and row.standing.is_at_floor:
        certainty, alike = "It cannot be told from real held-out data.", "real data"
    else:
        others = [each.label for each in ranked[1:] if each.rank and _may_be_equal(rank, each.rank)]
        is_sure = not others
        certainty = f"Not told apart from {named(others)}." if others else APART
        alike = named(others) if others else MISSING
    return Leader(
        board=board,
        label=clean(row.label),
        family=row.family,
        metric=board.ranking_metric.title,
        value=format_value(value.mean, value.stderr),
        certainty=certainty,
        is_sure=is_sure,
        alike=alike,
        floor=None if board.floor is None else format_value(board.floor.value),
    )


def _may_be_equal(best: Rank, other: Rank) -> bool:
    """Whether the test does not tell the first row from another: they share a letter, or where there are no letters
    the other may have the first rank."""
    if best.group is not None and other.group is not None:
        return share_a_letter(best.group, other.group)
    return other.interval is None or other.interval[0] == 1
