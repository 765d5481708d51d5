"""How many examples one call of a likelihood method gets, and checks of what it returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from genbench.api.lengths import like_lengths
from genbench.api.spec import DataSpec
from genbench.errors import PluginError

# The most numbers that one call handles: examples x draws per example x dimension.
_MAX_NUMBERS_PER_CALL = 2_000_000
_MAX_EXAMPLES_PER_CALL = 500


def batches(x: Tensor, spec: DataSpec, draws: int) -> Iterator[Tensor]:
    """x in batches, for calls with so many draws per example."""
    return iter(
        torch.split(x, max(1, min(_MAX_EXAMPLES_PER_CALL, _MAX_NUMBERS_PER_CALL // (spec.dimension * draws))))
    )


@dataclass(frozen=True)
class ExampleBatches:
    """Examples in batches, for calls of a likelihood method; pieces of different lengths with others of about their
    length."""

    parts: list[tuple[Tensor, dict[str, Tensor]]]
    """The examples of each call, (B, ...), and its further keyword arguments: `lengths`, where there are lengths."""
    order: Tensor | None
    """The places of the examples, in the order of the parts, (N,); None: they are in order."""

    @classmethod
    def of(cls, x: Tensor, spec: DataSpec, draws: int, lengths: Tensor | None = None) -> ExampleBatches:
        """x (N, *event_shape) for calls with so many draws per example. lengths: of pieces, (N,)."""
        if lengths is None:
            return cls([(some, {}) for some in batches(x, spec, draws)], None)
        step_numbers = max(1, spec.dimension // spec.event_shape[0])
        most_steps = _MAX_NUMBERS_PER_CALL // (step_numbers * draws)
        lengths = lengths.to(x.device)
        parts, order = [], []
        for indices in like_lengths(lengths, most_steps, _MAX_EXAMPLES_PER_CALL):
            some = lengths[indices]
            parts.append((x[indices, : int(some.max())], {"lengths": some}))
            order.append(indices.cpu())
        return cls(parts, torch.cat(order) if order else None)

    def in_order(self, values: Tensor) -> Tensor:
        """Values (N, ...) of all parts, one after the other, in the order of the examples."""
        if self.order is None:
            return values
        restored = torch.empty_like(values)
        restored[self.order] = values
        return restored


def max_draws_per_call(spec: DataSpec) -> int:
    """The most draws of one example in one call."""
    return max(1, _MAX_NUMBERS_PER_CALL // spec.dimension)


def checked(values: object, shape: tuple[int, ...], method: str) -> Tensor:
    """What `method` returned, in float64, on the CPU. Raises PluginError where it is not a tensor of that shape."""
    if not isinstance(values, Tensor):
        raise PluginError(f"{method} returned {type(values).__name__}, expected a tensor")
    if tuple(values.shape) != shape:
        raise PluginError(f"{method} returned shape {tuple(values.shape)}, expected {shape}")
    return values.detach().cpu().double()
