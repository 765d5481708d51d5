"""Contract checks of the card: it is well-formed and agrees with the class."""

from __future__ import annotations

import inspect
import re

import msgspec

from genbench.api.cards import Hyperparameter, ModelCard
from genbench.api.model import GenerativeModel, capabilities_of
from genbench.api.search_space import contradiction
from genbench.testing.requirement import contract_check, require
from genbench.testing.subject import Subject
from genbench.testing.tiny_data import tiny_specs

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@contract_check(scope="card")
def card_is_well_formed(subject: Subject) -> None:
    card = subject.card
    try:  # structs check their types when they are decoded, not when they are made
        msgspec.convert(msgspec.to_builtins(card), ModelCard)
    except (msgspec.ValidationError, TypeError, NotImplementedError) as error:
        require(False, f"card: {error}")
    require(bool(_NAME.fullmatch(card.name)), f"name {card.name!r}: expected lower case with hyphens")
    require(bool(card.summary.strip()) and "\n" not in card.summary, "summary: expected one line")
    require(len(card.modalities) > 0, "modalities: none announced")
    for field in ("modalities", "capabilities"):
        values = getattr(card, field)
        require(len(set(values)) == len(values), f"{field}: {', '.join(values)} has repetitions")
    for modality in card.modalities:
        alone = msgspec.structs.replace(card, modalities=(modality,))
        require(
            bool(tiny_specs(alone)), f"modalities: {modality}: the card takes no such data, real or integer"
        )
    if card.search_space is not None:
        wrong = contradiction(card.search_space, card.hyperparameters)
        require(wrong is None, f"search_space: {wrong}")
    _ = subject.model_class


@contract_check(scope="card")
def defaults_match_the_factory(subject: Subject) -> None:
    """Also of cards that leave their defaults out: what is read from the source is what Python sees."""
    actual = _hyperparameters(subject.model_class)
    announced = subject.card.hyperparameters
    for name in announced.keys() | actual.keys():
        require(name in actual, f"card.defaults has {name!r}, which the factory does not take")
        require(name in announced, f"the factory takes {name!r}, which card.defaults leaves out")
        same = announced[name] == actual[name] and type(announced[name]) is type(actual[name])
        require(same, f"card.defaults says {name}={announced[name]!r}, the factory {name}={actual[name]!r}")


def _hyperparameters(model_class: type[GenerativeModel]) -> dict[str, Hyperparameter]:
    _, *parameters = inspect.signature(model_class).parameters.values()  # the first is the spec
    for parameter in parameters:
        require(
            parameter.kind is parameter.KEYWORD_ONLY and parameter.default is not parameter.empty,
            f"hyperparameter {str(parameter)!r}: expected a keyword-only argument with a default",
        )
    return {parameter.name: parameter.default for parameter in parameters}


@contract_check()
def capabilities_match_the_class(subject: Subject) -> None:
    model = subject.build()
    actual = capabilities_of(model)
    announced = set(subject.card.capabilities)
    missing, secret = sorted(announced - actual), sorted(actual - announced)
    require(not missing, f"the card announces {', '.join(missing)}, which the class does not have")
    require(not secret, f"the class has {', '.join(secret)}, which the card does not announce")
