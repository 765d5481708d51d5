"""The checkpoint that is reported is the best on the validation split, by a metric that sees the difference."""

from __future__ import annotations

from pathlib import Path

import msgspec
from blurring_models import RING
from jobs import TINY, make_task

from genbench.execution.worker import run_task


def test_for_points_a_heap_with_the_right_covariance_is_not_chosen(tmp_path: Path) -> None:
    card = msgspec.structs.replace(
        TINY, spec=RING, sizes=(400, 400, 400), factory="blurring_models:ring_dataset"
    )
    task = make_task("HeapThenRing", tmp_path, card, samples=400)
    outcome = run_task(msgspec.structs.replace(task, model_factory="blurring_models:HeapThenRing"))
    early, late = outcome.curve[0], outcome.curve[-1]
    figures = [{figure.name: figure.value for figure in point.metrics} for point in (early, late)]
    assert figures[0]["frechet_distance"] < figures[1]["frechet_distance"]
    assert figures[0]["sliced_wasserstein"] > figures[1]["sliced_wasserstein"]
    assert [figure.name for figure in early.metrics] == ["sliced_wasserstein", "frechet_distance"]
    assert outcome.selected_fraction is not None
    assert outcome.selected_fraction > 0.4
