"""The models and boards with failed jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from genbench_reports.format.text import clean, plural
from genbench_reports.leaderboard.rows import Board


@dataclass(frozen=True)
class FailedRow:
    """The failed jobs of one model on one board, at least one."""

    label: str
    """Name of the model variant. Not trusted: renderers escape it."""
    board: str
    """Title of the board. Not trusted either."""
    statuses: tuple[str, ...]
    """How each of the jobs ended, as `Result.status` names it."""

    @property
    def text(self) -> str:
        """The statuses in words: "timeout", "2 jobs oom"."""
        counts = Counter(self.statuses)
        return ", ".join(
            clean(status) if count == 1 else f"{plural(count, 'job')} {clean(status)}"
            for status, count in counts.items()
        )


def failed_rows(boards: Sequence[Board]) -> tuple[FailedRow, ...]:
    """In the order of the boards and of their results."""
    return tuple(
        FailedRow(row.label, board.title, tuple(result.status for result in row.failures))
        for board in boards
        for row in board.entrants
        if row.failures
    )
