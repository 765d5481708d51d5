"""`genai-bench merge`: its arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genbench.util.terminal import SafeConsole


def merge(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, two or more.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The new folder.")],
    across_hardware: Annotated[
        bool,
        typer.Option(
            "--across-hardware",
            help="Merge results of several classes of hardware; reports say that they are.",
        ),
    ] = False,
) -> int:
    """Join runs in a new folder: records and their files. What does not belong together is refused by name.

    [dim]genai-bench merge runs/part-1 runs/part-2 -o runs/whole[/dim]
    """
    from genbench.cli.merge import merge_command

    return merge_command(runs, output, SafeConsole(), across_hardware=across_hardware)
