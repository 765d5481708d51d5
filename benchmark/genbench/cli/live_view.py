"""Shows a run in progress: panels of plugins, the running jobs, and the remaining time.

Each finished job prints one line. On a terminal that can be redrawn there is a live region below these lines; elsewhere
(a pipe, a dumb terminal, a CI system) there is none.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterable, Sequence
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

from genbench.cli.time_left import TimeLeft
from genbench.plugin.live_panel import LivePanel
from genbench.records import likelihood_kinds as kinds
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.task import Message
from genbench.runner.planning import estimate_seconds

_log = logging.getLogger(__name__)

_STYLES = {"ok": "green", "unsupported": "dim"}
_USUAL_METRICS = ("frechet_distance", "bits_per_dim")
"""For jobs that do not name the metric that ranks, the first of these that the result has is printed."""
_MAX_NAME_COLUMNS = 48
"""Names of jobs are padded to that of the longest, so that lines align, but to no more columns."""
_MIN_BAR_COLUMNS, _MIN_LOSS_COLUMNS = 60, 90
"""The narrowest terminals on which progress bars, and losses, are shown."""
_LOSSES = 4
"""The column of the losses among those of a running job."""
_MIN_PANEL_LINES = 3


class LiveView:
    """Shows the progress of `jobs`; a context manager. panels: those of plugins (`genbench.plugin.live_panel`)."""

    def __init__(
        self, console: Console, jobs: Sequence[Job], workers: int, panels: Iterable[object] = ()
    ) -> None:
        self._console = console
        self._time_left = TimeLeft(jobs, {job.id: estimate_seconds([job], 1) for job in jobs}, workers)
        self._panels = [panel for panel in panels if isinstance(panel, LivePanel)]
        self._rows: dict[str, _Row] = {}
        self._name_columns = min(_MAX_NAME_COLUMNS, max((len(_name(job)) for job in jobs), default=0))
        narrow = console.width < _MIN_BAR_COLUMNS
        self._overall = Progress(
            TextColumn("[bold]{task.description}"),
            *(() if narrow else (BarColumn(bar_width=30),)),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            *(() if narrow else (TimeElapsedColumn(),)),
            TextColumn("{task.fields[remaining]}", table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=console,
        )
        self._task = self._overall.add_task("jobs", total=len(jobs), remaining="")
        self._live = (
            Live(console=console, get_renderable=self._render, refresh_per_second=4, transient=True)
            if can_redraw(console)
            else None
        )

    def __enter__(self) -> LiveView:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the live region."""
        if self._live:
            self._live.stop()

    def message(self, job: Job, message: Message) -> None:
        self._time_left.started(job)
        row = self._rows.setdefault(job.id, _Row(job))
        if message.kind == "phase":
            row.phase = message.phase
        elif message.kind == "progress":
            row.fraction, row.losses = message.fraction, message.losses

    def finished(self, job: Job, result: Result) -> None:
        self._rows.pop(job.id, None)
        self._time_left.finished(job)
        self._overall.advance(self._task)
        done, total = int(self._overall.tasks[0].completed), int(self._overall.tasks[0].total or 0)
        reason = f"  {escape(result.reason)}" if result.reason else ""
        style = _STYLES.get(result.status, "red")
        name = escape(_name(job).ljust(self._name_columns))
        left = "" if self._live else self._remaining()
        line = (
            f"[dim]{done:>{len(str(total))}}/{total}[/dim] [{style}]{result.status:<12}[/{style}] {name}"
            f"{_ranking_value(result)}{reason}{f'  [dim]({left})[/dim]' if left else ''}"
        )
        self._console.print(line.rstrip(), soft_wrap=True)
        for warning in result.warnings:
            self._console.print(f"  [yellow]{escape(warning)}[/yellow]", soft_wrap=True)
        for panel in list(self._panels):
            try:
                lines = list(panel.finished(result))
            except Exception as error:
                self._drop(panel, error)
            else:
                for line in lines:
                    self._console.print(Text(line), soft_wrap=True)
        if self._live:
            self._live.refresh()  # printing has redrawn the region with its old content

    def _remaining(self) -> str:
        seconds = self._time_left.seconds()
        return f"about {duration(seconds)} left" if seconds else ""

    def _render(self) -> RenderableType:
        """The panels, and below them the lines that change all the time, so that the panels keep their places."""
        width, height = self._console.size
        self._overall.update(self._task, remaining=self._remaining())
        rows = list(self._rows.values())
        room = height - len(rows) - 2
        return Group(*self._shown_panels(width, room), _running(rows, width), self._overall)

    def _shown_panels(self, width: int, room: int) -> list[RenderableType]:
        shown: list[RenderableType] = []
        for panel in list(self._panels):
            height = room // len(self._panels)
            if height < _MIN_PANEL_LINES:
                break
            try:
                part = panel.render(width, height)
            except Exception as error:
                self._drop(panel, error)
            else:
                shown += [] if part is None else [part]
        return shown

    def _drop(self, panel: LivePanel, error: Exception) -> None:
        """Stop showing a panel that raised an exception, with one warning; the run goes on."""
        if panel in self._panels:
            self._panels.remove(panel)
            _log.warning("live panel %s failed: %s: %s", type(panel).__name__, type(error).__name__, error)


