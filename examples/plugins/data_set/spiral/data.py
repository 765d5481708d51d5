"""The spiral: radius and angle grow together, and each point is moved by a little noise."""

import math

import torch

from genbench import Dataset, Split
from spiral import CARD

NOISE = 0.05


def draw(count: int, seed: int) -> torch.Tensor:
    """(count, 2) float32."""
    generator = torch.Generator().manual_seed(seed)
    turn = torch.rand(count, generator=generator).sqrt()  # equally dense along the curve, or nearly so
    angle = 3 * math.pi * turn
    points = torch.stack([turn * angle.cos(), turn * angle.sin()], 1)
    return points + NOISE * torch.randn(count, 2, generator=generator)


def spiral() -> Dataset:
    """Called by the harness; what it returns is checked against the card and kept in the cache."""
    train, valid, test = (Split(CARD.spec, draw(size, seed)) for seed, size in enumerate(CARD.sizes))
    return Dataset(CARD.spec, train, valid, test)
