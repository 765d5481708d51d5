"""A metric that ends its process, at a checkpoint of the training or at the end, costs its own value and no job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import extra_metrics
import msgspec
import pytest
from jobs import make_task

from genbench.records.result import Result

Execute = Callable[..., list[Result]]


@pytest.mark.parametrize("factory", ["exit_at_once", "crash"])
def test_a_metric_that_ends_the_training_process_at_a_checkpoint_is_left_out(
    execute: Execute, tmp_path: Path, factory: str
) -> None:
    cards = [extra_metrics.card("fatal", factory), extra_metrics.CARD]
    task = msgspec.structs.replace(make_task("Good", tmp_path, ranking="fatal"), metrics=cards)
    (result,) = execute(task)
    assert (result.status, result.reason) == ("ok", None)
    found = {metric.name: metric for metric in result.metrics}
    assert found["fatal"].value is None
    assert "checkpoint" in (found["fatal"].note or "")
    assert found["sample_mean"].value is not None
    assert result.cost.steps == 50
    assert all(
        metric.value is None for point in result.curve for metric in point.metrics if metric.name == "fatal"
    )
    log = (tmp_path / "jobs" / task.job.id / "log.txt").read_text()
    assert log.count("its metrics are left out") == 1
