"""Discovers plugins through the `genbench` entry points, checks them, and says where each came from.

A plugin that cannot be imported, implements a hook that does not exist, or announces a card that is not
one, is kept out with its cause on record; the rest goes on.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any, TypeVar

import msgspec
import pluggy

from genbench import hookspecs
from genbench.cards import (
    Card,
    DatasetCard,
    DatasetSourceCard,
    ExecutorCard,
    ExtractorCard,
    LoggerCard,
    MetricCard,
    ModelCard,
    ReportCard,
    load_factory,
)
from genbench.errors import GenbenchError, PluginError, UnknownNameError, UsageError
from genbench.spec import DataSpec

_log = logging.getLogger(__name__)

ENTRY_POINT_GROUP = "genbench"
BLOCK_VARIABLE = "GENBENCH_BLOCK_PLUGINS"
OWN_DISTRIBUTION = "genbench"

CardType = TypeVar(
    "CardType",
    ModelCard,
    DatasetCard,
    DatasetSourceCard,
    MetricCard,
    ExtractorCard,
    ExecutorCard,
    ReportCard,
    LoggerCard,
)
NamedCard = Card


class Plugin(msgspec.Struct, kw_only=True):
    """One entry point, and what became of it. problems: why it, or a part of it, was refused. blocked: the
    user asked for it to be left out, which is no problem."""

    name: str
    module: str
    distribution: str
    version: str
    loaded: bool = False
    blocked: bool = False
    cards: int = 0
    problems: list[str] = []


@dataclass
class Registry:
    """Everything the plugins announced, by name, and the hooks to call them by."""

    hook: pluggy.HookRelay
    plugins: list[Plugin] = field(default_factory=list)
    models: dict[str, ModelCard] = field(default_factory=dict)
    datasets: dict[str, DatasetCard] = field(default_factory=dict)
    dataset_sources: dict[str, DatasetSourceCard] = field(default_factory=dict)
    metrics: dict[str, MetricCard] = field(default_factory=dict)
    extractors: dict[str, ExtractorCard] = field(default_factory=dict)
    executors: dict[str, ExecutorCard] = field(default_factory=dict)
    reports: dict[str, ReportCard] = field(default_factory=dict)
    loggers: dict[str, LoggerCard] = field(default_factory=dict)
    _origins: dict[tuple[str, str], Plugin] = field(default_factory=dict)
    _listeners: list[tuple[str, object]] = field(default_factory=list)

    def model(self, name: str) -> ModelCard:
        return _lookup("model", name, self.models)

    def dataset(self, name: str) -> DatasetCard:
        """An announced data set, or one of the user's own: "csv:PATH"."""
        scheme, colon, argument = name.partition(":")
        if not colon or name in self.datasets:
            if name not in self.datasets and self.dataset_sources and os.path.exists(name):
                kinds = ", ".join(f"{source}:{name}" for source in self.dataset_sources)
                raise UsageError(f"unknown data set {name!r}; a path of yours goes with its kind: {kinds}")
            return _lookup("data set", name, self.datasets)
        source = _lookup("data set source", scheme, self.dataset_sources)
        try:
            card = load_factory(source.factory)(argument)
        except GenbenchError:
            raise
        except Exception as error:
            raise PluginError(f"data set source {scheme!r} failed: {_describe(error)}") from error
        if not isinstance(card, DatasetCard) or card.name != name:
            what = f"the card of {card.name!r}" if isinstance(card, DatasetCard) else type(card).__name__
            raise PluginError(f"data set source {scheme!r} returned {what}, expected the card of {name!r}")
        self.datasets[name] = card
        self._origins[type(card).__name__, card.name] = self.origin(source)
        return card

    def metric(self, name: str) -> MetricCard:
        return _lookup("metric", name, self.metrics)

    def executor(self, name: str) -> ExecutorCard:
        return _lookup("executor", name, self.executors)

    def report(self, name: str) -> ReportCard:
        return _lookup("report format", name, self.reports)

    def logger(self, name: str) -> LoggerCard:
        return _lookup("logger", name, self.loggers)

    def origin(self, card: NamedCard) -> Plugin:
        """The plugin that announced a card."""
        return self._origins[type(card).__name__, card.name]

    def extractor(self, name: str) -> ExtractorCard:
        return _lookup("extractor", name, self.extractors)

    def default_extractor(self, spec: DataSpec) -> ExtractorCard:
        """The extractor that headline metrics of a data set use: the one that names it, else its modality's."""
        able = [card for card in self.extractors.values() if card.refusal(spec) is None]
        for card in able:
            if spec.name in card.default_for_datasets:
                return card
        for card in able:
            if spec.modality in card.default_for:
                return card
        raise UnknownNameError("default extractor", spec.modality, self.extractors)

    def recorded_extractor(self, label: str) -> ExtractorCard:
        """The extractor of a job, "name" or "name:hash". Raises UsageError where this version's has another
        hash: figures of the two would not compare."""
        card = self.extractor(label.partition(":")[0])
        if card.label != label:
            raise UsageError(f"the job was planned with extractor {label}; here it is {card.label}")
        return card

    def extended(self, *, models: Iterable[ModelCard] = (), datasets: Iterable[DatasetCard] = ()) -> Registry:
        """A registry that knows these cards too, before others of their names; this one stays as it is."""
        plugin = Plugin(name="caller", module="", distribution="unannounced", version="0", loaded=True)
        added_models = {card.name: card for card in models}
        added_datasets = {card.name: card for card in datasets}
        origins = {(ModelCard.__name__, name): plugin for name in added_models}
        origins |= {(DatasetCard.__name__, name): plugin for name in added_datasets}
        return dataclasses.replace(
            self,
            models={**self.models, **added_models},
            datasets={**self.datasets, **added_datasets},
            _origins={**self._origins, **origins},
        )

    def tell(self, hook_name: str, **arguments: Any) -> None:
        """Call every plugin's hook of that name. One that raises is named in a warning; the others are called
        all the same, where pluggy's own call would stop: a run does not end for want of a listener."""
        self.ask(hook_name, **arguments)

    def ask(self, hook_name: str, **arguments: Any) -> list[Any]:
        """The same, and what those that did not raise returned."""
        implementations = reversed(getattr(self.hook, hook_name).get_hookimpls())
        calls = [(f"plugin {each.plugin_name}", each.function, each.argnames) for each in implementations]
        calls += [
            (name, getattr(listener, hook_name), tuple(arguments))
            for name, listener in self._listeners
            if hasattr(listener, hook_name)
        ]
        answers = []
        for name, function, wanted in calls:
            try:
                answers.append(function(*(arguments[argument] for argument in wanted)))
            except (Exception, SystemExit) as error:
                if isinstance(error.__context__, BrokenPipeError):
                    raise  # rich's way to say that whoever read our output went away
                _log.warning("%s: %s failed: %s", name, hook_name, _describe(error))
        return answers

    @contextmanager
    def listening(self, name: str, listener: object) -> Iterator[None]:
        """Until the block ends, `listener` hears the hooks that it has methods of, with all arguments in order."""
        self._listeners.append((name, listener))
        try:
            yield
        finally:
            self._listeners.remove((name, listener))

    def problems(self) -> list[str]:
        """One line for each thing that was refused."""
        return [
            f"plugin {plugin.name!r}: {problem}" for plugin in self.plugins for problem in plugin.problems
        ]


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
            _collect_cards(manager, module, plugin, registry)
    return registry


