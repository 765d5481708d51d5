"""The card of a model that nobody announced, read off its class.

`python -m genbench.plugin.class_card MODULE [CLASS]` prints it as JSON. That is a process of its own because a class
has to be imported to be read, and with it torch and whatever else its file does.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Mapping
from typing import get_args

import msgspec

from genbench.api.cards import Family, Hyperparameter, ModelCard, load_factory
from genbench.api.model import GenerativeModel, capabilities_of
from genbench.api.search_space import Range
from genbench.api.spec import MODALITIES, Modality
from genbench.errors import GenbenchError, PluginError
from genbench.plugin.unannounced_models import Answer
from genbench.util.redaction import redacted

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


def card_of_class(model: type[GenerativeModel], factory: str) -> ModelCard:
    """The class's `card`, if it has one, with `factory`; otherwise a card made of the class itself.

    The name is that of the class in lower case with hyphens, or its attribute `name`; the summary is the first line of
    its docstring; the capabilities are those whose methods it has. `family` has to be an attribute of the class,
    `modalities` may be one (without it the model is tried on every kind of data). Hyperparameters come from the
    constructor, as for every card. Raises PluginError where the family is missing or an attribute is of another type.
    """
    card = getattr(model, "card", None)
    if isinstance(card, ModelCard):
        return msgspec.structs.replace(card, factory=factory)
    wanted = getattr(model, "family", None)
    try:
        family = msgspec.convert(wanted, Family)
    except msgspec.ValidationError:
        found = "has none" if wanted is None else f"has {wanted!r}"
        raise PluginError(
            f'{model.__name__} needs a family, as in `family = "vae"` in the body of the class; it {found}.'
            f" Families: {', '.join(get_args(Family))}"
        ) from None
    modalities: tuple[Modality, ...] = tuple(getattr(model, "modalities", MODALITIES))
    if unknown := sorted(set(map(str, modalities)) - set(MODALITIES)):
        raise PluginError(
            f"{model.__name__}.modalities has {', '.join(unknown)}; modalities: {', '.join(MODALITIES)}"
        )
    return ModelCard(
        name=str(getattr(model, "name", None) or _hyphenated(model.__name__)),
        family=family,
        summary=(inspect.getdoc(model) or model.__name__).splitlines()[0],
        factory=factory,
        modalities=modalities,
        capabilities=tuple(sorted(capabilities_of(model))),
        defaults=_inherited_defaults(model),
        requires_labels=bool(getattr(model, "requires_labels", False)),
        requires_source=bool(getattr(model, "requires_source", False)),
        requires_validation=bool(getattr(model, "requires_validation", False)),
        discrete=getattr(model, "discrete", None),
        search_space=_search_space(model),
    )


def find_model(module_name: str, class_name: str | None) -> type[GenerativeModel]:
    """The model class of a module: the named one, or the only one that the module defines.

    Raises PluginError where the module cannot be imported, or has no such class, or several.
    """
    if class_name is not None:
        found = load_factory(f"{module_name}:{class_name}")
        if not (isinstance(found, type) and issubclass(found, GenerativeModel)):
            raise PluginError(f"{module_name}:{class_name} is no subclass of genbench.GenerativeModel")
        return found
    load_factory(f"{module_name}:__name__")
    defined = [
        each
        for each in vars(sys.modules[module_name]).values()
        if isinstance(each, type)
        and issubclass(each, GenerativeModel)
        and each.__module__ == module_name
        and not inspect.isabstract(each)
    ]
    if len(defined) == 1:
        return defined[0]
    if not defined:
        raise PluginError(f"{module_name} defines no subclass of genbench.GenerativeModel")
    names = ", ".join(sorted(each.__name__ for each in defined))
    raise PluginError(f"{module_name} defines several models, name one of them after a colon: {names}")


def _inherited_defaults(model: type[GenerativeModel]) -> dict[str, Hyperparameter] | None:
    """The hyperparameters of a constructor that the class takes over from another package, an adapter's, whose source
    is not read. None where the class has a constructor, which is read as for every card."""
    if "__init__" in vars(model):
        return None
    parameters = inspect.signature(model.__init__).parameters.values()
    named = [each for each in parameters if each.kind is each.KEYWORD_ONLY]
    plain = (bool, int, float, str, type(None))
    if not named or not all(isinstance(each.default, plain) for each in named):
        return None
    return {each.name: each.default for each in named}


def _search_space(model: type[GenerativeModel]) -> dict[str, Range] | None:
    """The attribute `search_space` of the class; None where it has none. Raises PluginError where it is none."""
    space = getattr(model, "search_space", None)
    if space is None:
        return None
    if not isinstance(space, Mapping) or not all(isinstance(each, Range) for each in space.values()):
        raise PluginError(
            f"{model.__name__}.search_space: expected a dictionary of ranges by name, as in"
            ' {"learning_rate": FloatRange(1e-4, 1e-2, log=True)}'
        )
    return {str(name): each for name, each in space.items()}


def _hyphenated(name: str) -> str:
    """ "MyVAE2" -> "my-vae-2"."""
    return "-".join(word.lower() for word in _WORD.findall(name))


def main(arguments: list[str]) -> None:
    """Print the answer about MODULE [CLASS] on what was stdout when the process began; what the module prints goes to
    stderr."""
    stdout = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    answer = Answer(problem="")
    try:
        model = find_model(arguments[0], arguments[1] if len(arguments) > 1 else None)
        answer = Answer(
            card=card_of_class(model, f"{arguments[0]}:{model.__name__}"), class_name=model.__name__
        )
    except GenbenchError as error:
        answer = Answer(problem=redacted(" ".join(str(error).split())))
    except SystemExit as stop:
        answer = Answer(problem=f"{arguments[0]} ends Python when it is imported (exit code {stop.code})")
    stdout.write(msgspec.json.encode(answer))
    stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