def can_redraw(console: Console) -> bool:
    """Whether the output is a terminal with a movable cursor. The log of a CI system is none: it may claim colours
    (FORCE_COLOR), but shows each redrawing as new lines."""
    is_terminal = console.is_terminal and not console.is_dumb_terminal and console.file.isatty()
    return is_terminal and os.environ.get("CI", "").lower() in ("", "0", "false")


def duration(seconds: float) -> str:
    """ "40 s", "6 min", "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class _Row:
    def __init__(self, job: Job) -> None:
        self.job = job
        self.phase = "start"
        self.fraction = 0.0
        self.losses: dict[str, float] = {}

    def cells(self) -> tuple[RenderableType, ...]:
        """The cells of the job's line. If there is no room for all, the last ones are left out."""
        losses = "  ".join(f"{name} {value:.4g}" for name, value in self.losses.items())
        return (
            Text(f"{self.job.variant} on {self.job.dataset}", style="cyan"),
            Text(f"{self.fraction:4.0%} of {self.job.budget}"),
            Text(self.phase),
            ProgressBar(total=1.0, completed=self.fraction, width=20),
            Text(losses, style="dim", no_wrap=True, overflow="ellipsis"),
        )


def _running(rows: Sequence[_Row], width: int) -> Table:
    """One line per job, never wrapped: a region that changes its height flickers."""
    columns = 2 if width < _MIN_BAR_COLUMNS else 4 if width < _MIN_LOSS_COLUMNS else 5
    grid = Table.grid(padding=(0, 2))
    for index in range(columns):
        # rich narrows columns that may wrap before all others, and the text of losses never does
        grid.add_column(no_wrap=index != _LOSSES, overflow="ellipsis")
    for row in rows:
        grid.add_row(*row.cells()[:columns])
    return grid


def _name(job: Job) -> str:
    return f"{job.variant} on {job.dataset}, seed {job.seed}"


def _ranking_value(result: Result) -> str:
    """The value by which the data set ranks its models, with its error, and of a likelihood with the sign of its kind.
    Old jobs name no metric that ranks."""
    for name in (result.job.ranking,) if result.job.ranking else _USUAL_METRICS:
        metric = result.metric(name)
        if metric is not None and metric.value is not None:
            doubt = "" if result.doubt(metric) is None else ", [yellow]which fails its audit[/yellow]"
            sign = "" if metric.kind is None else f"{kinds.sign(metric.kind)} "
            value = f"{sign}{_rounded(metric.value, metric.stderr)}"
            return f"  [dim]{name.replace('_', ' ')} {value}{doubt}[/dim]"
    return ""


def _rounded(value: float, stderr: float | None) -> str:
    """A value with its error, to two digits of the error; four digits of a value without one."""
    if not stderr:
        return f"{value:.4g}"
    places = max(0, 1 - math.floor(math.log10(stderr)))
    return f"{value:.{places}f}±{stderr:.{places}f}" if places < 6 else f"{value:.4g}±{stderr:.1g}"
