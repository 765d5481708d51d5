"""Cards and data sets of files that a test has written, made as a plan and a worker make them."""

from __future__ import annotations

from genbench.api.cards import DatasetCard, load_factory
from genbench.api.data import Dataset
from genbench.datasets.prepared import load_dataset
from genbench.plugin.discovery import load_registry


def card_of(name: str) -> DatasetCard:
    """The card of "csv:PATH", made anew: no registry remembers it."""
    scheme, _, argument = name.partition(":")
    card = load_factory(load_registry().dataset_sources[scheme].factory)(argument)
    assert isinstance(card, DatasetCard)
    assert card.name == name
    return card


def dataset_of(name: str) -> Dataset:
    return load_dataset(card_of(name))


def rebuilt(card: DatasetCard) -> Dataset:
    """By the factory that a worker calls where the cache has lost what the plan left there."""
    dataset = load_factory(card.factory)(card.argument)
    assert isinstance(dataset, Dataset)
    return dataset
