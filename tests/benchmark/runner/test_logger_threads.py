"""Loggers: chosen before a run, called in a thread of their own, and unable to stop the run."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path

import msgspec
import own_loggers
import pluggy
import pytest
from jobs import TINY, VALUES, make_job

from genbench.api.cards import ExecutorCard, LoggerCard, ModelCard
from genbench.errors import UnknownNameError, UsageError
from genbench.plugin import hookspecs
from genbench.plugin.discovery import load_registry
from genbench.plugin.registry import Registry
from genbench.records.result import CurvePoint, Result
from genbench.records.run_folder import Plan, Run
from genbench.records.task import Message
from genbench.runner.logger_threads import LoggerThread, choose_loggers, logging_to
from genbench.runner.run_benchmark import Execution, run_benchmark


def logger_card(name: str, factory: str, **fields: object) -> LoggerCard:
    base: dict[str, object] = {"summary": "", "target": "PLACE", "factory": f"own_loggers:{factory}"}
    return LoggerCard(name=name, **{**base, **fields})  # type: ignore[arg-type]


@pytest.fixture
def registry() -> Registry:
    """One model, one data set, no plugin that prints; loggers of our own."""
    loggers = [
        logger_card("remembering", "open_remembering"),
        logger_card("failing", "open_failing"),
        logger_card("refusing", "refuse"),
        logger_card("absent", "open", packages=("json", "not_there.at_all"), install="some[thing]"),
    ]
    known = load_registry().extended(
        models=[
            ModelCard(
                name="Good",
                family="baseline",
                summary="",
                factory="hostile_models:Good",
                modalities=("points",),
            )
        ],
        datasets=[TINY],
    )
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return dataclasses.replace(
        known,
        hook=manager.hook,
        metrics={},
        extractors={VALUES.name: msgspec.structs.replace(VALUES, default_for=("points",))},
        executors={
            "local": ExecutorCard(
                name="local", summary="", factory="genbench.execution.local_executor:LocalExecutor"
            )
        },
        loggers={card.name: card for card in loggers},
        _listeners=[],
    )


class Silent:
    def message(self, job: object, message: Message) -> None: ...

    def finished(self, job: object, result: Result) -> None: ...

    def close(self) -> None: ...


def test_a_run_goes_on_when_a_logger_fails_and_the_others_hear_all_of_it(
    registry: Registry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = make_job("Good", budget="60steps")
    run = Run.create(tmp_path / "run", Plan(suite="s", jobs=[job]))
    own_loggers.OPENED.clear()
    chosen = choose_loggers(["failing:there", "remembering"], registry)
    with logging_to(chosen, run, registry):
        run_benchmark(run, [job], registry, Execution(), {}, Silent())
    result = run.result(job)
    assert result is not None
    assert result.status == "ok"
    (_, target, failing), (_, nowhere, remembering) = own_loggers.OPENED
    assert (target, nowhere) == ("there", None)
    names = [name for name, _ in remembering.calls]
    assert names[0] == "job_started"
    assert names[-2:] == ["job_finished", "close"]
    assert [arguments[1] for name, arguments in remembering.calls if name == "job_checkpoint"] == result.curve
    assert remembering.calls[-2][1] == (job, result)
    assert remembering.threads == {"logger remembering"}
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning == (
        "logger failing failed and is no longer used; the run goes on: ConnectionError: the server is away"
    )
    assert [name for name, _ in failing.calls if name != "job_progress"] == [
        "job_started",
        "job_checkpoint",
        "close",
    ]
    registry.tell("genbench_job_started", job=job)  # no logger is called any more
    assert remembering.calls[-1][0] == "close"


def test_what_cannot_be_used_is_reported_before_anything_runs(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown logger 'failling'; did you mean 'failing'"):
        choose_loggers(["failling"], registry)
    with pytest.raises(UsageError, match=r"nothing follows the colon; expected failing:PLACE"):
        choose_loggers(["failing:"], registry)
    with pytest.raises(
        UsageError,
        match=r'^--log absent needs not_there.at_all, which is not installed: python -m pip install "some\[thing\]"$',
    ):
        choose_loggers(["absent"], registry)
    run = Run.create(tmp_path / "run", Plan(suite="s", jobs=[]))
    with (
        pytest.raises(UsageError, match="--log refusing: no such place: there"),
        logging_to(choose_loggers(["refusing:there"], registry), run, registry),
    ):
        pytest.fail("nothing may run")


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb"])
def test_a_missing_extra_is_one_line_with_the_command(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=rf'pip install "genbench\[{name}\]"$'):
        choose_loggers([name], load_registry())


def test_a_logger_that_hangs_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    job = make_job("Good")
    hanging = own_loggers.Hanging()
    thread = LoggerThread("slow", hanging)
    thread.genbench_job_started(job)
    thread.genbench_job_finished(job, Result(id=job.id, status="ok", job=job))
    thread.ask_to_close()
    began = time.monotonic()
    thread.wait(0.2)
    assert time.monotonic() - began < 5
    hanging.release.set()
    assert "logger slow did not end in time" in caplog.text


def test_losses_are_passed_on_at_a_measured_pace_and_checkpoints_always() -> None:
    job = make_job("Good")
    remembering = own_loggers.Remembering()
    thread = LoggerThread("patient", remembering)
    point = CurvePoint(fraction=0.1, seconds=1.0, steps=1, examples=1, flops=1.0)
    for index in range(50):
        thread.genbench_job_progress(job, "train", index / 50, {"loss": 1.0})
        thread.genbench_job_progress(job, "score", 1.0, {"loss": 1.0})
        thread.genbench_job_checkpoint(job, point)
    thread.ask_to_close()
    thread.wait(10)
    names = [name for name, _ in remembering.calls]
    assert names.count("job_checkpoint") == 50
    assert 1 <= names.count("job_progress") <= 3
    assert remembering.calls[0] == ("job_progress", (job, 0.0, {"loss": 1.0}))
