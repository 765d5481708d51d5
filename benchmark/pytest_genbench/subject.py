"""Which model a call of `genbench_run` means: a name, a card, or a class of the repository under test."""

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
from genbench.run.planning import Variant, parse_variant

UNFILED: Family = "hybrid"
"""The family that the record of a class without a card names."""


def read_model(
    model: str | ModelCard | type, hyperparameters: Mapping[str, Hyperparameter], registry: Registry
) -> tuple[Registry, Variant]:
    """The model with its hyperparameters, and a registry that knows it.

    Raises UnknownNameError for a name or hyperparameter that there is not, UsageError for a class that a worker cannot
    import.
    """
    if isinstance(model, str):
        variant = parse_variant(model, registry)
        chosen = {
            name: value
            for name, value in variant.hyperparameters.items()
            if value != variant.card.defaults[name]
        }
    elif isinstance(model, ModelCard):
        variant, chosen = Variant(model, dict(model.defaults), model.name), {}
    elif isinstance(model, type):
        card = _card_of(model, registry)
        variant, chosen = Variant(card, dict(card.defaults), card.name), {}
    else:
        raise UsageError(
            f"model {model!r}: expected a name, a ModelCard or a GenerativeModel class, not {type(model).__name__}"
        )
    card = variant.card
    for name in hyperparameters:
        if name not in card.defaults:
            raise UnknownNameError(f"hyperparameter of {card.name}", name, card.defaults)
    chosen.update(hyperparameters)
    label = card.name
    if chosen:
        label += ":" + ",".join(f"{name}={value}" for name, value in sorted(chosen.items()))
    if registry.models.get(card.name) is not card:
        registry = registry.extended(models=[card])
    return registry, Variant(card, {**card.defaults, **chosen}, label)


def _card_of(model: type, registry: Registry) -> ModelCard:
    """The card that a plugin announces for the class, or one made up from what the class says of itself."""
    factory = f"{model.__module__}:{model.__qualname__}"
    for card in registry.models.values():
        if card.factory == factory:
            return card
    if "." in model.__qualname__:
        raise UsageError(
            f"{model.__qualname__} is defined inside something else; a worker needs a class at the top of its module"
        )
    if not can_be_imported(model.__module__):
        raise UsageError(
            f"a worker cannot import {model.__module__}, which defines {model.__name__}: move the class to a module"
            " that is installed or on sys.path"
        )
    summary = (inspect.getdoc(model) or model.__name__).splitlines()[0]
    return ModelCard(
        name=model.__name__,
        family=UNFILED,
        summary=summary,
        factory=factory,
        modalities=get_args(Modality),
        defaults=_defaults_of(model),
    )


def _defaults_of(model: type) -> dict[str, Hyperparameter]:
    """The keyword arguments of the constructor and their defaults; None where one has none, or one that is no plain
    value: then the call has to name it."""
    try:
        parameters = list(inspect.signature(model).parameters.values())[1:]  # the first is the spec
    except (ValueError, TypeError) as error:
        raise UsageError(f"{model.__name__} is no GenerativeModel: {error}") from None
    return {
        parameter.name: parameter.default
        for parameter in parameters
        if isinstance(parameter.default, bool | int | float | str | None)
    }


def can_be_imported(module: str) -> bool:
    """Whether another process with our sys.path finds it: what `sys.modules` holds is ours alone."""
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
