"""The commands of `genai-bench`, without those of plugins."""

from __future__ import annotations

import importlib.metadata
from typing import Annotated

import typer

from genbench.cli.commands.audit import audit
from genbench.cli.commands.installed import doctor, list_
from genbench.cli.commands.merge import merge
from genbench.cli.commands.rerun import rerun
from genbench.cli.commands.run import run
from genbench.cli.commands.score import score
from genbench.cli.commands.tune import tune
from genbench.cli.datasets import datasets_app
from genbench.cli.features import features_app
from genbench.cli.plugin import plugin_app

app = typer.Typer(
    name="genai-bench",
    help="Compare generative models (GANs, VAEs, autoregressive models) under equal compute budgets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(run)
app.command()(merge)
app.command()(rerun)
app.command()(tune)
app.command("list")(list_)
app.command()(score)
app.command()(audit)
app.command()(doctor)
for group in (datasets_app, features_app, plugin_app):
    app.add_typer(group)


def _show_version(wanted: bool) -> bool:
    if wanted:
        print(f"genai-bench {importlib.metadata.version('genbench')}")
        raise typer.Exit
    return wanted


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Compare generative models (GANs, VAEs, autoregressive models) under equal compute budgets."""
