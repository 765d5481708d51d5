"""Random numbers of Markov chains. Each example has its own stream, which does not depend on its batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

# Steps that are drawn at once: enough that the calls, one per example, cost little compared with a step's gradients.
_BLOCK = 16


@dataclass(frozen=True)
class StepNoise:
    """The random numbers of one transition of all chains."""

    momentum: Float[Tensor, "n c dim"]
    """Initial momentum, standard normal."""
    accept: Float[Tensor, "n c"]
    """Decides whether the proposal is accepted; uniform."""
    jitter: Float[Tensor, "n c"]
    """Varies the step size; uniform."""


class ChainNoise:
    """An endless iterator over the noise of steps. seeds: one for each example."""

    def __init__(
        self, seeds: Sequence[int], chains: int, dimension: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        self._shape = (_BLOCK, chains, dimension)
        self._device, self._dtype = device, dtype
        self._generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def __iter__(self) -> Iterator[StepNoise]:
        while True:
            momentum = torch.stack([self._draw(torch.randn, g, self._shape) for g in self._generators], 1)
            uniform = torch.stack(
                [self._draw(torch.rand, g, (_BLOCK, self._shape[1], 2)) for g in self._generators], 1
            )
            for step in range(_BLOCK):
                accept, jitter = uniform[step].unbind(2)
                yield StepNoise(momentum[step], accept, jitter)

    def _draw(
        self, draw: Callable[..., Tensor], generator: torch.Generator, shape: tuple[int, ...]
    ) -> Tensor:
        return draw(shape, generator=generator, device=self._device, dtype=self._dtype)
