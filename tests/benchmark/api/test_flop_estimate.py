"""FLOPs from counts of some steps: within a tenth where steps differ, and cheap where they do not."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

import pytest
import torch
from torch import nn

from genbench.api.budget import Budget
from genbench.api.compute_meter import ComputeMeter
from genbench.api.data import Split
from genbench.api.flop_estimate import FlopEstimate
from genbench.api.spec import DataSpec

LENGTHS = [100, 500, 2000, 20_000]


def estimated(costs: Iterable[float], period: int = 1) -> tuple[float, int]:
    """The sum for steps of these costs, and how many of them were counted."""
    estimate, total, counted = FlopEstimate(period), 0.0, 0
    for cost in costs:
        if estimate.uncounted_left:
            total += estimate.skip()
        else:
            total += estimate.count(cost)
            counted += 1
    return total, counted


def error(costs: list[float], period: int = 1) -> float:
    return estimated(costs, period)[0] / sum(costs) - 1


@pytest.mark.parametrize("steps", LENGTHS)
def test_equal_steps_are_counted_rarely_and_summed_exactly(steps: int) -> None:
    total, counted = estimated([3.0] * steps)
    assert total == 3.0 * steps
    assert counted <= {100: 45, 500: 80, 2000: 110, 20_000: 450}[steps]


@pytest.mark.parametrize("steps", LENGTHS)
@pytest.mark.parametrize("until", [0.05, 0.3, 1.0])
def test_a_warm_up_is_followed(steps: int, until: float) -> None:
    assert abs(error([1 + 49 * min(1.0, step / (until * steps)) for step in range(steps)])) < 0.1


@pytest.mark.parametrize("steps", LENGTHS)
@pytest.mark.parametrize("at", [0.1, 0.37, 0.5, 0.8])
@pytest.mark.parametrize(("before", "after"), [(1.0, 50.0), (50.0, 1.0)])
def test_a_jump_is_found_soon(steps: int, at: float, before: float, after: float) -> None:
    assert abs(error([before if step < at * steps else after for step in range(steps)])) < 0.1


@pytest.mark.parametrize("steps", LENGTHS)
@pytest.mark.parametrize("period", [2, 3, 5, 8, 16])
@pytest.mark.parametrize("declared", [True, False])
def test_alternation_is_exact_and_cheap(steps: int, period: int, declared: bool) -> None:
    costs = [50.0 if step % period == period - 1 else 1.0 for step in range(steps)]
    total, counted = estimated(costs, period if declared else 1)
    assert total == pytest.approx(sum(costs))
    assert counted <= estimated([1.0] * steps)[1] + 48


@pytest.mark.parametrize("steps", LENGTHS)
def test_inner_loops_of_changing_length_are_averaged(steps: int) -> None:
    errors = []
    for seed in range(20):
        chance = random.Random(seed)
        errors.append(error([float(chance.randint(1, 10)) for _ in range(steps)]))
    assert sum(abs(each) > 0.1 for each in errors) == 0
    assert sum(abs(each) > 0.06 for each in errors) <= 2  # two standard errors


def test_a_second_loop_is_counted_from_its_first_step_and_not_one_loop_per_step() -> None:
    estimate = FlopEstimate()
    total = 0.0
    for cost, steps in ((1.0, 300), (50.0, 40)):
        estimate.restart()
        assert estimate.uncounted_left == 0
        for _ in range(steps):
            total += estimate.skip() if estimate.uncounted_left else estimate.count(cost)
    assert total == pytest.approx(300 + 40 * 50, rel=0.03)
    counted = 0
    for _ in range(3200):
        estimate.restart()
        counted += estimate.uncounted_left == 0
        total += estimate.skip() if estimate.uncounted_left else estimate.count(50.0)
    assert counted < 250


def test_equal_trainings_get_equal_counts() -> None:
    chance = random.Random(0)
    costs = [float(chance.randint(1, 10)) for _ in range(3000)]
    assert estimated(costs) == estimated(costs)


# ---- the same through the meter, with networks

SPEC = DataSpec(name="numbers", modality="points", event_shape=(1,))
DATA = Split(SPEC, torch.arange(64, dtype=torch.float32).unsqueeze(1))
SMALL, LARGE = nn.Linear(1, 2), nn.Linear(1, 100)
STEPS = 400


def warm_up(step: int) -> Iterable[nn.Linear]:
    return [LARGE] if step > 60 else [SMALL]


def alternating(step: int) -> Iterable[nn.Linear]:
    return [LARGE] if step % 6 == 5 else [SMALL]


def adaptive(step: int) -> Iterable[nn.Linear]:
    return [LARGE] * (1 + (step * step) % 7)


@pytest.mark.parametrize("networks", [warm_up, alternating, adaptive])
def test_the_meter_is_within_a_tenth(networks: Callable[[int], Iterable[nn.Linear]]) -> None:
    meter = ComputeMeter(Budget(steps=STEPS))
    true = 0.0
    for step, batch in enumerate(meter.batches(DATA, 4)):
        for network in networks(step):
            network(batch.x)
            true += 2 * 4 * network.out_features
    assert meter.finish().flops == pytest.approx(true, rel=0.1)


def test_a_second_stage_has_a_price_of_its_own() -> None:
    meter = ComputeMeter(Budget(steps=STEPS))
    for batch in meter.batches(DATA, 4, until=0.5):
        SMALL(batch.x)
    for batch in meter.batches(DATA, 4):
        LARGE(batch.x)
    assert meter.finish().flops == pytest.approx(STEPS / 2 * 2 * 4 * (2 + 100), rel=0.03)


def test_a_budget_of_flops_ends_where_steps_become_dear() -> None:
    meter = ComputeMeter(Budget(flops=1e6))
    true, step = 0.0, 0
    for step, batch in enumerate(meter.batches(DATA, 4)):
        network = SMALL if step < 500 else LARGE
        network(batch.x)
        true += 2 * 4 * network.out_features
    assert true == pytest.approx(1e6, rel=0.1)
    assert meter.bound_by() == "flops"
