"""`genai-bench features`: lists the feature extractors, and trains the frozen ones again from their recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from genbench.errors import UsageError
from genbench.features.recipes import (
    RECIPES,
    card_path,
    find_recipe,
    read_weight_card,
    recorded_hash,
    weights_path,
)
from genbench.plugin.registry import registry_of
from genbench.util.terminal import SafeConsole

features_app = typer.Typer(
    name="features",
    help="Feature extractors: list them; train the frozen ones again.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@features_app.command("list")
def list_features(context: typer.Context) -> None:
    """List the extractors, the data sets that use them, and whether they can be used here."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("extractor", "hash", "test accuracy", "default for", "state", "what it is"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("extractor", "hash"))
    for card in registry_of(context).extractors.values():
        trained = card.name in RECIPES and card.hash is not None
        accuracy = f"{read_weight_card(card.name).test_accuracy:.2%}" if trained else ""
        default_for = ", ".join((*card.default_for_datasets, *card.default_for))
        obstacle = card.obstacle()
        table.add_row(
            *(escape(cell) for cell in (card.name, card.hash or "by data", accuracy, default_for)),
            escape(obstacle) if obstacle else "[green]ready[/green]",
            escape(card.summary),
        )
    SafeConsole().print(table)


@features_app.command("train")
def train(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="digits-cnn, mnist-cnn or fashion-cnn.")],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder for the weights and their card.")
    ] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace existing weights.")] = False,
) -> None:
    """Train a frozen extractor by its recipe, on one thread, and compare its hash with that of the shipped weights.

    Two trainings on one machine give equal hashes.
    """
    recipe = find_recipe(name)
    for path in (weights_path(name, out), card_path(name, out)):
        if path.exists() and not force:
            raise UsageError(f"{path} exists; --force replaces it, --out DIR writes elsewhere")
    from genbench.datasets.prepared import load_dataset
    from genbench.features.training import train_extractor, write_weights

    console = SafeConsole()
    registry = registry_of(context)
    card = registry.dataset(recipe.dataset)
    others = [load_dataset(registry.dataset(other)) for other in recipe.kept_out]

    def tell(epoch: int, loss: float) -> None:
        console.print(f"epoch {epoch} of {recipe.epochs}: loss {loss:.4f}")

    trained = train_extractor(
        recipe, load_dataset(card), [split for other in others for split in (other.valid, other.test)], tell
    )
    shipped = recorded_hash(name)
    write_weights(trained, card, out)
    same = "the shipped one" if trained.hash == shipped else f"the shipped one is {shipped or 'missing'}"
    console.print(
        f"{name}:[bold]{trained.hash}[/bold] ({same}), test accuracy {trained.test_accuracy:.2%},"
        f" written to {escape(str(weights_path(name, out)))}",
        soft_wrap=True,
    )
