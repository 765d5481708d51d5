"""`genai-bench datasets`: lists data sets, shows their cards, fetches published ones, checks what was fetched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from genbench.api.cards import DatasetCard
from genbench.api.exit_codes import ExitCode
from genbench.cli.download_bars import fetch_all, size_of
from genbench.cli.listing import sources_hint
from genbench.datasets.fetching import file_path, is_cached, verify
from genbench.errors import UsageError
from genbench.plugin.registry import Registry, registry_of
from genbench.util.checksums import parse_checksum
from genbench.util.terminal import SafeConsole

datasets_app = typer.Typer(
    name="datasets",
    help="Data sets: show their cards; fetch published ones once, check them.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
_NAME_HELP = "Data sets, or your own as csv:PATH and the like."
Names = Annotated[list[str] | None, typer.Argument(metavar="NAME...", help=_NAME_HELP)]


@datasets_app.command("list")
def list_datasets(context: typer.Context) -> None:
    """List the data sets, and whether they are on this machine."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("data set", "download", "here", "what it is"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "what it is")
    registry = registry_of(context)
    for card in registry.datasets.values():
        size = size_of(card.files) if card.files else "none"
        table.add_row(escape(card.name), size, _state(card), escape(card.summary))
    console = SafeConsole()
    console.print(table)
    console.print(escape(sources_hint(registry)), soft_wrap=True)


@datasets_app.command("show")
def show_datasets(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help=_NAME_HELP)],
) -> None:
    """Show the cards of data sets: what an example is, how many there are, how they were split.

    Your own data are read and checked: [dim]genai-bench datasets show csv:measurements.csv[/dim]
    """
    console = SafeConsole(highlight=False)
    for number, card in enumerate(_cards(names, registry_of(context))):
        if number:
            console.print()
        table = Table.grid(padding=(0, 2))
        table.add_column(style="bold")
        for field, text in _described(card):
            table.add_row(field, escape(text))
        console.print(table)


@datasets_app.command("fetch")
def fetch_datasets(
    context: typer.Context,
    names: Names = None,
    all_: Annotated[bool, typer.Option("--all", help="Every published data set.")] = False,
) -> int:
    """Fetch data sets into the cache, so that runs need no network.

    GENBENCH_MIRROR, a folder or an address, replaces the addresses at which they are published.
    """
    if bool(names) == all_:
        raise UsageError("which data sets? NAME..., or --all; see genai-bench datasets list")
    console = SafeConsole()
    cards = _cards(names, registry_of(context))
    failures = fetch_all(cards, console)
    for card in cards:
        if card.name not in failures:
            size = size_of(card.files) if card.files else "nothing to fetch"
            console.print(f"[green]here[/green]  {escape(card.name)} ({size})")
    for name, why in failures.items():
        SafeConsole(stderr=True).print(f"[red]{escape(name)}[/red]: {escape(why)}", soft_wrap=True)
    return ExitCode.JOB_FAILED if failures else ExitCode.OK


@datasets_app.command("verify")
def verify_datasets(context: typer.Context, names: Names = None) -> int:
    """Read fetched files again and compare their checksums. Without NAME: all files that were fetched."""
    console = SafeConsole()
    failed = False
    # data sets may share files
    for file in dict.fromkeys(file for card in _cards(names, registry_of(context)) for file in card.files):
        checksum = parse_checksum(file.checksum)
        shown = escape(file.name)
        if not file_path(file).exists():
            failed |= bool(names)
            if names:
                console.print(f"[yellow]not fetched[/yellow]  {shown}", soft_wrap=True)
        elif verify(file):
            console.print(f"[green]intact[/green]       {shown} ({checksum})", soft_wrap=True)
        else:
            failed = True
            console.print(
                f"[red]damaged[/red]      {shown}: its {checksum.algorithm} is not the published"
                f" {checksum.digest}; renamed to .rejected, fetch it again",
                soft_wrap=True,
            )
    return ExitCode.JOB_FAILED if failed else ExitCode.OK


def _cards(names: list[str] | None, registry: Registry) -> list[DatasetCard]:
    return [registry.dataset(name) for name in names] if names else list(registry.datasets.values())


def _described(card: DatasetCard) -> Iterator[tuple[str, str]]:
    spec = card.spec
    yield "data set", card.name
    yield "what it is", card.summary
    shape = "×".join(str(size) for size in spec.event_shape)
    yield "example", f"{spec.modality} {shape}, {f'{spec.levels} levels' if spec.levels else 'real values'}"
    if spec.classes is not None:
        yield "classes", str(spec.classes)
    yield "examples", " / ".join(f"{size:,}" for size in card.sizes) + " (train / valid / test)"
    if spec.variable_length:
        yield (
            "lengths",
            f"whole pieces of up to {spec.event_shape[0]} steps; windows of {card.window} for metrics",
        )
    if spec.source_steps is not None:
        target = spec.event_shape[0] - spec.source_steps
        yield "pairs", f"a source of up to {spec.source_steps} steps, a target of up to {target}"
    if card.step_name is not None:
        yield "a step", card.step_name
    if card.likelihood_convention is not None:
        yield "likelihood", card.likelihood_convention
    yield "splits", card.splits
    yield "version", card.version
    yield "source", card.source
    yield "licence", card.licence
    yield "citation", card.citation


def _state(card: DatasetCard) -> str:
    if not card.files:
        return "embedded"
    here = sum(is_cached(file) for file in card.files)
    return "yes" if here == len(card.files) else "no" if here == 0 else f"{here} of {len(card.files)} files"
