"""What `held-out` and `copier` share: a model that is a set of real examples."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.api import check_lengths, storage_dtype, working_dtype
from genbench_models.layers.data_buffers import DataBuffers

_COMPARED_AT_ONCE = 4096
# A sample of a given length is the beginning of one of so many pieces, the shortest that are long enough.
_LIKE_PIECES = 8


class StoredExamples(DataBuffers, GenerativeModel):
    """Draws examples without replacement; once every example was drawn, all can be drawn again. Before `fit` there is
    one example, of zeros.

    A piece of a given length is the beginning of a stored one that is at least as long, and not much longer if there
    is one; where all are shorter, several follow each other.
    """

    sized_by_data = ("examples", "lengths")
    examples: Tensor
    lengths: Tensor

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        self.register_buffer("examples", torch.zeros((1, *spec.event_shape), dtype=storage_dtype(spec)))
        self.register_buffer("lengths", torch.full((1,), spec.event_shape[0]))

    def store(self, split: Split, meter: ComputeMeter) -> None:
        self.examples = split.x.to(self.device)
        of_all = torch.full((len(split),), self.spec.event_shape[0])
        self.lengths = (of_all if split.lengths is None else split.lengths).to(self.device)
        meter.charge(steps=1, examples=len(split))

    def sample(
        self, count: int, generator: torch.Generator, *, lengths: Int[Tensor, " count"] | None = None
    ) -> Tensor:
        """(count, *event_shape): stored examples in random order; with `lengths`, (count, longest, *step_shape)."""
        if lengths is not None:
            return self._pieces(lengths, generator)
        size = len(self.examples)
        passes = -(-count // size)
        order = [torch.randperm(size, generator=generator, device=self.device) for _ in range(passes)]
        return self.examples[torch.cat(order)[:count]].to(working_dtype(self.spec))

    def _pieces(self, lengths: Int[Tensor, " count"], generator: torch.Generator) -> Tensor:
        check_lengths(lengths, len(lengths), self.spec.event_shape[0], self.spec.name)
        drawn = torch.zeros(
            len(lengths),
            int(lengths.max()),
            *self.spec.step_shape,
            dtype=working_dtype(self.spec),
            device=self.device,
        )
        sizes, order = self.lengths.sort(stable=True)
        for row, length in enumerate(lengths.tolist()):
            done = 0
            while done < length:
                long_enough = int(torch.searchsorted(sizes, length - done))
                first, some = (
                    (long_enough, min(_LIKE_PIECES, len(sizes) - long_enough))
                    if long_enough < len(sizes)
                    else (0, len(sizes))
                )
                pick = first + int(torch.randint(some, (), generator=generator, device=self.device))
                part = self.examples[order[pick], : min(int(sizes[pick]), length - done)]
                drawn[row, done : done + len(part)] = part.to(drawn.dtype)
                done += len(part)
        return drawn

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
