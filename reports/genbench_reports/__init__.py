"""The built-in reports as a plugin: report formats, commands, loggers, and what a run shows while it goes on and at its
end.

This module is imported whenever the command line starts, so it imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterable

import typer

from genbench import LoggerCard, ReportCard, hookimpl
from genbench.plugin.live_panel import LivePanel
from genbench.plugin.registry import Registry
from genbench.records.run_folder import Run


@hookimpl
def genbench_reports() -> Iterable[ReportCard]:
    yield ReportCard(
        name="md",
        summary="leaderboards as markdown, for a forge",
        suffix=".md",
        factory="genbench_reports.render.markdown:render_markdown",
    )
    yield ReportCard(
        name="json",
        summary="the result records as stored, for programs",
        suffix=".json",
        factory="genbench_reports.render.json_records:render_json",
    )
    yield ReportCard(
        name="summary",
        summary="the answer for programs: scores, ranks with their intervals, floors, and the verdict in a sentence",
        suffix=".json",
        factory="genbench_reports.render.summary_json:render_summary",
    )
    yield ReportCard(
        name="csv",
        summary="one row per job and metric, with costs, for pandas and its like",
        suffix=".csv",
        factory="genbench_reports.render.csv_rows:render_csv",
    )
    yield ReportCard(
        name="latex",
        summary="leaderboards as LaTeX tables (booktabs), for papers",
        suffix=".tex",
        factory="genbench_reports.render.latex:render_latex",
    )
    yield ReportCard(
        name="pytest-benchmark",
        summary="times in the JSON format of pytest-benchmark, for its `compare` and for benchmark actions",
        suffix=".json",
        factory="genbench_reports.render.pytest_benchmark:render_pytest_benchmark",
    )
    yield ReportCard(
        name="html",
        summary="one page that works offline: leaderboards, charts, samples, failures",
        suffix=".html",
        factory="genbench_reports.html.page:render_html",
    )
    for kind in ("png", "svg"):
        yield ReportCard(
            name=kind,
            summary="charts for papers: quality against compute, Pareto fronts, samples; needs matplotlib",
            suffix=f".{kind}",
            factory=f"genbench_reports.charts.render_charts:render_{kind}",
        )


@hookimpl
def genbench_commands(app: typer.Typer) -> None:
    from genbench_reports.commands.continuing import continue_
    from genbench_reports.commands.gate import add_gate_commands
    from genbench_reports.commands.history import add_history_commands
    from genbench_reports.commands.music import music
    from genbench_reports.commands.pictures import pictures
    from genbench_reports.commands.publish import publish
    from genbench_reports.commands.show_and_report import add_commands
    from genbench_reports.commands.verdicts import noise, verdict

    add_commands(app)
    add_gate_commands(app)
    add_history_commands(app)
    app.command("publish")(publish)
    app.command("pictures")(pictures)
    app.command("music")(music)
    app.command("continue")(continue_)
    app.command("verdict")(verdict)
    app.command("noise")(noise)


@hookimpl
def genbench_loggers() -> Iterable[LoggerCard]:
    yield LoggerCard(
        name="tensorboard",
        summary="event files for TensorBoard, one folder per job",
        target="FOLDER",
        factory="genbench_reports.loggers.tensorboard:open_logger",
        packages=("tensorboard",),
        install="genbench[tensorboard]",
    )
    yield LoggerCard(
        name="mlflow",
        summary="an MLflow tracking store or server, one run per job",
        target="TRACKING_URI",
        factory="genbench_reports.loggers.mlflow:open_logger",
        packages=("mlflow", "sqlalchemy", "alembic"),
        install="genbench[mlflow]",
    )
    yield LoggerCard(
        name="wandb",
        summary="Weights & Biases, online or offline, one run per job",
        target="PROJECT or ENTITY/PROJECT",
        factory="genbench_reports.loggers.wandb:open_logger",
        packages=("wandb",),
        install="genbench[wandb]",
    )


@hookimpl
def genbench_live_panels(run: Run, registry: Registry) -> LivePanel:
    from genbench_reports.leaderboard.live_standings import LiveStandings

    return LiveStandings(run, registry.metrics, registry.datasets)


@hookimpl
def genbench_run_finished(run: Run, registry: Registry) -> None:
    from genbench_reports.commands.finish_run import finish_run

    finish_run(run, registry)
