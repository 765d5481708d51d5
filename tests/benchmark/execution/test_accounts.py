"""The accounts of a job: what it cost is charged, whatever part of the model did the work."""

from __future__ import annotations

from pathlib import Path

from jobs import make_task

from genbench.api.compute_meter import NO_FLOPS, UNCHARGED
from genbench.execution.worker import run_task
from genbench.records.task import Outcome


def outcome_of(model: str, folder: Path, budget: str) -> Outcome:
    task = make_task(model, folder, budget=budget)
    Path(task.samples_path).parent.mkdir(parents=True)
    return run_task(task)


def test_work_in_the_constructor_is_training(tmp_path: Path) -> None:
    outcome = outcome_of("WorksWhereItIsBuilt", tmp_path, "0.2s")
    cost = outcome.cost
    assert (outcome.status, cost.steps, cost.bound_by) == ("ok", 1, "seconds")
    assert cost.construction_seconds is not None
    assert cost.train_seconds is not None
    assert 0.5 <= cost.construction_seconds <= cost.train_seconds
    assert cost.budget_overrun is not None
    assert cost.budget_overrun >= 1.5  # 0.5 s of 0.2
    assert outcome.curve[0].seconds >= 0.5


def test_a_fit_that_charges_nothing_is_an_error_of_the_plugin(tmp_path: Path) -> None:
    outcome = outcome_of("TrainsInALoopOfItsOwn", tmp_path, "100steps")
    assert (outcome.status, outcome.reason) == ("plugin_error", UNCHARGED)


def test_time_outside_of_batches_is_recorded_and_told(tmp_path: Path) -> None:
    outcome = outcome_of("TrainsBesidesItsBatches", tmp_path, "10steps")
    assert outcome.status == "ok"
    assert outcome.cost.outside_batches_seconds is not None
    assert outcome.cost.outside_batches_seconds >= 1.3
    assert outcome.cost.budget_overrun == 0.0
    (warning,) = outcome.warnings
    assert "lie outside of meter.batches, where its budget of 10steps limits nothing" in warning


def test_an_ordinary_model_has_nothing_to_be_told(tmp_path: Path) -> None:
    outcome = outcome_of("Good", tmp_path, "10steps")
    assert (outcome.status, outcome.warnings, outcome.cost.budget_overrun) == ("ok", [], 0.0)


def test_a_budget_of_flops_ends_a_model_without_any(tmp_path: Path) -> None:
    outcome = outcome_of("AddsNumbersUp", tmp_path, "1e9flops")
    assert (outcome.status, outcome.reason) == ("plugin_error", NO_FLOPS)
