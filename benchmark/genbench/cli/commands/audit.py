"""`genai-bench audit`: its arguments and options."""

from __future__ import annotations

from typing import Annotated

import typer

from genbench.plugin.registry import registry_of
from genbench.util.terminal import SafeConsole


def audit(
    context: typer.Context,
    function: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:FUNCTION",
            help="Log-likelihoods of examples, (N, ...) -> (N,) nats: [cyan]my_model.py:log_prob[/cyan].",
        ),
    ],
    data: Annotated[
        str, typer.Option("--data", "-d", metavar="NAME", help="A data set, or your own: csv:PATH.")
    ],
    sample: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FUNCTION|FILE.npy",
            help="sample(count) of the same distribution, or an array of its samples.",
        ),
    ] = None,
    numpy: Annotated[
        bool, typer.Option("--numpy", help="The functions take and return arrays of numpy.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out the check that takes half a minute.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> int:
    """Check that a function is the log-likelihood it claims to be: does it sum to 1, in nats, whatever the batch?"""
    from genbench.cli.audit import audit_command

    return audit_command(
        function,
        data,
        sample,
        takes_numpy=numpy,
        quick=quick,
        as_json=json,
        registry=registry_of(context),
        console=SafeConsole(),
    )
