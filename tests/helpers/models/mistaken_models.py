"""Models with the mistakes that authors make most, and that let a job end as if all were well."""

from __future__ import annotations

import torch

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split


class Careful(GenerativeModel):
    """A normal distribution around the mean of the last batch."""

    mean: torch.Tensor

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        self.register_buffer("mean", torch.zeros(spec.event_shape))

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        for batch in meter.batches(train, batch_size=16):
            self.mean = batch.x.mean(0)

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        return self.mean + torch.randn(count, *self.spec.event_shape, generator=generator)


class Forgetful(Careful):
    """Keeps the mean where no state has it."""

    def __init__(self, spec: DataSpec) -> None:
        GenerativeModel.__init__(self, spec)
        self.mean = torch.zeros(spec.event_shape)


class Wilful(Careful):
    """Takes its noise from elsewhere."""

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        return self.mean + torch.randn(count, *self.spec.event_shape)
