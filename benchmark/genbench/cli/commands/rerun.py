"""`genai-bench rerun`: its arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genbench.plugin.registry import registry_of
from genbench.util.terminal import SafeConsole


def rerun(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    job: Annotated[str, typer.Argument(metavar="JOB", help="The beginning of the job's id.")],
    model: Annotated[
        str | None,
        typer.Option(
            "-m", "--model", metavar="FILE:CLASS", help="The class, if no plugin announces the model."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Keep the new result in a folder.  [dim]\\[default: it is not kept][/dim]",
        ),
    ] = None,
) -> int:
    """Run a row again from its record, and say whether it came out the same and, if not, what differs.

    The run itself is not changed. The exit code is 1 if the row came out otherwise.

    [dim]genai-bench rerun runs/quick 9f2c[/dim]
    """
    from genbench.cli.rerun import rerun_command

    return rerun_command(run, job, model, output, registry_of(context), SafeConsole())
