"""Discovers plugins through the `genbench` entry points, checks them, and says where each came from.

A plugin that cannot be imported, implements a hook that does not exist, or announces a card that is not
one, is kept out with its cause on record; the rest goes on.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import os
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import msgspec
import pluggy

from genbench.api.cards import (
    DatasetCard,
    DatasetSourceCard,
    ExecutorCard,
    ExtractorCard,
    LoggerCard,
    MetricCard,
    ModelCard,
    ReportCard,
    SuiteCard,
)
from genbench.errors import PluginError, UnknownNameError
from genbench.plugin import hookspecs
from genbench.plugin.output import printing_to_stderr
from genbench.plugin.registry import OWN_DISTRIBUTION, Plugin, Registry, describe_error

ENTRY_POINT_GROUP = "genbench"
BLOCK_VARIABLE = "GENBENCH_BLOCK_PLUGINS"
_NEAR_GROUP = 0.75
"""How alike the name of another group is, 0 to 1, before it is taken for a misspelt `genbench`."""


# hook that announces cards -> (their type, the registry's dictionary)
_CARD_HOOKS: dict[str, tuple[type[msgspec.Struct], str]] = {
    "genbench_models": (ModelCard, "models"),
    "genbench_datasets": (DatasetCard, "datasets"),
    "genbench_dataset_sources": (DatasetSourceCard, "dataset_sources"),
    "genbench_metrics": (MetricCard, "metrics"),
    "genbench_extractors": (ExtractorCard, "extractors"),
    "genbench_executors": (ExecutorCard, "executors"),
    "genbench_reports": (ReportCard, "reports"),
    "genbench_loggers": (LoggerCard, "loggers"),
    "genbench_suites": (SuiteCard, "suites"),
}


@cache
def load_registry() -> Registry:
    """The registry of this process, loaded once."""
    return build_registry(tuple(importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)), _blocked_names())


def build_registry(
    entry_points: Iterable[importlib.metadata.EntryPoint], blocked: Iterable[str] = ()
) -> Registry:
    """Load plugins: our own first, then by name, so that a stranger cannot take a built-in name."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    registry = Registry(hook=manager.hook)
    blocked = set(blocked)

    def precedence(entry: importlib.metadata.EntryPoint) -> tuple[bool, str]:
        return (entry.dist is None or entry.dist.name != OWN_DISTRIBUTION, entry.name)

    for entry in sorted(entry_points, key=precedence):
        plugin = Plugin(
            name=entry.name,
            module=entry.value,
            distribution=entry.dist.name if entry.dist else "unknown",
            version=entry.dist.version if entry.dist else "unknown",
        )
        registry.plugins.append(plugin)
        if entry.name in blocked:
            plugin.blocked = True
            continue
        module = _import(entry, plugin)
        if module is not None and _register(manager, module, plugin):
            plugin.problems += _unmarked_hooks(module)
            _collect_cards(manager, module, plugin, registry)
    return registry


def misspelt_groups(
    entry_points: Iterable[importlib.metadata.EntryPoint] | None = None,
) -> list[str]:
    """One line for each entry point whose group looks like a misspelt `genbench`: nothing loads such a plugin.

    entry_points: those to look at; None for all that are installed.
    """
    found = _installed() if entry_points is None else entry_points
    return [
        f"{entry.dist.name if entry.dist else 'a package'} has an entry point {entry.name!r} in the group"
        f" {entry.group!r}, which nothing reads; plugins are in the group {ENTRY_POINT_GROUP!r}:"
        f" [project.entry-points.{ENTRY_POINT_GROUP}]"
        for entry in found
        if _is_misspelt(entry.group)
    ]


def _installed() -> list[importlib.metadata.EntryPoint]:
    # `importlib.metadata.entry_points()` without a group returns a dictionary in Python 3.11
    return [entry for each in importlib.metadata.distributions() for entry in each.entry_points]


def _is_misspelt(group: str) -> bool:
    letters = "".join(letter for letter in group.lower() if letter.isalnum())
    is_near = difflib.SequenceMatcher(None, letters, ENTRY_POINT_GROUP).ratio() >= _NEAR_GROUP
    return group != ENTRY_POINT_GROUP and (is_near or letters.startswith((ENTRY_POINT_GROUP, "genaibench")))


def _blocked_names() -> list[str]:
    return [name.strip() for name in os.environ.get(BLOCK_VARIABLE, "").split(",") if name.strip()]


