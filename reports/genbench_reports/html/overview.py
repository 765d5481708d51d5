"""The first screen: what was compared, under which budget, which models lead, and how sure that is.

Everything is read from the leaderboards: nothing is computed or ranked here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genbench_reports.format.numbers import format_value
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import MISSING, clean, named, plural
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
    floor: str | None
    """The value that held-out real data get; None where they were not run."""


def leaders(boards: Sequence[Board]) -> list[Leader]:
    """One for each board that has ranks."""
    found = (_leader(board) for board in boards)
    return [each for each in found if each is not None]


def _leader(board: Board) -> Leader | None:
    ranked = board.ranked
    if not ranked:
        return None
    row, rank = ranked[0], ranked[0].rank
    value = row.values[board.headline]
    if len(ranked) == 1:
        certainty, is_sure = "The only model that is ranked here.", False
    elif rank is None or rank.interval is None:
        certainty, is_sure = "How sure that is cannot be said: values have no standard errors.", False
    elif row.standing is not None and row.standing.is_at_floor:
        certainty, is_sure = "It cannot be told from real held-out data.", False
    else:
        others = [each.label for each in ranked[1:] if each.rank and _may_be_equal(rank, each.rank)]
        is_sure = not others
        certainty = f"Not told apart from {named(others)}." if others else APART
    return Leader(
        board=board,
        label=clean(row.label),
        family=row.family,
        metric=board.ranking_metric.title,
        value=format_value(value.mean, value.stderr),
        certainty=certainty,
        is_sure=is_sure,
        floor=_floor(board),
    )


def _floor(board: Board) -> str | None:
    return None if board.floor is None else format_value(board.floor.value)


def _may_be_equal(best: Rank, other: Rank) -> bool:
    """Whether the test does not tell the first row from another: they share a letter, or where there are no letters
    the other may have the first rank."""
    if best.group is not None and other.group is not None:
        return share_a_letter(best.group, other.group)
    return other.interval is None or other.interval[0] == 1


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
