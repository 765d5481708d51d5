"""Sines and cosines of coordinates, read besides the coordinates themselves.

An MLP that reads bare coordinates learns the coarse shape of a function first and its fine details very late (Tancik et
al. 2020, "Fourier Features Let Networks Learn High Frequency Functions in Low Dimensional Domains",
https://arxiv.org/abs/2006.10739). Modes of points are a hundredth of the set's width.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

MAX_DIMENSION = 3
"""Points of more numbers are read as they are: the waves along the axes say less about them, and cost more."""
_FREQUENCIES = 6
_LOWEST = math.pi / 4
"""Radians per standard deviation of the data; each further frequency is twice as high."""


class Coordinates(nn.Module):
    """(N, dimension) -> (N, `features`), in units in which the data have variance 1."""

    frequencies: Tensor
    phases: Tensor

    def __init__(self, dimension: int) -> None:
        super().__init__()
        waves = _LOWEST * 2.0 ** torch.arange(_FREQUENCIES)
        self.register_buffer("frequencies", waves.repeat(2), persistent=False)
        self.register_buffer(
            "phases", torch.tensor([0.0, math.pi / 2]).repeat_interleave(len(waves)), persistent=False
        )
        self.features = dimension * (1 + 2 * _FREQUENCIES)

    def forward(self, x: Float[Tensor, "batch dimension"]) -> Float[Tensor, "batch features"]:
        waves = torch.addcmul(self.phases, x.unsqueeze(2), self.frequencies).sin()
        return torch.cat([x, waves.flatten(1)], 1)


def read_coordinates(dimension: int) -> tuple[nn.Module, int]:
    """What stands before the first layer of an MLP that reads vectors of that dimension; how many numbers it gives."""
    if dimension > MAX_DIMENSION:
        return nn.Identity(), dimension
    coordinates = Coordinates(dimension)
    return coordinates, coordinates.features
