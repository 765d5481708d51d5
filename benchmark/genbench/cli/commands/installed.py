"""`genai-bench list` and `genai-bench doctor`: what is installed, and whether it works."""

from __future__ import annotations

from typing import Annotated

import typer

from genbench.plugin.registry import registry_of
from genbench.util.terminal import SafeConsole


def list_(
    context: typer.Context,
    what: Annotated[
        str, typer.Argument(help="models, datasets, sources, metrics, extractors, loggers, suites or plugins")
    ],
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """List models, data sets, sources of your own data, metrics, extractors, loggers, suites or plugins."""
    from genbench.cli.listing import render_listing

    render_listing(what, registry_of(context), SafeConsole(), as_json=json)


def doctor(context: typer.Context) -> int:
    """Check Python, torch, the device, threads, plugins and the data cache."""
    from genbench.cli.doctor import examine

    return examine(registry_of(context), SafeConsole())
