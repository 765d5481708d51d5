"""`genai-bench datasets`: what there is, fetching it beforehand, checking what was fetched."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from genbench.cards import DatasetCard
from genbench.checksums import parse_checksum
from genbench.errors import UsageError
from genbench.fetching import file_path, is_cached, verify
from genbench.plugin_manager import load_registry
from genbench.prefetch import fetch_all, size_of

EXIT_OK, EXIT_FAILED = 0, 2

datasets_app = typer.Typer(
    name="datasets",
    help="Published data sets: fetch them once, check them.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
Names = Annotated[list[str] | None, typer.Argument(metavar="NAME...", help="Data sets.")]


@datasets_app.command("list")
def list_datasets() -> None:
    """List the data sets, and which of them are on this machine."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("data set", "download", "here", "what it is"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "what it is")
    for card in load_registry().datasets.values():
        size = size_of(card.files) if card.files else "none"
        table.add_row(escape(card.name), size, _state(card), escape(card.summary))
    Console().print(table)


@datasets_app.command("fetch")
def fetch_datasets(
    names: Names = None,
    all_: Annotated[bool, typer.Option("--all", help="Every published data set.")] = False,
) -> int:
    """Fetch data sets into the cache, so that runs need no network.

    GENBENCH_MIRROR, a folder or an address, replaces the addresses they are published at.
    """
    if bool(names) == all_:
        raise UsageError("which data sets? NAME..., or --all; see genai-bench datasets list")
    console = Console()
    cards = _cards(names)
    failures = fetch_all(cards, console)
    for card in cards:
        if card.name not in failures:
            size = size_of(card.files) if card.files else "nothing to fetch"
            console.print(f"[green]here[/green]  {escape(card.name)} ({size})")
    for name, why in failures.items():
        Console(stderr=True).print(f"[red]{escape(name)}[/red]: {escape(why)}", soft_wrap=True)
    return EXIT_FAILED if failures else EXIT_OK


@datasets_app.command("verify")
def verify_datasets(names: Names = None) -> int:
    """Read fetched files again and compare their checksums. Without a NAME: all that were fetched."""
    console = Console()
    failed = False
    # data sets may share files
    for file in dict.fromkeys(file for card in _cards(names) for file in card.files):
        checksum = parse_checksum(file.checksum)
        shown = escape(file.name)
        if not file_path(file).exists():
            failed |= bool(names)
            if names:
                console.print(f"[yellow]not fetched[/yellow]  {shown}", soft_wrap=True)
        elif verify(file):
            console.print(f"[green]right[/green]        {shown} ({checksum})", soft_wrap=True)
        else:
            failed = True
            console.print(
                f"[red]wrong[/red]        {shown}: its {checksum.algorithm} is not the published"
                f" {checksum.digest}; set aside as .rejected, fetch it again",
                soft_wrap=True,
            )
    return EXIT_FAILED if failed else EXIT_OK


def _cards(names: list[str] | None) -> list[DatasetCard]:
    registry = load_registry()
    return [registry.dataset(name) for name in names] if names else list(registry.datasets.values())


def _state(card: DatasetCard) -> str:
    if not card.files:
        return "embedded"
    here = sum(is_cached(file) for file in card.files)
    return "yes" if here == len(card.files) else "no" if here == 0 else f"{here} of {len(card.files)} files"
