"""Shows a run while it goes on: the whole, and for each running job its phase, budget used and loss."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from genbench.job import Job
from genbench.result import Result
from genbench.task import Message

_STYLES = {"ok": "green", "unsupported": "dim"}


class LiveView:
    """A context manager; a live display on a terminal, a line for each finished job elsewhere.

    estimate_seconds: what all jobs are expected to take, or None.
    """

    def __init__(self, console: Console, total: int, estimate_seconds: float | None) -> None:
        self._console = console
        self._estimate = estimate_seconds
        self._began = time.monotonic()
        self._rows: dict[str, _Row] = {}
        self._overall = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[remaining]}"),
            console=console,
        )
        self._task = self._overall.add_task("jobs", total=total, remaining="")
        self._live = (
            Live(console=console, get_renderable=self._render, refresh_per_second=4, transient=True)
            if console.is_terminal
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
        """Leave the screen to what comes next."""
        if self._live:
            self._live.stop()

    def message(self, job: Job, message: Message) -> None:
        row = self._rows.setdefault(job.id, _Row(job))
        if message.kind == "phase":
            row.phase = message.phase
        elif message.kind == "progress":
            row.fraction, row.losses = message.fraction, message.losses

    def finished(self, job: Job, result: Result) -> None:
        self._rows.pop(job.id, None)
        self._overall.advance(self._task)
        done, total = int(self._overall.tasks[0].completed), int(self._overall.tasks[0].total or 0)
        self._overall.update(self._task, remaining=self._remaining(done, total))
        reason = f"  {escape(result.reason)}" if result.reason else ""
        style = _STYLES.get(result.status, "red")
        name = f"{escape(job.variant)} on {escape(job.dataset)}, seed {job.seed}"
        counter = f"[dim]{done}/{total}[/dim]"
        self._console.print(
            f"{counter} [{style}]{result.status:<12}[/{style}] {name}{_figure(result)}{reason}",
            soft_wrap=True,
        )

    def _remaining(self, done: int, total: int) -> str:
        """From the pace so far, or from the estimate while there is none."""
        elapsed = time.monotonic() - self._began
        if done < 4:
            left = None if self._estimate is None else self._estimate - elapsed
        else:
            left = elapsed / done * (total - done)
        return "" if left is None or done == total else f"about {duration(max(0.0, left))} left"

    def _render(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for row in self._rows.values():
            table.add_row(*row.cells())
        return Group(table, self._overall)


def duration(seconds: float) -> str:
    """ "40 s", "6 min"."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


class _Row:
    def __init__(self, job: Job) -> None:
        self.job = job
        self.phase = "start"
        self.fraction = 0.0
        self.losses: dict[str, float] = {}

    def cells(self) -> tuple[RenderableType, ...]:
        losses = "  ".join(f"{name} {value:.4g}" for name, value in self.losses.items())
        return (
            Text(f"{self.job.variant} on {self.job.dataset}", style="cyan"),
            Text(self.phase),
            ProgressBar(total=1.0, completed=self.fraction, width=20),
            Text(f"{self.fraction:4.0%} of {self.job.budget}"),
            Text(losses, style="dim"),
        )


def _figure(result: Result) -> str:
    """One telling figure: the likelihood where there is one, else the Fréchet distance."""
    for name in ("bits_per_dim", "frechet_distance"):
        metric = result.metric(name)
        if metric is not None and metric.value is not None:
            doubt = "" if result.doubt(metric) is None else ", [yellow]which fails its audit[/yellow]"
            return f"  [dim]{metric.value:.4g} {name.replace('_', ' ')}{doubt}[/dim]"
    return ""
