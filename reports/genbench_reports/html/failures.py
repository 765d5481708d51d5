"""The failed jobs of a run, as the page lists them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench_reports.format.text import MISSING, clean, log_tail, shorten
from genbench_reports.leaderboard.rows import Board

_MAX_LOGS, _MAX_LOG_LINE_CHARACTERS = 60, 240
"""How many failures show the end of their log, and how much of each line."""
_MAX_REASON_CHARACTERS = 500


@dataclass(frozen=True)
class Failure:
    """A job that failed."""

    dataset: str
    """Title of its leaderboard."""
    label: str
    """Label of its row."""
    family: str
    """Family of its model."""
    result: Result
    """Its record."""
    reason: str
    """The reason, shortened."""
    log: list[str] | None
    """The last lines of its log; None where there are too many failures to show them all."""


def failures_of(run: Run, boards: Sequence[Board]) -> list[Failure]:
    """Every failed job, in the order of the leaderboards."""
    found: list[Failure] = []
    for board in boards:
        for row in board.entrants:
            for result in row.failures:
                log = None
                if len(found) < _MAX_LOGS:
                    log = [_cut(line) for line in log_tail(run.log_path(result.job))]
                reason = shorten(result.reason or "", _MAX_REASON_CHARACTERS) or MISSING
                found.append(
                    Failure(clean(board.title), clean(row.label), clean(row.family), result, reason, log)
                )
    return found


def _cut(line: str) -> str:
    return line if len(line) <= _MAX_LOG_LINE_CHARACTERS else line[: _MAX_LOG_LINE_CHARACTERS - 1] + "…"
