"""Prints what `meter.batches` and `meter.log` add to a bare loop, as JSON. A program of its own, so that the
type checks of the test session are not measured with it.

In processor time, which neighbours cannot move much, and under the budget of the suites, whose clock costs most to
read. Steps that are counted for their FLOPs are in it at the price at which a training is charged for them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import torch

from genbench import Batch, Budget, ComputeMeter, DataSpec, Split

STEPS, SIZE, ROUNDS = 2000, 64, 9
SPEC = DataSpec(name="points", modality="points", event_shape=(2,))
DATA = Split(SPEC, torch.randn(10_000, 2, generator=torch.Generator().manual_seed(0)))
NETWORK = torch.nn.Sequential(torch.nn.Linear(2, 32), torch.nn.ReLU(), torch.nn.Linear(32, 2))
OPTIMISER = torch.optim.Adam(NETWORK.parameters())


def train(batch: Batch) -> torch.Tensor:
    """The smallest step that is still one."""
    loss = (NETWORK(batch.x) - batch.x).square().mean()
    OPTIMISER.zero_grad()
    loss.backward()
    OPTIMISER.step()
    return loss


def bare_loop(work: Callable[[Batch], object]) -> float:
    generator, done = torch.Generator().manual_seed(0), 0
    began = time.process_time()
    while True:
        order = torch.randperm(len(DATA), generator=generator)
        for start in range(0, len(DATA) - SIZE + 1, SIZE):
            if done == STEPS:
                return time.process_time() - began
            work(DATA.take(order[start : start + SIZE]))
            done += 1


def metered_loop() -> float:
    meter = ComputeMeter(Budget.parse(f"{STEPS}steps,1cpu-h"))
    loss = torch.zeros(())
    for _ in meter.batches(DATA, SIZE):
        meter.log(loss=loss)
    return meter.finish().cpu_seconds


if __name__ == "__main__":
    torch.set_num_threads(1)
    empty = min(bare_loop(lambda batch: None) for _ in range(ROUNDS))
    metered = min(metered_loop() for _ in range(ROUNDS))
    working = min(bare_loop(train) for _ in range(3))
    print(
        json.dumps(
            {
                "share": (metered - empty) / working,
                "microseconds": (metered - empty) / STEPS * 1e6,
                "step": working / STEPS * 1e6,
            }
        )
    )
