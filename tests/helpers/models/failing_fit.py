"""A model whose training fails."""

from __future__ import annotations

import torch

from genbench import ComputeMeter, GenerativeModel, Split


class FailsInFit(GenerativeModel):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        for _ in meter.batches(train, 16):
            raise RuntimeError("there is no such feature")

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        return torch.zeros(count, *self.spec.event_shape, dtype=torch.int64)
