"""Mistakes with which a job would end as if all were well: the record says what is wrong and what to do."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from jobs import make_task

from genbench.execution.worker import run_task
from genbench.records.task import Outcome, Task


def task_of(model: str, folder: Path) -> Task:
    task = make_task(model, folder)
    return msgspec.structs.replace(
        task, model_factory=f"mistaken_models:{model}", metrics=[], capabilities=()
    )


def outcome_of(model: str, folder: Path) -> Outcome:
    outcome = run_task(task_of(model, folder))
    assert outcome.status == "ok", outcome.reason
    return outcome


def test_nothing_is_said_of_a_model_without_a_mistake(tmp_path: Path) -> None:
    assert outcome_of("Careful", tmp_path).warnings == []


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("Forgetful", "training changed mean, neither parameter nor buffer"),
        ("Wilful", "the same generator gave other samples: pass `generator=generator`"),
    ],
)
def test_the_mistake_and_what_to_do_are_said_in_one_line(model: str, said: str, tmp_path: Path) -> None:
    (warning,) = outcome_of(model, tmp_path).warnings
    assert warning.startswith(said)
    assert "\n" not in warning


def test_a_capability_that_the_class_lacks_fails_the_job(tmp_path: Path) -> None:
    announced = msgspec.structs.replace(
        task_of("Careful", tmp_path), capabilities=("sample", "log_prob", "complete")
    )
    outcome = run_task(announced)
    assert outcome.status == "plugin_error"
    assert "the card announces complete, log_prob, for which Careful has no methods" in (outcome.reason or "")
