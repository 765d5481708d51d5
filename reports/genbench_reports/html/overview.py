"""The first screen: what was compared, under which budget, and the ranks on every board.

Everything is read from the leaderboards: nothing is computed or ranked here.
"""

from __future__ import annotations

from collections.abc import Sequence

from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import MISSING, clean, plural
from genbench_reports.leaderboard.rows import Board


def facts(boards: Sequence[Board]) -> dict[str, str]:
    """What was compared, in a few words each; values that differ are listed."""
    jobs = [
        result.job for board in boards for row in board.entrants for result in (*row.results, *row.failures)
    ]
    if not jobs:
        return {}
    contenders = {row.label: row.family for board in boards for row in board.contenders}
    families = sorted(set(contenders.values()))
    datasets = dict.fromkeys(job.dataset for job in jobs)
    seeds = {job.seed for job in jobs}
    budgets = dict.fromkeys(clean(job.budget) for job in jobs)
    devices = dict.fromkeys(f"{clean(job.device)}, {plural(job.threads, 'thread')}" for job in jobs)
    families_word = "family" if len(families) == 1 else "families"
    return {
        "models": f"{len(contenders)} in {len(families)} {families_word}",
        "data sets": str(len(datasets)),
        "training budget": " or ".join(budgets) + " each",
        "seeds": str(len(seeds)),
        "device": " or ".join(devices),
    }


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
