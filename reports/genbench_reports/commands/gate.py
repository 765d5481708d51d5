"""The commands `baseline` and `compare`: the regression gate."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from genbench.errors import RunFolderError, UsageError
from genbench.plugin.registry import registry_of

FORMATS = ("text", "md", "github", "junit")
SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"


def add_gate_commands(app: typer.Typer) -> None:
    """Put both on the command line."""
    app.command("baseline")(baseline)
    app.command("compare")(compare)


def baseline(
    context: typer.Context,
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs; joined.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A file, instead of standard output.")
    ] = None,
) -> None:
    """Write what later runs are compared with: metrics by seed, costs, machine. Small enough to be committed."""
    from genbench.records.run_folder import Run
    from genbench_reports.commands.finish_run import write_text
    from genbench_reports.format.joined_runs import JoinedRuns
    from genbench_reports.gate.baseline import baseline_of_run, encode_baseline

    opened = [Run.open(folder) for folder in runs]
    made = baseline_of_run(
        opened[0] if len(opened) == 1 else JoinedRuns(opened), registry_of(context).metrics
    )
    sound = sum(state.status == "ok" for group in made.groups for state in group.jobs)
    if not sound:
        raise RunFolderError(f"{runs[0]} has no job that went well; there is nothing to compare with")
    text = encode_baseline(made)
    if output is None:
        print(text, end="")
        return
    write_text(output, text)
    print(f"wrote {output}: {sound} jobs, {len(text) / 1000:.0f} kB", file=sys.stderr)


def compare(
    context: typer.Context,
    baseline: Annotated[
        Path, typer.Argument(help="A baseline file, a run's folder, or results as `report --format json`.")
    ],
    current: Annotated[Path, typer.Argument(help="What to compare with it, in any of these forms.")],
    format_: Annotated[str, typer.Option("--format", help="text, md, github or junit.")] = "text",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A file, instead of standard output.")
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=VALUE",
            help="What counts as a change: [cyan]frechet_distance=5%[/cyan], [cyan]bits_per_dim=0.02[/cyan],"
            " [cyan]speed=40%[/cyan]. Repeatable.",
        ),
    ] = None,
    thresholds: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Thresholds from a TOML file, table \\[thresholds].")
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(help="Chance of any false alarm.  [dim]\\[default: 0.05][/dim]"),
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="What the current run leaves out is no regression.")
    ] = False,
) -> int:
    """Compare a run with a baseline. Exit codes: 0 all well, 1 regression, 2 some job failed, 3 nothing to compare.

    With --format github annotations go to standard output, and the report to the job's summary (or to -o FILE).
    """
    from genbench_reports.commands.finish_run import write_text
    from genbench_reports.gate.baseline import read_side
    from genbench_reports.gate.compare import compare_sides
    from genbench_reports.gate.render import print_verdict, verdict_markdown, verdict_text
    from genbench_reports.gate.render_github import workflow_commands
    from genbench_reports.gate.render_junit import verdict_junit
    from genbench_reports.gate.tables import make_verdict_document
    from genbench_reports.gate.thresholds import read_thresholds
    from genbench_reports.render.screen import screen

    if format_ not in FORMATS:
        raise UsageError(f"--format {format_}: expected {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    cards = registry_of(context).metrics
    one, other = read_side(baseline, cards), read_side(current, cards)
    names = {stored.name for side in (one, other) for group in side.groups for stored in group.stored_values}
    limits = read_thresholds(thresholds, threshold or (), alpha, names | cards.keys())
    found = compare_sides(one, other, limits, allow_missing=allow_missing)
    document = make_verdict_document(found, one, other)
    if format_ == "github":
        print(workflow_commands(found, document.verdict), end="")
        markdown = verdict_markdown(document)
        if output is not None:
            write_text(output, markdown)
        if summary := os.environ.get(SUMMARY_VARIABLE):
            _append(Path(summary), markdown)
    elif format_ == "text" and output is None:
        print_verdict(document, screen())
    else:
        text = {
            "text": lambda: verdict_text(document),
            "md": lambda: verdict_markdown(document),
            "junit": lambda: verdict_junit(found),
        }[format_]()
        if output is None:
            print(text, end="")
        else:
            write_text(output, text)
            print(f"wrote {output}", file=sys.stderr)
    if output is not None:
        with contextlib.suppress(UnicodeEncodeError):
            print(f"{document.sign} {document.verdict}", file=sys.stderr)
    return found.exit_code


def _append(path: Path, text: str) -> None:
    """Appends, because other steps may have written to the summary."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise RunFolderError(f"cannot write the job's summary {path}: {error.strerror}") from None
