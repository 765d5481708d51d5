"""Leaderboards as tables and sentences, for renderers that do not choose their own: one for each data set and setting,
and a summary over data sets. Nothing here knows of markdown or of terminals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from genbench.api import DatasetCard, MetricCard
from genbench.records.result import Result
from genbench_reports.format.table import Footnotes, Table
from genbench_reports.leaderboard.build_boards import build_boards
from genbench_reports.leaderboard.notes import caption, further_notes, notes, unsupported
from genbench_reports.leaderboard.rows import Board
from genbench_reports.leaderboard.summary import Summary, make_summaries
from genbench_reports.leaderboard.tables import (
    cost_table,
    failure_table,
    further_table,
    main_table,
    search_table,
)


@dataclass(frozen=True)
class Leaderboard:
    """One leaderboard in tables and sentences."""

    board: Board
    """The values behind them."""
    caption: str
    """The setting in words."""
    main: Table
    """Ranks and the metrics that matter most for the modality."""
    searches: Table
    """A row for each variant that was tuned, with the best validation value by the number of trials."""
    notes: tuple[str, ...]
    """What to know about the whole leaderboard, and about the columns of `main`."""
    footnotes: tuple[str, ...]
    """Numbered from 1; cells of `main` refer to them."""
    failures: Table
    """A row for each job that failed."""
    unsupported: str | None
    """The models that cannot take the data, in one line; None where there are none."""

    @cached_property
    def cost(self) -> Table:
        """What training and sampling cost."""
        return cost_table(self.board)

    @property
    def further(self) -> Table:
        """The metrics for which the main table has no place."""
        return self._further[0]

    @property
    def further_footnotes(self) -> tuple[str, ...]:
        """Numbered from 1; cells of `further` refer to them."""
        return self._further[1]

    @cached_property
    def further_notes(self) -> tuple[str, ...]:
        """What to know about the columns of `further`."""
        return tuple(further_notes(self.board))

    @cached_property
    def _further(self) -> tuple[Table, tuple[str, ...]]:
        footnotes = Footnotes()
        return further_table(self.board, footnotes), tuple(footnotes.texts)

    @property
    def title(self) -> str:
        """Title of the board."""
        return self.board.title

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics that have values."""
        return [metric.name for metric in self.board.metrics.values() if metric.has_values]


@dataclass(frozen=True)
class Leaderboards:
    """Everything that a leaderboard document shows of results."""

    boards: tuple[Leaderboard, ...]
    """In the order of the results."""
    summaries: tuple[Summary, ...]
    """One for each setting with ranks on several data sets."""


def build_leaderboards(
    results: Iterable[Result],
    metrics: Mapping[str, MetricCard],
    datasets: Mapping[str, DatasetCard],
    *,
    by_hardware: bool = False,
) -> Leaderboards:
    """From results to tables. Cards of metrics and data sets are missing where their plugin is not installed.
    by_hardware: results of several classes of hardware have leaderboards of their own."""
    boards = build_boards(results, metrics, datasets, by_hardware=by_hardware)
    return Leaderboards(tuple(map(make_leaderboard, boards)), tuple(make_summaries(boards)))


def make_leaderboard(board: Board) -> Leaderboard:
    """The tables and sentences of a board."""
    footnotes = Footnotes()
    main = main_table(board, footnotes)
    return Leaderboard(
        board=board,
        caption=caption(board),
        main=main,
        searches=search_table(board),
        notes=tuple(notes(board)),
        footnotes=tuple(footnotes.texts),
        failures=failure_table(board),
        unsupported=unsupported(board),
    )
