"""The leaderboards of a run that goes on: for each data set under way, who leads so far, and what failed.

A `genbench.plugin.live_panel.LivePanel`. The order is that of the leaderboard at the end, from the jobs that are done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from genbench.api.cards import DatasetCard, MetricCard
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench_reports.format.columns import metric_title
from genbench_reports.format.likelihood_marks import DOUBTED, likelihood_mark
from genbench_reports.format.numbers import format_value
from genbench_reports.format.text import MISSING, clean, plural, shorten
from genbench_reports.leaderboard.entries import Entry, Setting, group_results
from genbench_reports.leaderboard.standings import Standings

_MOST_LINES = 18
_LEADERS_IN_LINE = 3
_NAME_WIDTH, _REASON_WIDTH = 40, 60
_WIDE = 60
"""From so many columns on, the second figure and the reasons of failures are shown."""


@dataclass
class _Board:
    """One data set under one setting. jobs: how many are planned. results: by job id."""

    job: Job
    jobs: int
    results: dict[str, Result]

    @property
    def is_complete(self) -> bool:
        return len(self.results) >= self.jobs

    @property
    def failures(self) -> list[Result]:
        return [
            result for result in list(self.results.values()) if result.status not in ("ok", "unsupported")
        ]


class LiveStandings:
    """metrics, datasets: the cards that are known, by name."""

    def __init__(
        self, run: Run, metrics: Mapping[str, MetricCard], datasets: Mapping[str, DatasetCard]
    ) -> None:
        self._metrics = metrics
        self._datasets = {**datasets, **run.plan.datasets}
        self._boards: dict[tuple[object, ...], _Board] = {}
        for job in run.plan.jobs:
            board = self._boards.setdefault(_key(job), _Board(job, 0, {}))
            board.jobs += 1
            if (stored := run.result(job)) is not None:
                board.results[job.id] = stored
        # those that this command works at, the last one first; another process may have begun others
        self._under_way: dict[tuple[object, ...], Standings] = {}

    def finished(self, result: Result) -> Sequence[str]:
        """One line once a data set is complete: its winners."""
        key = _key(result.job)
        board = self._boards.setdefault(key, _Board(result.job, 1, {}))
        board.results[result.id] = result
        standings = self._standings(board)
        others = {other: theirs for other, theirs in self._under_way.items() if other != key}
        if not board.is_complete:
            self._under_way = {key: standings, **others}  # replaced whole: another thread draws it
            return []
        self._under_way = others
        return [_line(board, standings)]

    def render(self, width: int, height: int) -> RenderableType | None:
        """A heading and the best rows of each data set under way, as many as there is room for."""
        under_way = self._under_way
        height = min(height, _MOST_LINES)
        parts: list[RenderableType] = []
        for key, standings in under_way.items():
            board = self._boards[key]
            rows = len(standings.ordered)
            # a heading, rows, failures, a blank line; the last touched data set has all the room it wants
            room = height - 2 - (1 if board.failures else 0)
            if room < 1:
                break
            shown = min(rows, room)
            parts += [_heading(board, standings, width), _rows(standings, shown, width)]
            if board.failures:
                parts.append(_failures(board, width))
            parts.append(Text(""))
            height -= shown + 2 + (1 if board.failures else 0)
        return Group(*parts) if parts else None

    def _standings(self, board: _Board) -> Standings:
        (table,) = group_results(list(board.results.values()))
        return Standings(table, self._metrics, self._datasets.get(board.job.dataset))


def _key(job: Job) -> tuple[object, ...]:
    setting = Setting(job)
    return (*setting.data, *setting.conditions)


def _heading(board: _Board, standings: Standings, width: int) -> Text:
    headline = standings.headline
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(clean(board.job.dataset), style="bold")
    text.append(f"  {metric_title(headline, standings.better(headline))}", style="bold")
    done = f"{len(board.results)} of {plural(board.jobs, 'job')}"
    text.append(
        f"  so far, {done}" if width >= _WIDE else f"  {len(board.results)}/{board.jobs}", style="dim"
    )
    return text


def _rows(standings: Standings, shown: int, width: int) -> Table:
    second = next(
        (name for name in standings.main if name != standings.headline and standings.has_value(name)), None
    )
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis", max_width=min(_NAME_WIDTH, max(8, width // 2)))
    for _ in range(3):
        grid.add_column(justify="right", no_wrap=True, overflow="ellipsis")
    for entry in standings.ordered[:shown]:
        rank = standings.ranking.ranks.get(entry.label)
        cells = [
            "" if rank is None else str(rank.number),
            clean(entry.label),
            _figure(entry, standings.headline),
            plural(len(entry.results), "seed"),
        ]
        if width >= _WIDE and second is not None:
            better = standings.better(second)
            cells.append(f"{metric_title(second, better)} {_figure(entry, second)}")
        grid.add_row(*map(Text, cells), style="dim" if entry.is_calibration else "")
    return grid


def _failures(board: _Board, width: int) -> Text:
    failures = board.failures
    text = f"{len(failures)} failed"
    if width >= _WIDE:
        last = failures[-1]
        reason = shorten(last.reason or "", _REASON_WIDTH)
        text += f", the last: {clean(last.job.variant)}, {last.status}{f': {reason}' if reason else ''}"
    return Text(text, style="red", no_wrap=True, overflow="ellipsis")


def _figure(entry: Entry, name: str) -> str:
    """With the sign of its likelihood kind, and the mark of one that failed its audit."""
    estimate = entry.estimate(name)
    if estimate is None:
        return MISSING
    kind = entry.kind(name)
    sign = "" if kind is None else likelihood_mark(kind)
    return f"{sign}{format_value(estimate.mean)}{DOUBTED if entry.doubts(name) else ''}"


def _line(board: _Board, standings: Standings) -> str:
    """ "digits is done: 1 vae 3.2, 2 gan 4.1 (Fréchet ↓; 24 jobs, 1 failed)"."""
    leaders = [entry for entry in standings.ordered if entry.label in standings.ranking.ranks]
    shown = ", ".join(
        f"{standings.ranking.ranks[entry.label].number} {clean(entry.label)} {_figure(entry, standings.headline)}"
        for entry in leaders[:_LEADERS_IN_LINE]
    )
    title = metric_title(standings.headline, standings.better(standings.headline))
    failed = f", {len(board.failures)} failed" if board.failures else ""
    return f"{clean(board.job.dataset)} is done: {shown or 'no ranks'} ({title}; {plural(board.jobs, 'job')}{failed})"
