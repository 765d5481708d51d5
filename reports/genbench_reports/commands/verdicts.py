"""The commands `verdict` and `noise`: is B better than A, and how much do seeds vary?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from genbench.api import ExitCode
from genbench.errors import UsageError
from genbench.plugin.registry import registry_of

_FORMATS = ("text", "json")
_FormatOption = Annotated[str, typer.Option("--format", help="text or json.")]


def verdict(
    context: typer.Context,
    a: Annotated[
        str,
        typer.Argument(metavar="A", help="What to compare with: a run's folder, or [cyan]RUN@MODEL[/cyan]."),
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="What is judged, in the same form.")],
    noise: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Spread over seeds from `noise RUN -o FILE`, for runs of one seed."
        ),
    ] = None,
    format_: _FormatOption = "text",
) -> int:
    """Say whether B is better than A, worse or undecided, and how many seeds would decide.

    Exit codes: 0 better or equal, 1 worse (on one data set at least), 3 nothing to compare, 5 undecided.
    """
    from genbench_reports.render.screen import screen
    from genbench_reports.verdicts.noise import read_noise
    from genbench_reports.verdicts.sides import read_side
    from genbench_reports.verdicts.text import print_verdict
    from genbench_reports.verdicts.verdict import make_verdict

    _check_format(format_)
    spreads = None if noise is None else read_noise(noise)
    found = make_verdict(read_side(a), read_side(b), registry_of(context).metrics, spreads)
    if format_ == "json":
        print(msgspec.json.format(msgspec.json.encode(found), indent=1).decode())
    else:
        print_verdict(found, screen())
    if all(board.outcome == "not compared" for board in found.boards):
        return ExitCode.NOTHING_RAN
    return {
        "better": ExitCode.OK,
        "equal": ExitCode.OK,
        "worse": ExitCode.REGRESSION,
        "mixed": ExitCode.REGRESSION,
        "undecided": ExitCode.UNDECIDED,
    }[found.outcome]


def noise(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run of two seeds or more.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A file for `verdict --noise`, as JSON.")
    ] = None,
    format_: _FormatOption = "text",
) -> int:
    """Say how much each model varies between seeds, by the metric that ranks each data set.

    Exit code 3 where no model has two seeds.
    """
    from genbench.records.run_folder import Run
    from genbench_reports.commands.finish_run import write_text
    from genbench_reports.render.screen import screen
    from genbench_reports.verdicts.noise import noise_of
    from genbench_reports.verdicts.sides import entries_of
    from genbench_reports.verdicts.text import print_noise

    _check_format(format_)
    found = noise_of(entries_of(Run.open(run)), registry_of(context).metrics)
    if not found.rows:
        print(
            f"no model of {run} has two seeds: run the same command again with --seeds 5 --out {run}",
            file=sys.stderr,
        )
        return ExitCode.NOTHING_RAN
    text = msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n"
    if output is not None:
        write_text(output, text)
    if format_ == "json" and output is None:
        print(text, end="")
    elif format_ == "text":
        print_noise(found, screen())
    return ExitCode.OK


def _check_format(format_: str) -> None:
    if format_ not in _FORMATS:
        raise UsageError(f"--format {format_}: expected text or json")
