"""A job in stages: what a model changes in one process, or keeps to itself there, does not reach the next."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import extra_metrics
import msgspec
import pytest
import torch
from jobs import make_task
from safetensors.torch import load_file

from genbench.api.cards import MetricCard
from genbench.execution.stages.state_files import load_state, save_state, state_hash
from genbench.execution.worker import run_task
from genbench.metrics.cards import METRIC_CARDS
from genbench.records.result import MetricValue, Result
from genbench.records.task import Message, Task

Execute = Callable[..., list[Result]]
FACTORIES = (
    "genbench.metrics.frechet:score_frechet",
    "genbench.metrics.sliced_wasserstein:score_sliced_wasserstein",
)
FEATURE_CARDS = [card for card in METRIC_CARDS if card.factory in FACTORIES]
MODULES = MetricCard(
    name="model_modules",
    summary="how many modules with models are loaded where the samples are scored",
    unit="modules",
    better="neither",
    group="quality",
    modalities=("points",),
    factory="extra_metrics:count_model_modules",
)


def task_of(model: str, folder: Path, module: str = "reaching_models", **changes: object) -> Task:
    task = make_task(model, folder, **changes)
    return msgspec.structs.replace(task, model_factory=f"{module}:{model}", metrics=FEATURE_CARDS)


@pytest.fixture
def good(execute: Execute, tmp_path: Path) -> list[MetricValue]:
    """The metrics of a model that keeps to its own."""
    (result,) = execute(task_of("Good", tmp_path, "hostile_models"))
    assert result.status == "ok", result.reason
    assert len(result.metrics) == len(FEATURE_CARDS) > 1
    assert all(metric.value is not None for metric in result.metrics)
    return result.metrics


@pytest.mark.parametrize(
    ("module", "model"),
    [("reaching_models", "PatchesTheHarness"), ("reaching_models", "WantsDoublesInFit")],
)
def test_what_fit_changes_in_its_process_changes_no_metric(
    execute: Execute, tmp_path: Path, good: list[MetricValue], module: str, model: str
) -> None:
    (result,) = execute(task_of(model, tmp_path, module))
    assert result.status == "ok", result.reason
    assert result.metrics == good


def test_a_default_type_that_is_set_at_import_loses_no_metric(execute: Execute, tmp_path: Path) -> None:
    (result,) = execute(task_of("WantsDoubles", tmp_path, "double_at_import"))
    assert result.status == "ok", result.reason
    assert [metric.name for metric in result.metrics] == [card.name for card in FEATURE_CARDS]
    assert all(metric.value is not None for metric in result.metrics), [m.note for m in result.metrics]
    checkpoints = [metric for point in result.curve for metric in point.metrics]
    assert checkpoints
    assert all(metric.value is not None for metric in checkpoints), [m.note for m in checkpoints]


def test_metrics_are_computed_where_no_model_is_loaded(execute: Execute, tmp_path: Path) -> None:
    task = msgspec.structs.replace(task_of("PatchesTheHarness", tmp_path), metrics=[MODULES])
    (result,) = execute(task)
    assert [metric.value for metric in result.metrics] == [0.0]
    # in one process, which is what an executor gets that runs whole jobs
    outcome = run_task(msgspec.structs.replace(task_of("Good", tmp_path), metrics=[MODULES]))
    assert outcome.status == "ok", outcome.reason
    assert [metric.value for metric in outcome.metrics] == [float("reaching_models" in sys.modules)] == [1.0]


def test_state_that_is_not_in_state_dict_is_missing_when_samples_are_drawn(
    execute: Execute, tmp_path: Path
) -> None:
    (result,) = execute(task_of("RemembersElsewhere", tmp_path))
    assert result.status == "ok", result.reason
    samples = load_file(tmp_path / "jobs" / result.id / "samples.safetensors")["samples"]
    assert samples.abs().max() < 20  # a shift of 100 was learned


def test_every_tensor_of_a_state_is_handed_on(execute: Execute, tmp_path: Path) -> None:
    (result,) = execute(task_of("HasHalfPrecision", tmp_path))
    assert result.status == "ok", result.reason
    samples = load_file(tmp_path / "jobs" / result.id / "samples.safetensors")["samples"]
    assert samples.mean() == pytest.approx(1.5 + 21 + 2, abs=1)
    assert result.warnings == []


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (
            "GrowsWhileItTrains",
            "a fresh instance cannot load the state_dict; keep what is learned in parameters",
        ),
        ("SavesText", "state_dict holds dict as '_extra_state', expected nothing but tensors"),
    ],
)
def test_a_state_that_does_not_make_the_model_is_a_plugin_error(
    execute: Execute, tmp_path: Path, model: str, reason: str
) -> None:
    (result,) = execute(task_of(model, tmp_path))
    assert (result.status, result.metrics) == ("plugin_error", [])
    assert reason in (result.reason or "")
    assert "\n" not in (result.reason or "")
    if model == "GrowsWhileItTrains":  # the training is known
        assert len(result.curve) == 5
        assert result.cost.steps == 50
        assert "extra" in (result.reason or "")


@pytest.mark.parametrize(
    ("model", "warning"),
    [
        ("LearnsWhileItSamples", "the model's state changed while it sampled"),
        ("LearnsWhileItIsAsked", "the model's state changed while its likelihood was computed"),
        ("ChangesItsStateDict", "what the model's state_dict returns changes from one call to the next"),
        ("Good", None),
    ],
)
def test_a_state_that_changes_outside_fit_is_marked(
    execute: Execute, tmp_path: Path, model: str, warning: str | None
) -> None:
    (result,) = execute(task_of(model, tmp_path))
    assert result.status == "ok", result.reason
    marks = [line for line in result.warnings if "state" in line]
    assert (warning in marks) == (warning is not None)
    assert bool(marks) == (warning is not None)


def test_the_process_that_trains_holds_no_test_example(execute: Execute, tmp_path: Path) -> None:
    for _ in ("built", "read from the cache"):
        (result,) = execute(task_of("SearchesForTheTestSplit", tmp_path))
        assert result.status == "ok", result.reason
        losses = result.curve[-1].losses
        assert losses["train"] > 0
        assert losses["valid"] > 0
        assert losses["test"] == 0


def test_stages_leave_nothing_but_the_jobs_files(execute: Execute, tmp_path: Path) -> None:
    ok, failed = execute(task_of("Good", tmp_path, "hostile_models"), task_of("GrowsWhileItTrains", tmp_path))
    for result in (ok, failed):
        left = {path.name for path in (tmp_path / "jobs" / result.id).rglob("*") if path.is_file()}
        assert left <= {"log.txt", "samples.safetensors"}
    outcome = run_task(task_of("Good", tmp_path, "hostile_models", seed=3))
    assert outcome.status == "ok"
    assert not list((tmp_path / "jobs").rglob("stages-*"))


def test_a_job_in_one_process_finds_what_a_job_in_three_does(
    execute: Execute, tmp_path: Path, good: list[MetricValue]
) -> None:
    outcome = run_task(task_of("Good", tmp_path, "hostile_models"))
    assert outcome.status == "ok", outcome.reason
    assert outcome.metrics == good
    assert outcome.cost.sample_seconds is not None
    assert outcome.cost.steps == 50


def test_messages_of_all_stages_make_one_job(execute: Execute, tmp_path: Path) -> None:
    messages: list[Message] = []
    (result,) = execute(task_of("Good", tmp_path, "hostile_models"), messages=messages)
    assert [message.kind for message in messages].count("done") == 1
    assert messages[-1].kind == "done"
    curves = [len(message.outcome.curve) for message in messages if message.outcome is not None]
    assert curves == sorted(curves)
    assert curves[-1] == len(result.curve) == 5
    assert {"start", "load", "build", "train", "sample", "score"} <= set(result.cost.wall_seconds_by_phase)


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    state = {
        "weight": torch.randn(3, 2),
        "half": torch.randn(2, 2).bfloat16(),
        "one": torch.tensor(1.5, dtype=torch.bfloat16),
        "steps": torch.tensor(3),
        "flags": torch.tensor([True, False, True]),
        "turned": torch.randn(4, 3).T,
        "complex": torch.randn(2, dtype=torch.complex128).conj(),
        "empty": torch.zeros(0, 3, dtype=torch.bfloat16),
    }
    save_state(state, tmp_path / "state.safetensors")
    read = load_state(tmp_path / "state.safetensors")
    assert read.keys() == state.keys()
    for name, value in state.items():
        assert read[name].dtype == value.dtype
        assert torch.equal(read[name], value), name
    assert state_hash(read) == state_hash(state)
    for changed in ({**state, "one": state["one"] + 1}, {**state, "steps": state["steps"].int()}):
        assert state_hash(changed) != state_hash(state)


def test_a_metric_that_misbehaves_costs_its_own_value(
    execute: Execute, tmp_path: Path, good: list[MetricValue]
) -> None:
    strange = [
        extra_metrics.NEGATIVE,
        extra_metrics.RAISING,
        extra_metrics.LEAVING,
        extra_metrics.UNANNOUNCED,
    ]
    task = task_of("Good", tmp_path, "hostile_models")
    versions = {"extra_metrics:negative": "1a2b"}
    task = msgspec.structs.replace(task, metrics=[*strange, *FEATURE_CARDS], metric_versions=versions)
    (result,) = execute(task)
    assert result.status == "ok", result.reason
    assert {metric.name: (metric.value, metric.note) for metric in result.metrics[:4]} == {
        "negative_distance": (None, "came out as -1.5, less than 0, which is impossible"),
        "raising": (None, "RuntimeError: no mean of 16 samples today"),
        "leaving": (None, "SystemExit: 3"),
        "announced": (None, "the factory returned 'surprise', which no card announces"),
    }
    assert result.metrics[4:] == good
    assert [metric.version for metric in result.metrics] == ["1a2b", *[None] * (3 + len(good))]
