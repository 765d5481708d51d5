"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

Workers = Annotated[
    int | None,
    typer.Option(
        "-j", "--jobs", min=1, metavar="N", help="Workers at once.  [dim]\\[default: one per core][/dim]"
    ),
]
Executor = Annotated[str, typer.Option("--executor", metavar="NAME", help="How workers are run.")]
# "--device" is given because typer 0.27 would make --DEVICE of a metavar that equals the parameter's name
Device = Annotated[str, typer.Option("--device", metavar="DEVICE", help="auto, cpu or cuda.")]
Extractor = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Feature extractor of the metrics.  [dim]\\[default: the data set's][/dim]"
    ),
]
