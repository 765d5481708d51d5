"""Models whose cost on a GPU is known beforehand. Loaded by real workers."""

from __future__ import annotations

import os

import torch
from hostile_models import Good

from genbench import ComputeMeter, DataSpec, Split

HELD_BYTES = 256 * 2**20
SIDE = 4096
QUEUED = 64  # products a step: some hundredths of a second of work, handed over in a thousandth


class OnGpu(Good):
    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        noise = torch.randn((count, *self.spec.event_shape), generator=generator, device=self.device)
        return self.mean.detach() + noise


class HoldsMemory(OnGpu):
    """HELD_BYTES while it trains, and half of that while it samples."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        held = torch.ones(HELD_BYTES // 4, device=self.device)
        super().fit(train, meter)
        del held

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        held = torch.zeros(HELD_BYTES // 8, device=self.device)
        return super().sample(count, generator) + held[0]


class QueuesWork(OnGpu):
    """Every step hands the device more than it can do meanwhile: only a clock that waits sees what it costs."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        a = torch.randn(SIDE, SIDE, device=self.device) / SIDE**0.5
        for _ in meter.batches(train, batch_size=8):
            for _ in range(QUEUED):
                a = a @ a
                a /= a.norm()
            meter.log(loss=a[0, 0])


class FillsTheGpu(OnGpu):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        held = [
            torch.empty(2**33, dtype=torch.uint8, device=self.device)
            for _ in meter.batches(train, batch_size=8)
        ]
        del held


class PrintsItsMask(Good):
    """Which GPUs it may use, which every process of a job must see before CUDA starts."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        print("mask", os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
