"""How many examples one call of a likelihood method gets, and checks of what it returns."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

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
