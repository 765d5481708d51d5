"""The built-in reports: the leaderboard on the screen and as files, `show`, and `report`.

Imported whenever the command line starts: nothing here loads pandas before a report is rendered.
"""

from __future__ import annotations

from collections.abc import Iterable

import typer

from genbench import ReportCard, hookimpl
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


@hookimpl
def genbench_commands(app: typer.Typer) -> None:
    from genbench_reports.commands import add_commands
    from genbench_reports.gate_commands import add_gate_commands
    from genbench_reports.history_commands import add_history_commands

    add_commands(app)
    add_gate_commands(app)
    add_history_commands(app)


@hookimpl
def genbench_run_finished(run: Run) -> None:
    from genbench_reports.finish_run import finish_run

    finish_run(run)
