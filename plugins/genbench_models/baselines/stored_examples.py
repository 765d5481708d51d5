"""What `held-out` and `copier` share: a model that is a set of real examples."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.api import storage_dtype, working_dtype
from genbench_models.layers.data_buffers import DataBuffers

_COMPARED_AT_ONCE = 4096


class StoredExamples(DataBuffers, GenerativeModel):
    """Draws examples without replacement; once every example was drawn, all can be drawn again. Before `fit` there is
    one example, of zeros."""

    sized_by_data = ("examples",)
    examples: Tensor

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        self.register_buffer("examples", torch.zeros((1, *spec.event_shape), dtype=storage_dtype(spec)))

    def store(self, split: Split, meter: ComputeMeter) -> None:
        self.examples = split.x.to(self.device)
        meter.charge(steps=1, examples=len(split))

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape): stored examples in random order."""
        size = len(self.examples)
        passes = -(-count // size)
        order = [torch.randperm(size, generator=generator, device=self.device) for _ in range(passes)]
        return self.examples[torch.cat(order)[:count]].to(working_dtype(self.spec))

    def complete(
        self, x: Shaped[Tensor, "n *event"], mask: Bool[Tensor, "n *event"], generator: torch.Generator
    ) -> Shaped[Tensor, "n *event"]:
        """x with the missing part of the stored example that is nearest in the given part."""
        given = mask.flatten(1).float()
        observed = x.flatten(1).float() * given
        distance = torch.cat(
            [
                given @ some.square().T - 2 * observed @ some.T
                for some in (part.flatten(1).float() for part in self.examples.split(_COMPARED_AT_ONCE))
            ],
            1,
        )  # N, examples: squared distances, up to a term that is the same for all examples
        nearest = self.examples[distance.argmin(1)].to(working_dtype(self.spec))
        return torch.where(mask, x, nearest)
