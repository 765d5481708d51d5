"""What a search found, as curves over the number of trials, against enumeration."""

from __future__ import annotations

import itertools
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench.records.job import Job
from genbench.records.result import Cost, CurvePoint, Result, Tuned, TuningCost
from genbench.records.tuned import best_by_trials, best_so_far, expected_best, search_cost

NOTHING = TuningCost(trainings=0, cpu_seconds=0, seconds=0, steps=0, flops=0)


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=7), st.sampled_from(["lower", "higher"]))
def test_the_expected_best_is_the_mean_over_all_subsets(values: list[float], better: str) -> None:
    best = max if better == "higher" else min
    for count, found in enumerate(expected_best(values, better), start=1):  # type: ignore[arg-type]
        subsets = [best(subset) for subset in itertools.combinations(values, count)]
        assert found == pytest.approx(statistics.fmean(subsets), abs=1e-9)


def test_a_failed_trial_is_the_worst() -> None:
    assert expected_best([1.0, None, 3.0], "lower") == [None, pytest.approx(5 / 3), 1.0]
    assert expected_best([None, None], "lower") == [None, None]


def test_the_best_so_far_goes_with_the_order() -> None:
    assert best_so_far([None, 3.0, 5.0, 2.0], "lower") == [None, 3.0, 3.0, 2.0]
    assert best_so_far([1.0, 3.0, 2.0], "higher") == [1.0, 3.0, 3.0]


def test_several_studies_give_their_median() -> None:
    values = [[5.0, 4.0], [3.0, 1.0], [9.0, None]]
    assert best_by_trials(_tuned("tpe", values)) == [5.0, 4.0]
    assert best_by_trials(_tuned("random", values[:1])) == [4.5, 4.0]


def test_a_training_that_broke_off_counts_with_its_last_checkpoint() -> None:
    job = Job(
        model="m", family="vae", model_version="1", variant="m", hyperparameters={}, dataset="d",
        dataset_version="1", budget="9steps", sampling_seconds=1.0, samples=2, importance_samples=1, seed=0,
        device="cpu", threads=1,
    )  # fmt: skip
    point = CurvePoint(fraction=0.5, seconds=2.0, cpu_seconds=1.5, steps=4, examples=8, flops=10.0)
    whole = Cost(train_seconds=3.0, train_cpu_seconds=2.5, steps=9, flops=20.0)
    results = [
        Result(id="1", status="ok", job=job, curve=[point], cost=whole),
        Result(id="2", status="killed", job=job, curve=[point]),
        Result(id="3", status="killed", job=job),
    ]
    assert search_cost(results) == TuningCost(trainings=3, cpu_seconds=4.0, seconds=5.0, steps=13, flops=30.0)


def _tuned(sampler: str, values: list[list[float | None]]) -> Tuned:
    return Tuned(
        model="m", variant="m:a=1", dataset="d", trials=2, sampler=sampler, budget="9steps", metric="f",
        better="lower", value=1.0, values=values, cost=NOTHING,
    )  # fmt: skip
