"""A training step of the spline flow on points over that of the same flow by the library zuko, which it replaced."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import torch
import zuko
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor, nn
from torch.profiler import profile

from genbench import DataSpec
from genbench_models.flow.spline_flow import NeuralSplineFlow

SIZES = {"bins": 8, "transforms": 3}
REPEATS, STEPS = 11, 5


def step_of(log_prob: Callable[[Tensor], Tensor], network: nn.Module) -> Callable[[], None]:
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    x = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))

    def step() -> None:
        loss = -log_prob(x).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def milliseconds(step: Callable[[], None]) -> float:
    began = time.process_time()
    for _ in range(STEPS):
        step()
    return 1000 * (time.process_time() - began) / STEPS


def operations(step: Callable[[], None]) -> int:
    with profile() as profiled:
        step()
    return sum(event.count for event in profiled.key_averages() if event.key.startswith("aten::"))


@pytest.mark.benchmark(group="training step")
def test_a_step_on_points_is_faster_than_the_librarys(benchmark: BenchmarkFixture) -> None:
    torch.set_num_threads(1)
    ours = NeuralSplineFlow(
        DataSpec(name="p", modality="points", event_shape=(2,)), hidden=64, layers=2, **SIZES
    )
    library = zuko.flows.NSF(2, hidden_features=(64, 64), passes=2, **SIZES)
    mine = step_of(ours.log_prob_of_vectors, ours)
    theirs = step_of(lambda x: library().log_prob(x), library)
    times: dict[str, list[float]] = {"mine": [], "theirs": []}

    def measure() -> None:
        """In turns: other work on the machine slows both."""
        for _ in range(REPEATS):
            times["mine"].append(milliseconds(mine))
            times["theirs"].append(milliseconds(theirs))

    benchmark.pedantic(measure, rounds=1)
    ratio = min(times["mine"]) / min(times["theirs"])
    counts = operations(mine), operations(theirs)
    benchmark.extra_info.update(ratio=ratio, operations=counts)
    print(f"spline-flow: {ratio:.3f} of the library's step, {counts[0]} operations for {counts[1]}")
    assert ratio < 1.0  # a guard; docs/models-at-their-best.md has what was measured, and the aim
    assert counts[0] < 0.5 * counts[1]
