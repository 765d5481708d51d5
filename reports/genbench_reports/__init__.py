"""The built-in reports: the leaderboard on the screen and as files, `show`, and `report`.

Imported whenever the command line starts: nothing here loads pandas before a report is rendered.
"""

from __future__ import annotations

from collections.abc import Iterable

import typer

from genbench import LoggerCard, ReportCard, hookimpl
from genbench.live_panel import LivePanel
from genbench.result_store import Run


@hookimpl
def genbench_reports() -> Iterable[ReportCard]:
    yield ReportCard(
        name="md",
        summary="leaderboards as markdown, for a forge",
        suffix=".md",
        factory="genbench_reports.render_markdown:render_markdown",
    )
    yield ReportCard(
        name="json",
        summary="the result records as stored, for programs",
        suffix=".json",
        factory="genbench_reports.render_json:render_json",
    )
    yield ReportCard(
        name="csv",
        summary="one row per job and metric, with costs, for pandas and its like",
        suffix=".csv",
        factory="genbench_reports.render_csv:render_csv",
    )
    yield ReportCard(
        name="latex",
        summary="leaderboards as LaTeX tables (booktabs), for papers",
        suffix=".tex",
        factory="genbench_reports.render_latex:render_latex",
    )
    yield ReportCard(
        name="pytest-benchmark",
        summary="times as pytest-benchmark's JSON, for its compare and for benchmark actions",
        suffix=".json",
        factory="genbench_reports.render_pytest_benchmark:render_pytest_benchmark",
    )
    yield ReportCard(
        name="html",
        summary="one page that works offline: leaderboards, charts, samples, failures",
        suffix=".html",
        factory="genbench_reports.html.render_html:render_html",
    )
    for kind in ("png", "svg"):
        yield ReportCard(
            name=kind,
            summary="figures for papers: quality against compute, Pareto fronts, samples; needs matplotlib",
            suffix=f".{kind}",
            factory=f"genbench_reports.plots.render_pictures:render_{kind}",
        )


@hookimpl
def genbench_commands(app: typer.Typer) -> None:
    from genbench_reports.commands import add_commands
    from genbench_reports.gate_commands import add_gate_commands
    from genbench_reports.history_commands import add_history_commands
    from genbench_reports.pictures import pictures

    add_commands(app)
    add_gate_commands(app)
    add_history_commands(app)
    app.command("pictures")(pictures)


@hookimpl
def genbench_loggers() -> Iterable[LoggerCard]:
    yield LoggerCard(
        name="tensorboard",
        summary="event files for TensorBoard, a folder a job",
        target="FOLDER",
        factory="genbench_reports.loggers.tensorboard:open_logger",
        packages=("tensorboard",),
        install="genbench[tensorboard]",
    )
    yield LoggerCard(
        name="mlflow",
        summary="an MLflow tracking store or server, a run a job",
        target="TRACKING_URI",
        factory="genbench_reports.loggers.mlflow:open_logger",
        packages=("mlflow", "sqlalchemy", "alembic"),
        install="genbench[mlflow]",
    )
    yield LoggerCard(
        name="wandb",
        summary="Weights & Biases, online or offline, a run a job",
        target="PROJECT or ENTITY/PROJECT",
        factory="genbench_reports.loggers.wandb:open_logger",
        packages=("wandb",),
        install="genbench[wandb]",
    )


@hookimpl
def genbench_live_panels(run: Run) -> LivePanel:
    from genbench.plugin_manager import load_registry
    from genbench_reports.live_standings import LiveStandings

    registry = load_registry()
    return LiveStandings(run, registry.metrics, registry.datasets)


@hookimpl
def genbench_run_finished(run: Run) -> None:
    from genbench_reports.finish_run import finish_run

    finish_run(run)
