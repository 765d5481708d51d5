"""The row that leads each board, and how sure one can be of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genbench_reports.format.numbers import format_value
from genbench_reports.format.text import clean, named
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
        floor=None if board.floor is None else format_value(board.floor.value),
    )


def _may_be_equal(best: Rank, other: Rank) -> bool:
    """Whether the test does not tell the first row from another: they share a letter, or where there are no letters
    the other may have the first rank."""
    if best.group is not None and other.group is not None:
        return share_a_letter(best.group, other.group)
    return other.interval is None or other.interval[0] == 1
