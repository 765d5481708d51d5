"""`genai-bench plugin`: writes a package with a model, and says whether models keep the contract."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from genbench.api.cards import ModelCard
from genbench.api.exit_codes import ExitCode
from genbench.errors import UnknownNameError, UsageError
from genbench.plugin.registry import Registry, registry_of
from genbench.plugin.unannounced_models import with_unannounced
from genbench.util.terminal import SafeConsole

if TYPE_CHECKING:
    from genbench.testing import Case

plugin_app = typer.Typer(
    name="plugin",
    help="Models of your own: write a package to begin with, check what a model does.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TEMPLATE = files("genbench") / "plugin" / "template"


@plugin_app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Lower case with hyphens: my-model.")],
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="Where.  [dim]\\[default: ./NAME][/dim]")
    ] = None,
) -> int:
    """Write a package with a small variational autoencoder to change into a model of your own.

    It can be installed, run and tested as it stands.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r}: expected lower case with hyphens, as in my-model")
    root = folder or Path(name)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UsageError(f"{root} is there already and is not an empty folder")
    words = name.split("-")
    names = {
        "name": name,
        "package": "_".join(words),
        "class_name": "".join(word.capitalize() for word in words),
    }
    written = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        "announce.py": f"{names['package']}/__init__.py",
        "model.py": f"{names['package']}/model.py",
        "test_model.py": f"tests/test_{names['package']}.py",
    }
    for template, place in written.items():
        path = root / place
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = (_TEMPLATE / f"{template}.template").read_text(encoding="utf-8")
            path.write_text(Template(text).substitute(names), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}") from None
    SafeConsole().print(
        f"{escape(str(root))} is a package with the model [bold]{escape(name)}[/bold]. Next:\n\n"
        f"    pip install -e {escape(str(root))}\n"
        f"    genai-bench plugin check {escape(name)}\n"
        f"    genai-bench run -m {escape(name)} -m vae -d ring8",
        soft_wrap=True,
        highlight=False,
    )
    return ExitCode.OK


@plugin_app.command("check")
def check(
    context: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="Models, plugins (all their models), or classes: [cyan]my_model.py:MyModel[/cyan].",
        ),
    ],
) -> int:
    """Say which parts of the contract a model keeps, and what it breaks.

    Each problem is reported once, however many checks meet it. The contract: docs/adding-a-model.md.
    """
    console = SafeConsole(highlight=False)
    registry = registry_of(context)
    plugins = {plugin.name: plugin for plugin in registry.plugins}
    broken = False
    models: list[str] = []
    for name in names:
        if name in plugins and name not in registry.models:
            for problem in plugins[name].problems:
                broken = True
                console.print(f"[red]plugin {escape(name)}:[/red] {escape(problem)}", soft_wrap=True)
            models += [
                card.name for card in registry.models.values() if registry.origin(card) is plugins[name]
            ]
        else:
            models.append(name)
    models, registry = with_unannounced(models, registry)
    for model in dict.fromkeys(models):
        broken |= not _check(_card(model, registry, plugins), console)
    if not models and not broken:
        console.print("there is no model to check")
        return ExitCode.NOTHING_RAN
    return ExitCode.JOB_FAILED if broken else ExitCode.OK


def _card(name: str, registry: Registry, plugins: Iterable[str]) -> ModelCard:
    if name not in registry.models:
        raise UnknownNameError("model or plugin", name, [*registry.models, *plugins])
    return registry.models[name]


def _check(card: ModelCard, console: Console) -> bool:
    """Print what the contract suite finds about a model, and return whether all of it holds."""
    from genbench.testing import examine_model

    console.print(f"[bold]{escape(card.name)}[/bold] ({card.family}, {escape(card.factory)})", soft_wrap=True)
    with console.status("") as status:

        def show(case: Case) -> None:
            status.update(f"{_plain(case.check.name)}, {case.subject.spec.name}")

        verdict = examine_model(card, on_case=show)
    failed = {case.check.name for problem in verdict.problems for case in problem.cases}
    held = [case for case in verdict.held if case.check.name not in failed]
    if held:
        console.print(f"  [green]holds[/green] on {_data(held)}: {_checks(held)}", soft_wrap=True)
    for finding in verdict.unjudged:
        where = f"{_checks(finding.cases)} on {_data(finding.cases)}"
        console.print(f"  [dim]not judged: {where}: {escape(finding.text)}[/dim]", soft_wrap=True)
    for finding in verdict.problems:
        where = f"{_checks(finding.cases)} on {_data(finding.cases)}"
        console.print(f"  [red]broken[/red]: {where}: {escape(finding.text)}", soft_wrap=True)
    return not verdict.problems


def _data(cases: Sequence[Case]) -> str:
    return escape(", ".join(dict.fromkeys(case.subject.spec.name.removeprefix("tiny-") for case in cases)))


def _checks(cases: Sequence[Case]) -> str:
    return ", ".join(dict.fromkeys(_plain(case.check.name) for case in cases))


def _plain(name: str) -> str:
    return name.replace("_", " ")
