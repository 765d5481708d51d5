"""The model of a `genbench_run` call, given by name, by card, or as a class of the repository under test."""

from __future__ import annotations

import importlib.machinery
import inspect
import sys
from collections.abc import Iterable, Mapping
from typing import get_args

from genbench.api.cards import Family, Hyperparameter, ModelCard
from genbench.api.spec import Modality
from genbench.errors import UnknownNameError, UsageError
from genbench.plugin.registry import Registry
from genbench.runner.planning import Variant, parse_variant

FAMILY_WITHOUT_CARD: Family = "hybrid"
"""The family in the record of a class that has no card."""


def read_model(
    model: str | ModelCard | type, hyperparameters: Mapping[str, Hyperparameter], registry: Registry
) -> tuple[Registry, Variant]:
    """A registry that has the model, and the model with its hyperparameters.

    Raises UnknownNameError for an unknown name or hyperparameter, UsageError for a class that a worker cannot import.
    """
    if isinstance(model, str):
        variant = parse_variant(model, registry)
        chosen = {
            name: value
            for name, value in variant.hyperparameters.items()
            if value != variant.card.hyperparameters[name]
        }
    elif isinstance(model, ModelCard):
        variant, chosen = Variant(model, dict(model.hyperparameters), model.name), {}
    elif isinstance(model, type):
        card = _card_of(model, registry)
        variant, chosen = Variant(card, dict(card.hyperparameters), card.name), {}
    else:
        raise UsageError(
            f"model {model!r}: expected a name, a ModelCard or a GenerativeModel class, not {type(model).__name__}"
        )
    card = variant.card
    for name in hyperparameters:
        if name not in card.hyperparameters:
            raise UnknownNameError(f"hyperparameter of {card.name}", name, card.hyperparameters)
    chosen.update(hyperparameters)
    label = card.name
    if chosen:
        label += ":" + ",".join(f"{name}={value}" for name, value in sorted(chosen.items()))
    if registry.models.get(card.name) is not card:
        registry = registry.extended(models=[card])
    return registry, Variant(card, {**card.hyperparameters, **chosen}, label)


def _card_of(model: type, registry: Registry) -> ModelCard:
    """The card that a plugin announces for the class; without one, a card made from the class itself."""
    factory = f"{model.__module__}:{model.__qualname__}"
    for card in registry.models.values():
        if card.factory == factory:
            return card
    if "." in model.__qualname__:
        raise UsageError(
            f"{model.__qualname__} is defined inside another class or a function; a worker needs a class at the top"
            " of its module"
        )
    if not can_be_imported(model.__module__):
        raise UsageError(
            f"a worker cannot import {model.__module__}, which defines {model.__name__}: move the class to a module"
            " that is installed or on sys.path"
        )
    summary = (inspect.getdoc(model) or model.__name__).splitlines()[0]
    return ModelCard(
        name=model.__name__,
        family=FAMILY_WITHOUT_CARD,
        summary=summary,
        factory=factory,
        modalities=get_args(Modality),
        defaults=_defaults_of(model),
    )


def _defaults_of(model: type) -> dict[str, Hyperparameter]:
    """The keyword arguments of the constructor that have plain values as defaults."""
    try:
        parameters = list(inspect.signature(model).parameters.values())[1:]  # the first is the spec
    except (ValueError, TypeError) as error:
        raise UsageError(f"{model.__name__} is not a GenerativeModel: {error}") from None
    return {
        parameter.name: parameter.default
        for parameter in parameters
        if isinstance(parameter.default, bool | int | float | str | None)
    }


def can_be_imported(module: str) -> bool:
    """Whether another process with our sys.path can import the module, which may be in our `sys.modules` only."""
    path: Iterable[str] | None = None
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        name = ".".join(parts[:length])
        spec = _find(name, path)
        if spec is None:
            return False
        path = spec.submodule_search_locations
        if path is None and length < len(parts):
            return False
    return True


def _find(name: str, path: Iterable[str] | None) -> importlib.machinery.ModuleSpec | None:
    for finder in sys.meta_path:
        find_spec = getattr(finder, "find_spec", None)
        spec = None if find_spec is None else find_spec(name, path)
        if spec is not None:
            found: importlib.machinery.ModuleSpec = spec
            return found
    return None
