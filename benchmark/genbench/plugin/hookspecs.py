"""Every hook a plugin may implement: signatures and docstrings, no logic.

Write `from genbench import hookimpl` and decorate functions of these names in the module that your
`genbench` entry point names. Keep that module free of torch: it is imported by `genai-bench list`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

from genbench.api.cards import (
    DatasetCard,
    DatasetSourceCard,
    ExecutorCard,
    ExtractorCard,
    LoggerCard,
    MetricCard,
    ModelCard,
    ReportCard,
    SuiteCard,
)

if TYPE_CHECKING:
    import typer

    from genbench.plugin.live_panel import LivePanel
    from genbench.plugin.registry import Registry
    from genbench.records.job import Job
    from genbench.records.result import CurvePoint, Result
    from genbench.records.run_folder import Run

PROJECT = "genbench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def genbench_models() -> Iterable[ModelCard]:
    """Announce models. Called once, when plugins are loaded."""
    return ()


@hookspec
def genbench_datasets() -> Iterable[DatasetCard]:
    """Announce data sets. Called once, when plugins are loaded."""
    return ()


@hookspec
def genbench_dataset_sources() -> Iterable[DatasetSourceCard]:
    """Announce ways to use data of one's own, `csv:PATH` and its like. Called once, when plugins are loaded."""
    return ()


@hookspec
def genbench_metrics() -> Iterable[MetricCard]:
    """Announce metrics. Called once, when plugins are loaded."""
    return ()


@hookspec
def genbench_extractors() -> Iterable[ExtractorCard]:
    """Announce feature extractors. Called once, when plugins are loaded."""
    return ()


@hookspec
def genbench_executors() -> Iterable[ExecutorCard]:
    """Announce ways to run jobs. Called once, when plugins are loaded."""
    return ()


@hookspec
def genbench_reports() -> Iterable[ReportCard]:
    """Announce report formats. Called once, when plugins are loaded."""
    return ()


@hookspec
def genbench_loggers() -> Iterable[LoggerCard]:
    """Announce experiment trackers, `--log NAME`. Called once, when plugins are loaded."""
    return ()


@hookspec
def genbench_suites() -> Iterable[SuiteCard]:
    """Announce suites, `--suite NAME`. Called once, when plugins are loaded."""
    return ()


@hookspec
def genbench_commands(app: typer.Typer) -> None:
    """Add commands to the command line. Called when the command line starts, before it is parsed. A command that
    needs the registry takes a `typer.Context` and calls `genbench.plugin.registry.registry_of(context)`."""


@hookspec
def genbench_live_panels(run: Run, registry: Registry) -> LivePanel | None:
    """Give a panel that is shown with the progress of a run while it goes on. Called in the main process before the
    first job, where somebody watches; None shows nothing. registry: the one that planned the run."""


@hookspec
def genbench_run_started(run: Run) -> None:
    """A run is about to execute its jobs. Fires in the main process."""


@hookspec
def genbench_job_started(job: Job) -> None:
    """A worker took up a job. Fires in the main process."""


@hookspec
def genbench_job_progress(job: Job, phase: str, fraction: float, losses: dict[str, float]) -> None:
    """A job moved on: about five times a second while it trains. fraction: of the budget used, 0 to 1.
    Fires in the main process, so be quick."""


@hookspec
def genbench_job_checkpoint(job: Job, point: CurvePoint) -> None:
    """A checkpoint was judged on the validation split: what was spent by then, losses, figures. Fires in the main
    process, so be quick."""


@hookspec
def genbench_job_finished(job: Job, result: Result) -> None:
    """A job's result is stored. Fires in the main process."""


@hookspec
def genbench_run_finished(run: Run, registry: Registry) -> None:
    """All jobs of a run have results, stored ones included. Fires in the main process. registry: the one that planned
    the run."""
