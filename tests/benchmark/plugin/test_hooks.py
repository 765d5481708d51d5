"""Every hook has a signature, a docstring and a test: a new hook without one fails here."""

from __future__ import annotations

import inspect
import types
from pathlib import Path
from typing import Any

import pytest
from jobs import make_job

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
from genbench.api.spec import DataSpec
from genbench.execution.local_executor import LocalExecutor
from genbench.plugin import hookspecs
from genbench.plugin.discovery import _collect_cards, _register, load_registry
from genbench.plugin.hookspecs import hookimpl
from genbench.plugin.registry import Plugin, Registry
from genbench.records.result import Result
from genbench.records.run_folder import Plan, Run
from genbench.records.task import Message
from genbench.runner.run_benchmark import Execution, run_benchmark

HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("genbench_"))
CARDS: dict[str, Any] = {
    "genbench_models": ModelCard(
        name="Good",
        family="baseline",
        summary="",
        factory="hostile_models:Good",
        modalities=("points",),
        defaults={"rate": 0.1},
    ),
    "genbench_datasets": DatasetCard(
        spec=DataSpec(name="tiny", modality="points", event_shape=(2,)),
        summary="",
        sizes=(32, 16, 16),
        splits="",
        source="",
        licence="",
        citation="",
        factory="hostile_models:tiny_dataset",
    ),
    "genbench_dataset_sources": DatasetSourceCard(
        name="mine", summary="", argument="PATH", factory="hostile_models:tiny_dataset"
    ),
    "genbench_metrics": MetricCard(
        name="m", summary="", unit="", better="lower", group="quality", modalities=("image",), factory="a:b"
    ),
    "genbench_extractors": ExtractorCard(
        name="values",
        summary="",
        modalities=("points",),
        factory="genbench.features.pixels:values",
        default_for=("points",),
    ),
    "genbench_executors": ExecutorCard(
        name="local", summary="", factory="genbench.execution.local_executor:LocalExecutor"
    ),
    "genbench_reports": ReportCard(name="r", summary="", suffix=".r", factory="a:b"),
    "genbench_loggers": LoggerCard(name="l", summary="", target="PLACE", factory="a:b"),
    "genbench_suites": SuiteCard(name="s", file="a:s.toml"),
}


class Recorder(types.ModuleType):
    """A plugin that implements every hook and writes down what it is called with."""

    def __init__(self) -> None:
        super().__init__("recorder")
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.registry: Registry | None = None
        for hook, card in CARDS.items():
            setattr(self, hook, hookimpl(lambda card=card: [card], specname=hook))

        def genbench_commands(app: Any) -> None:
            self.calls.append(("genbench_commands", {"app": app}))

        def genbench_run_started(run: Any) -> None:
            self.calls.append(("genbench_run_started", {"run": run}))

        def genbench_job_started(job: Any) -> None:
            self.calls.append(("genbench_job_started", {"job": job}))

        def genbench_job_progress(job: Any, phase: Any, fraction: Any, losses: Any) -> None:
            self.calls.append(("genbench_job_progress", {"phase": phase, "fraction": fraction}))

        def genbench_job_checkpoint(job: Any, point: Any) -> None:
            self.calls.append(("genbench_job_checkpoint", {"job": job, "point": point}))

        # a hook may leave out arguments, so that plugins written before `registry` was one still work
        def genbench_live_panels(run: Any) -> None:
            self.calls.append(("genbench_live_panels", {"run": run}))

        def genbench_job_finished(job: Any, result: Any) -> None:
            self.calls.append(("genbench_job_finished", {"job": job, "result": result}))

        def genbench_run_finished(run: Any, registry: Any) -> None:
            self.calls.append(("genbench_run_finished", {"run": run, "registry": registry}))

        for function in [value for value in locals().values() if inspect.isfunction(value)]:
            setattr(self, function.__name__, hookimpl(function))


class Silent:
    def message(self, job: Any, message: Message) -> None: ...

    def finished(self, job: Any, result: Result) -> None: ...

    def close(self) -> None: ...


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorder:
    """One real job with the recorder as the only plugin."""
    import pluggy

    recorder = Recorder()
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    registry = Registry(hook=manager.hook)
    plugin = Plugin(name="recorder", module="recorder", distribution="test", version="1")
    assert _register(manager, recorder, plugin), plugin.problems
    _collect_cards(manager, recorder, plugin, registry)
    assert plugin.problems == []
    for hook, dictionary in (
        ("genbench_models", registry.models),
        ("genbench_datasets", registry.datasets),
        ("genbench_dataset_sources", registry.dataset_sources),
        ("genbench_metrics", registry.metrics),
        ("genbench_extractors", registry.extractors),
        ("genbench_executors", registry.executors),
        ("genbench_reports", registry.reports),
        ("genbench_loggers", registry.loggers),
        ("genbench_suites", registry.suites),
    ):
        assert list(dictionary.values()) == [CARDS[hook]]
        recorder.calls.append((hook, {}))
    recorder.registry = registry
    registry.hook.genbench_commands(app=object())
    job = make_job("Good")
    run = Run.create(tmp_path_factory.mktemp("run") / "run", Plan(suite="s", jobs=[job]))
    assert registry.ask("genbench_live_panels", run=run, registry=registry) == [None]
    run_benchmark(run, [job], registry, Execution(), {}, Silent())
    return recorder


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_called(recorded: Recorder, hook: str) -> None:
    assert hook in {name for name, _ in recorded.calls}


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_docstring_and_is_documented(hook: str, repository: Path) -> None:
    function = getattr(hookspecs, hook)
    assert inspect.getdoc(function)
    arguments = ", ".join(inspect.signature(function).parameters)
    assert f"`{hook}({arguments})`" in (repository / "docs" / "hooks.md").read_text()


def test_the_end_of_a_run_is_told_with_the_registry_that_planned_it(recorded: Recorder) -> None:
    (values,) = [values for name, values in recorded.calls if name == "genbench_run_finished"]
    assert values["registry"] is recorded.registry


def test_lifecycle_hooks_fire_in_order(recorded: Recorder) -> None:
    lifecycle = [name for name, _ in recorded.calls if "_run_" in name or "_job_" in name]
    deduplicated = list(dict.fromkeys(lifecycle))
    assert deduplicated == [
        "genbench_run_started",
        "genbench_job_started",
        "genbench_job_progress",
        "genbench_job_checkpoint",
        "genbench_job_finished",
        "genbench_run_finished",
    ]
    assert lifecycle.count("genbench_job_started") == 1
    progress = [values for name, values in recorded.calls if name == "genbench_job_progress"]
    assert {values["phase"] for values in progress} >= {"load", "build", "train", "sample", "score"}
    fractions = [values["fraction"] for values in progress]
    assert fractions == sorted(fractions)  # a new phase does not set it back
    assert fractions[-1] == 1.0
    points = [values["point"] for name, values in recorded.calls if name == "genbench_job_checkpoint"]
    result = next(values["result"] for name, values in recorded.calls if name == "genbench_job_finished")
    assert result.status == "ok"
    assert points == result.curve


def test_the_built_in_registry_has_no_problems() -> None:
    registry = load_registry()
    assert registry.problems() == []
    assert registry.executors["local"].factory == f"{LocalExecutor.__module__}:LocalExecutor"
