"""The commands `history add` and `history show`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from genbench.errors import UnknownNameError
from genbench.plugin.registry import registry_of

DEFAULT_FILE = Path("history.jsonl")
FileOption = Annotated[Path, typer.Option("--file", metavar="FILE", help="The history.")]
Names = list[str] | None


def add_history_commands(app: typer.Typer) -> None:
    """Put both on the command line, under one name."""
    if any(group.name == "history" for group in app.registered_groups):
        return
    history = typer.Typer(
        no_args_is_help=True, help="Metrics and costs over commits, in a file that fits in git."
    )
    history.command("add")(add)
    history.command("show")(show)
    app.add_typer(history, name="history")


def add(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(help="A finished run's folder.")],
    file: FileOption = DEFAULT_FILE,
) -> None:
    """Append the metrics and costs of a run. Lines that the file has already are not added again."""
    from genbench.records.run_folder import Run
    from genbench_reports.format.text import plural
    from genbench_reports.history.history import add_run

    added = add_run(file, Run.open(run), registry_of(context).metrics)
    said = (
        f"added {plural(added, 'line')} to {file}" if added else f"{run} is in {file} already; nothing added"
    )
    print(said, file=sys.stderr)


def show(
    context: typer.Context,
    file: FileOption = DEFAULT_FILE,
    metric: Annotated[Names, typer.Option("--metric", metavar="NAME", help="Repeatable.")] = None,
    model: Annotated[Names, typer.Option("-m", "--model", help="Repeatable.")] = None,
    dataset: Annotated[Names, typer.Option("-d", "--dataset", metavar="NAME", help="Repeatable.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE.png", help="A picture too.")
    ] = None,
    changes: Annotated[bool, typer.Option("--changes/--no-changes", help="Mark change points.")] = True,
) -> None:
    """Show each metric over commits, and where its level changed."""
    from genbench_reports.format.text import clean
    from genbench_reports.history.history import read_history
    from genbench_reports.history.render import draw_history, history_table
    from genbench_reports.history.series import change_points, make_series
    from genbench_reports.render.screen import screen
    from genbench_reports.render.terminal_table import print_table

    history = read_history(file)
    for broken in history.broken:
        print(f"{file}, line {broken.number} is skipped: {clean(broken.why)}", file=sys.stderr)
    every = make_series(history.lines, registry_of(context).metrics)
    for kind, wanted, known in (
        ("metric", metric, {series.metric for series in every}),
        ("model", model, {series.model for series in every}),
        ("data set", dataset, {series.dataset for series in every}),
    ):
        for name in wanted or ():
            if name not in known:
                raise UnknownNameError(kind, name, known)
    chosen = [
        series
        for series in every
        if (not metric or series.metric in metric)
        and (not model or series.model in model)
        and (not dataset or series.dataset in dataset)
    ]
    found = [(series, change_points(series.values) if changes else []) for series in chosen]
    if not found:
        print(f"{file} has no lines yet")
        return
    print_table(history_table(found), screen())
    if output is not None:
        draw_history(found, output)
        print(f"wrote {output}", file=sys.stderr)
