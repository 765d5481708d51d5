"""The registry: every card that the plugins announced, and the hooks to call them by."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import pluggy

from genbench.api.cards import (
    Card,
    DatasetCard,
    DatasetSourceCard,
    ExecutorCard,
    ExtractorCard,
    LoggerCard,
    MetricCard,
    ModelCard,
    ReportCard,
    SuiteCard,
    load_factory,
)
from genbench.api.spec import DataSpec
from genbench.errors import GenbenchError, PluginError, UnknownNameError, UsageError

if TYPE_CHECKING:
    import typer

_log = logging.getLogger(__name__)

OWN_DISTRIBUTION = "genbench"
"""The distribution of the built-in plugins."""


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
    SuiteCard,
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
    suites: dict[str, SuiteCard] = field(default_factory=dict)
    _origins: dict[tuple[str, str], Plugin] = field(default_factory=dict)
    _listeners: list[tuple[str, object]] = field(default_factory=list)

    def model(self, name: str) -> ModelCard:
        """An announced model. Raises UnknownNameError, which names today's name of a model that was renamed."""
        now = next((card.name for card in self.models.values() if name in card.former_names), None)
        if name not in self.models and now is not None:
            raise UnknownNameError("model", name, self.models, now=now)
        return lookup("model", name, self.models)

    def dataset(self, name: str) -> DatasetCard:
        """An announced data set, or the user's own data: "csv:PATH", which is read anew at each call.

        Raises UnknownNameError, UsageError, PluginError, and DataError where the user's data cannot be read.
        """
        scheme, colon, argument = name.partition(":")
        if not colon or name in self.datasets:
            if name not in self.datasets and self.dataset_sources and os.path.exists(name):
                kinds = ", ".join(f"{source}:{name}" for source in self.dataset_sources)
                raise UsageError(f"unknown data set {name!r}; a path of yours goes with its kind: {kinds}")
            return lookup("data set", name, self.datasets)
        source = lookup("data set source", scheme, self.dataset_sources)
        try:
            card = load_factory(source.factory)(argument)
        except GenbenchError:
            raise
        except Exception as error:
            raise PluginError(f"data set source {scheme!r} failed: {describe_error(error)}") from error
        if not isinstance(card, DatasetCard) or card.name != name:
            what = f"the card of {card.name!r}" if isinstance(card, DatasetCard) else type(card).__name__
            raise PluginError(f"data set source {scheme!r} returned {what}, expected the card of {name!r}")
        return card

    def datasets_of(self, recorded: Mapping[str, DatasetCard]) -> dict[str, DatasetCard]:
        """The announced data sets and, over them, those that a run folder describes.

        A run folder may come from a stranger: code and files are those of the announced data set of that name. Cards
        that no plugin announces keep what they say, since their prepared form is found by it; load them with
        `genbench.datasets.prepared.load_prepared`, which calls no factory.
        """
        found = dict(self.datasets)
        for name, card in recorded.items():
            announced = self.datasets.get(name)
            if card.name != name:
                continue
            found[name] = (
                card
                if announced is None
                else msgspec.structs.replace(
                    card,
                    factory=announced.factory,
                    truth=announced.truth,
                    files=announced.files,
                    argument=announced.argument,
                )
            )
        return found

    def metric(self, name: str) -> MetricCard:
        return lookup("metric", name, self.metrics)

    def executor(self, name: str) -> ExecutorCard:
        return lookup("executor", name, self.executors)

    def report(self, name: str) -> ReportCard:
        return lookup("report format", name, self.reports)

    def logger(self, name: str) -> LoggerCard:
        return lookup("logger", name, self.loggers)

    def origin(self, card: NamedCard) -> Plugin:
        """The plugin that announced a card."""
        return self._origins[type(card).__name__, card.name]

    def extractor(self, name: str) -> ExtractorCard:
        return lookup("extractor", name, self.extractors)

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
        """As `tell`; returns what the hooks that did not raise have returned."""
        implementations = list(reversed(getattr(self.hook, hook_name).get_hookimpls()))
        calls = [(f"plugin {each.plugin_name}", each.function, each.argnames) for each in implementations]
        strangers = {
            f"plugin {each.plugin_name}"
            for each in implementations
            if not each.plugin_name.startswith(f"{OWN_DISTRIBUTION}:")
        }
        calls += [
            (name, getattr(listener, hook_name), tuple(arguments))
            for name, listener in self._listeners
            if hasattr(listener, hook_name)
        ]
        answers = []
        for name, function, wanted in calls:
            # on a terminal, the live view has a place for what a hook prints
            is_apart = name in strangers and not sys.stdout.isatty()
            try:
                with contextlib.redirect_stdout(sys.stderr) if is_apart else contextlib.nullcontext():
                    answers.append(function(*(arguments[argument] for argument in wanted)))
            except (Exception, SystemExit) as error:
                if isinstance(error.__context__, BrokenPipeError):
                    raise  # rich's way to say that whoever read our output went away
                _log.warning("%s: %s failed: %s", name, hook_name, describe_error(error))
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


def describe_error(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".strip().splitlines()[0]


def registry_of(context: typer.Context) -> Registry:
    """The registry that the command line was started with. Raises PluginError where a command was called without
    one."""
    registry = context.find_object(Registry)
    if registry is None:
        raise PluginError(f"{context.command_path} was started without a registry; use `run_command_line`")
    return registry


def lookup(kind: str, name: str, known: dict[str, CardType]) -> CardType:
    try:
        return known[name]
    except KeyError:
        raise UnknownNameError(kind, name, known) from None