def _import(entry: importlib.metadata.EntryPoint, plugin: Plugin) -> object | None:
    """The module that an entry point names, or the object in it, as in "package.module:object"."""
    try:
        with printing_to_stderr():
            loaded: object = entry.load()
        return loaded
    except (Exception, SystemExit) as error:  # whatever a stranger's module does while it loads
        plugin.problems.append(f"cannot import {entry.value}: {describe_error(error)}")
        return None


def _register(manager: pluggy.PluginManager, module: object, plugin: Plugin) -> bool:
    name = f"{plugin.distribution}:{plugin.name}"
    if (known := manager.get_name(module)) is not None or manager.has_plugin(name):
        # named by two entry points, perhaps of a distribution that was renamed and never removed
        plugin.problems.append(f"{plugin.module} is loaded already, as {known or name}")
        return False
    try:
        manager.register(module, name=name)
        manager.check_pending()
    except (pluggy.PluginValidationError, ValueError) as error:
        text = str(error).splitlines()[-1] if "\n" in str(error) else str(error)
        plugin.problems.append(_unknown_hook(text) or text)
        if manager.is_registered(module):
            manager.unregister(module)
        return False
    plugin.loaded = True
    return True


def _unmarked_hooks(module: object) -> list[str]:
    """One line for each function that is named as a hook and lacks the mark by which it is found."""
    mark, own = f"{hookspecs.PROJECT}_impl", f"{hookspecs.PROJECT}_spec"
    return [
        f"{name} has no @hookimpl, so it is never called; write `from genbench import hookimpl`, and @hookimpl above it"
        for name in vars(hookspecs)
        if name.startswith("genbench_")
        and callable(function := getattr(module, name, None))
        and not (hasattr(function, mark) or hasattr(function, own))
    ]


def _unknown_hook(text: str) -> str | None:
    """What pluggy says of a hook that does not exist, with the nearest that does."""
    known = {name for name in vars(hookspecs) if name.startswith("genbench_")}
    unknown = [word.strip("'\"") for word in text.split() if word.strip("'\"").startswith("genbench_")]
    for name in unknown:
        if name not in known:
            return str(UnknownNameError("hook", name, known))
    return None


def _collect_cards(manager: pluggy.PluginManager, module: object, plugin: Plugin, registry: Registry) -> None:
    for hook_name, (card_type, dictionary) in _CARD_HOOKS.items():
        for implementation in getattr(manager.hook, hook_name).get_hookimpls():
            if implementation.plugin is module:
                known = getattr(registry, dictionary)
                _add_cards(implementation.function, hook_name, card_type, known, plugin, registry)


def _add_cards(
    announce: Callable[[], Iterable[Any]],
    hook_name: str,
    card_type: type[msgspec.Struct],
    known: dict[str, Any],
    plugin: Plugin,
    registry: Registry,
) -> None:
    try:
        with printing_to_stderr():
            cards = list(announce())
    except (Exception, SystemExit) as error:
        plugin.problems.append(f"{hook_name} failed: {describe_error(error)}")
        return
    for card in cards:
        if not isinstance(card, card_type):
            plugin.problems.append(
                f"{hook_name} yielded {type(card).__name__}, expected {card_type.__name__}"
            )
            continue
        try:  # structs check their types when they are decoded, not when they are made
            msgspec.convert(msgspec.to_builtins(card), card_type)
        except (msgspec.ValidationError, TypeError, NotImplementedError) as error:
            plugin.problems.append(f"{hook_name}: card {getattr(card, 'name', '?')!r}: {error}")
            continue
        if isinstance(card, ModelCard):
            card = _with_defaults(card, hook_name, plugin)
        name: str = card.name
        if name in known:
            owner = registry._origins[card_type.__name__, name]
            plugin.problems.append(
                f"{hook_name}: {name!r} is already announced by plugin {owner.name!r} of {owner.distribution}"
            )
            continue
        known[name] = card
        registry._origins[card_type.__name__, name] = plugin
        plugin.cards += 1


def _with_defaults(card: ModelCard, hook_name: str, plugin: Plugin) -> ModelCard:
    """The card with its hyperparameters on it. Where they cannot be read it is kept, and none of them can be set."""
    try:
        defaults = card.hyperparameters
    except PluginError as error:
        plugin.problems.append(
            f"{hook_name}: card {card.name!r}: the defaults of {card.factory} cannot be read: {error};"
            " write defaults={...} on the card"
        )
        defaults = {}
    return msgspec.structs.replace(card, defaults=defaults)