def _blocked_names() -> list[str]:
    return [name.strip() for name in os.environ.get(BLOCK_VARIABLE, "").split(",") if name.strip()]


def _import(entry: importlib.metadata.EntryPoint, plugin: Plugin) -> ModuleType | None:
    try:
        return entry.load()  # type: ignore[no-any-return]
    except (Exception, SystemExit) as error:  # whatever a stranger's module does while it loads
        plugin.problems.append(f"cannot import {entry.value}: {_describe(error)}")
        return None


def _register(manager: pluggy.PluginManager, module: ModuleType, plugin: Plugin) -> bool:
    try:
        manager.register(module, name=f"{plugin.distribution}:{plugin.name}")
        manager.check_pending()
    except (pluggy.PluginValidationError, ValueError) as error:
        text = str(error).splitlines()[-1] if "\n" in str(error) else str(error)
        plugin.problems.append(_unknown_hook(text) or text)
        if manager.is_registered(module):
            manager.unregister(module)
        return False
    plugin.loaded = True
    return True


def _unknown_hook(text: str) -> str | None:
    """What pluggy says of a hook that does not exist, with the nearest that does."""
    known = {name for name in vars(hookspecs) if name.startswith("genbench_")}
    unknown = [word.strip("'\"") for word in text.split() if word.strip("'\"").startswith("genbench_")]
    for name in unknown:
        if name not in known:
            return str(UnknownNameError("hook", name, known))
    return None


def _collect_cards(
    manager: pluggy.PluginManager, module: ModuleType, plugin: Plugin, registry: Registry
) -> None:
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
        cards = list(announce())
    except (Exception, SystemExit) as error:
        plugin.problems.append(f"{hook_name} failed: {_describe(error)}")
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
        name: str = card.name  # type: ignore[attr-defined]
        if name in known:
            owner = registry._origins[card_type.__name__, name]
            plugin.problems.append(
                f"{hook_name}: {name!r} is already announced by plugin {owner.name!r} of {owner.distribution}"
            )
            continue
        known[name] = card
        registry._origins[card_type.__name__, name] = plugin
        plugin.cards += 1


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".strip().splitlines()[0]


def _lookup(kind: str, name: str, known: dict[str, CardType]) -> CardType:
    try:
        return known[name]
    except KeyError:
        raise UnknownNameError(kind, name, known) from None
