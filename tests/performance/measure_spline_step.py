"""A training step of the spline flow on points over that of the same flow by the library zuko, which it replaced.

    python tests/performance/measure_spline_step.py

A program of its own, so that the type checks of the test session are not measured with it. Both steps are timed in
turns, and the best of each counts. Prints the ratio of their times and the operations of torch in each, as JSON.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import torch
import zuko
from torch import Tensor, nn
from torch.profiler import profile

from genbench import DataSpec
from genbench_models.flow.spline_flow import NeuralSplineFlow

SIZES = {"bins": 8, "transforms": 3}
REPEATS, STEPS = 11, 20


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


def main() -> None:
    torch.set_num_threads(1)
    spec = DataSpec(name="p", modality="points", event_shape=(2,))
    ours = NeuralSplineFlow(spec, hidden=64, layers=2, **SIZES)
    library = zuko.flows.NSF(2, hidden_features=(64, 64), passes=2, **SIZES)
    mine = step_of(ours.log_prob_of_vectors, ours)
    theirs = step_of(lambda x: library().log_prob(x), library)
    times = [(milliseconds(mine), milliseconds(theirs)) for _ in range(REPEATS)]
    ratio = min(mine for mine, _ in times) / min(theirs for _, theirs in times)
    print(json.dumps({"ratio": ratio, "operations": [operations(mine), operations(theirs)]}))


if __name__ == "__main__":
    main()
