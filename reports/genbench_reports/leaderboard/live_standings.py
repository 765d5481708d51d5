"""The leaderboards of a run in progress: for each unfinished data set, which models lead so far, and what failed.

A `genbench.plugin.live_panel.LivePanel`. Rows are ordered as on the final leaderboard, from the jobs that are done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from genbench.api import DatasetCard, MetricCard
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench_reports.format.likelihood_marks import DOUBTED, likelihood_mark
from genbench_reports.format.numbers import format_value
from genbench_reports.format.text import MISSING, clean, plural, shorten
from genbench_reports.leaderboard.build_boards import build_board
from genbench_reports.leaderboard.grouping import group_results
from genbench_reports.leaderboard.rows import Board, Row
from genbench_reports.leaderboard.setting import Setting
from genbench_reports.leaderboard.tables import rank_text

_MAX_LINES = 18
_LEADERS_IN_LINE = 3
_NAME_WIDTH, _REASON_WIDTH = 40, 60
_MIN_WIDE_COLUMNS = 60
"""From so many columns on, a second metric and the reasons of failures are shown."""


@dataclass
class _Progress:
    """What has come of one data set under one setting so far."""

    job: Job
    """Any of its jobs."""
    jobs: int
    """How many are planned."""
    results: dict[str, Result]
    """Results so far, by job id."""

    @property
    def is_complete(self) -> bool:
        return len(self.results) >= self.jobs

    @property
    def failures(self) -> list[Result]:
        return [
            result for result in list(self.results.values()) if result.status not in ("ok", "unsupported")
        ]


class LiveStandings:
    """The panel of one run."""

    def __init__(
        self, run: Run, metrics: Mapping[str, MetricCard], datasets: Mapping[str, DatasetCard]
    ) -> None:
        """metrics, datasets: the cards of installed plugins, by name."""
        self._metrics = metrics
        self._datasets = {**datasets, **run.plan.datasets}
        self._progress: dict[tuple[object, ...], _Progress] = {}
        for job in run.plan.jobs:
            progress = self._progress.setdefault(Setting(job).key, _Progress(job, 0, {}))
            progress.jobs += 1
            if (stored := run.result(job)) is not None:
                progress.results[job.id] = stored
        # data sets of which this command has finished a job, the latest first; another process may run others
        self._under_way: dict[tuple[object, ...], Board] = {}

    def finished(self, result: Result) -> Sequence[str]:
        """One line once a data set is complete: its winners."""
        key = Setting(result.job).key
        progress = self._progress.setdefault(key, _Progress(result.job, 1, {}))
        progress.results[result.id] = result
        board = self._board(progress)
        others = {other: theirs for other, theirs in self._under_way.items() if other != key}
        if not progress.is_complete:
            self._under_way = {key: board, **others}  # replaced as a whole, because another thread draws it
            return []
        self._under_way = others
        return [_line(progress, board)]

    def render(self, width: int, height: int) -> RenderableType | None:
        """A heading and the best rows of each unfinished data set, as many as there is room for."""
        under_way = self._under_way
        height = min(height, _MAX_LINES)
        parts: list[RenderableType] = []
        for key, board in under_way.items():
            progress = self._progress[key]
            rows = len(board.rows)
            # a heading, rows, failures, a blank line; the data set that changed last gets all the room it needs
            room = height - 2 - (1 if progress.failures else 0)
            if room < 1:
                break
            shown = min(rows, room)
            parts += [_heading(progress, board, width), _rows(board, shown, width)]
            if progress.failures:
                parts.append(_failures(progress, width))
            parts.append(Text(""))
            height -= shown + 2 + (1 if progress.failures else 0)
        return Group(*parts) if parts else None

    def _board(self, progress: _Progress) -> Board:
        (group,) = group_results(list(progress.results.values()))
        name = progress.job.dataset
        return build_board(group, self._metrics, self._datasets.get(name), title=name)


def _heading(progress: _Progress, board: Board, width: int) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(clean(progress.job.dataset), style="bold")
    text.append(f"  {board.ranking_metric.title}", style="bold")
    done, planned = len(progress.results), progress.jobs
    long = f"  so far, {done} of {plural(planned, 'job')}"
    text.append(long if width >= _MIN_WIDE_COLUMNS else f"  {done}/{planned}", style="dim")
    return text


def _rows(board: Board, shown: int, width: int) -> Table:
    second = next((metric for metric in board.main_metrics if metric.name != board.headline), None)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis", max_width=min(_NAME_WIDTH, max(8, width // 2)))
    for _ in range(3):
        grid.add_column(justify="right", no_wrap=True, overflow="ellipsis")
    for row in board.rows[:shown]:
        cells = [
            "" if row.rank is None else rank_text(row),
            clean(row.label),
            _value(row, board.headline),
            plural(len(row.results), "seed"),
        ]
        if width >= _MIN_WIDE_COLUMNS and second is not None:
            cells.append(f"{second.title} {_value(row, second.name)}")
        grid.add_row(*map(Text, cells), style="dim" if row.is_calibration else "")
    return grid


def _failures(progress: _Progress, width: int) -> Text:
    failures = progress.failures
    text = f"{len(failures)} failed"
    if width >= _MIN_WIDE_COLUMNS:
        last = failures[-1]
        reason = shorten(last.reason or "", _REASON_WIDTH)
        text += f", the last: {clean(last.job.variant)}, {last.status}{f': {reason}' if reason else ''}"
    return Text(text, style="red", no_wrap=True, overflow="ellipsis")


def _value(row: Row, metric: str) -> str:
    """The mean, with the sign of its likelihood kind, and with the mark of a failed audit."""
    value = row.values.get(metric)
    if value is None or value.mean is None:
        return MISSING
    sign = "" if value.kind is None else likelihood_mark(value.kind)
    return f"{sign}{format_value(value.mean)}{DOUBTED if value.doubts else ''}"


def _line(progress: _Progress, board: Board) -> str:
    """ "digits is done: 1 vae 3.2, 2 gan 4.1 (Fréchet ↓; 24 jobs, 1 failed)"."""
    shown = ", ".join(
        f"{row.rank.number} {clean(row.label)} {_value(row, board.headline)}"
        for row in board.ranked[:_LEADERS_IN_LINE]
        if row.rank is not None
    )
    failed = f", {len(progress.failures)} failed" if progress.failures else ""
    jobs = plural(progress.jobs, "job")
    title = board.ranking_metric.title
    return f"{clean(progress.job.dataset)} is done: {shown or 'no ranks'} ({title}; {jobs}{failed})"
