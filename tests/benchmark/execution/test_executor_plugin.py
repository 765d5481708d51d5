"""An executor that a plugin announces: whatever iterable it returns, a run and `score` read it and end it."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import io
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import extra_metrics
import msgspec
import own_executors
import pluggy
import pytest
from jobs import TINY, VALUES
from rich.console import Console

from genbench import hookimpl
from genbench.api.budget import Budget
from genbench.api.cards import ExecutorCard, ModelCard
from genbench.cli.main import run_command_line
from genbench.cli.score import score_command
from genbench.errors import PluginError
from genbench.metrics.cards import METRIC_CARDS
from genbench.plugin import hookspecs
from genbench.plugin.discovery import build_registry
from genbench.plugin.registry import Registry
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.run_folder import Plan, Run
from genbench.records.task import Message
from genbench.runner.planning import Request, make_plan
from genbench.runner.run_benchmark import Execution, run_benchmark
from genbench.runner.suite import Suite

NAMES = (
    "ListIterator",
    "PlainList",
    "Generating",
    "Pooling",
    "NoExecutor",
    "ReturnsNone",
    "StopsEarly",
    "Repeats",
    "YieldsJobs",
)
GOOD = ModelCard(
    name="Good", family="baseline", summary="", factory="hostile_models:Good", modalities=("points",)
)
METRICS = (extra_metrics.CARD, *(card for card in METRIC_CARDS if card.name == TINY.ranking_rule.metric))
SUITE = Suite(
    summary="",
    budget=Budget(steps=20),
    sampling_seconds=5.0,
    seeds=2,
    samples=16,
    importance_samples=1,
    models=("Good",),
    datasets=("tiny",),
    name="own",
)


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    """What a plugin's module announces through its entry point."""
    module = types.ModuleType("plugin_with_executors")

    @hookimpl
    def genbench_executors() -> list[ExecutorCard]:
        return [own_executors.card(name) for name in NAMES]

    module.genbench_executors = genbench_executors  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    entry = importlib.metadata.EntryPoint("own", module.__name__, "genbench")
    announced = build_registry([entry])
    assert announced.problems() == []
    assert set(announced.executors) == {name.lower() for name in NAMES}
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    yield dataclasses.replace(
        announced.extended(models=[GOOD], datasets=[TINY]),
        metrics={card.name: card for card in METRICS},
        extractors={VALUES.name: msgspec.structs.replace(VALUES, default_for=("points",))},
    )
    del sys.modules[module.__name__]


class Interrupting:
    """A watcher; after `at` results it is as if the user had pressed Ctrl-C."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.seen = 0

    def message(self, job: Job, message: Message) -> None: ...

    def finished(self, job: Job, result: Result) -> None:
        self.seen += 1
        if self.seen == self.at:
            raise KeyboardInterrupt

    def close(self) -> None: ...


@pytest.fixture
def planned(registry: Registry, tmp_path: Path) -> Run:
    plan: Plan = make_plan(Request(suite=SUITE), registry, ["test"])
    return Run.create(tmp_path / "run", plan)


def run_with(executor: str, run: Run, registry: Registry, interrupt_at: int | None = None) -> None:
    own_executors.ENDED.clear()
    execution = Execution(executor=executor, workers=2)
    run_benchmark(run, run.plan.jobs, registry, execution, {}, Interrupting(interrupt_at))


@pytest.mark.parametrize(
    ("executor", "ended"),
    [("listiterator", []), ("plainlist", []), ("generating", ["generator"]), ("pooling", ["pool"])],
)
def test_a_run_and_score_read_any_iterable_and_close_what_can_be_closed(
    registry: Registry, planned: Run, executor: str, ended: list[str]
) -> None:
    run_with(executor, planned, registry)
    assert [result.status for result in planned.results()] == ["ok", "ok"]
    assert ended == own_executors.ENDED
    before = [result.metric("sample_mean") for result in planned.results()]
    assert None not in before
    own_executors.ENDED.clear()
    text = io.StringIO()
    code = score_command(planned.folder, (), 1, executor, False, registry, Console(file=text, width=300))
    assert (code, own_executors.ENDED) == (0, ended), text.getvalue()
    assert "2 of 2 jobs scored" in text.getvalue()
    scored = Run.open(planned.folder).results()
    assert [result.metric("sample_mean") for result in scored] == before
    assert all(len(result.provenance["scored"]) == 1 for result in scored)


def test_a_generator_is_closed_when_a_run_is_interrupted_between_two_results(
    registry: Registry, planned: Run
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_with("generating", planned, registry, interrupt_at=1)
    assert own_executors.ENDED == ["generator"]
    assert len(planned.pending()) == 1


@pytest.mark.parametrize(
    ("executor", "message"),
    [
        (
            "noexecutor",
            "executor 'noexecutor': own_executors:NoExecutor returned NoExecutor, which has no method",
        ),
        ("returnsnone", "executor ReturnsNone returned NoneType, expected an iterable of results"),
        ("stopsearly", "executor StopsEarly stopped without a result of 1 of 2 jobs"),
        ("repeats", "executor Repeats yielded a result of job [0-9a-f]{16}, which was not waiting for one"),
        ("yieldsjobs", "executor YieldsJobs yielded Job, expected a Result"),
    ],
)
def test_an_executor_that_breaks_the_contract_is_named(
    registry: Registry, planned: Run, executor: str, message: str
) -> None:
    with pytest.raises(PluginError, match=message):
        run_with(executor, planned, registry)


def test_score_takes_an_executor_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Run.create(tmp_path / "run", Plan(suite="s", jobs=[]))
    assert run_command_line(["score", str(tmp_path / "run"), "--executor", "lokal"]) == 4
    assert "unknown executor 'lokal'; did you mean 'local'?" in capsys.readouterr().err
