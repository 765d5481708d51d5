"""The ranks of every model on every board, as one table."""

from __future__ import annotations

from collections.abc import Sequence

from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import MISSING, clean
from genbench_reports.leaderboard.rows import Board


def ranks_across(boards: Sequence[Board]) -> Table:
    """The rank of every contender on every board, in the order in which they first appear; a letter stands for a group
    that the test cannot separate."""
    families: dict[str, str] = {}
    for board in boards:
        for row in board.contenders:
            families.setdefault(row.label, row.family)
    columns = (
        Column("model", numeric=False, essential=True),
        Column("family", numeric=False),
        *(Column(clean(board.title)) for board in boards),
    )
    by_board = [{row.label: row.rank for row in board.ranked} for board in boards]
    rows = []
    for label, family in families.items():
        cells = [
            Cell(str(rank), value=rank.number, best=rank.number == 1) if rank else Cell(MISSING)
            for rank in (ranks.get(label) for ranks in by_board)
        ]
        rows.append((Cell(clean(label)), Cell(clean(family)), *cells))
    return Table(columns, tuple(rows))
