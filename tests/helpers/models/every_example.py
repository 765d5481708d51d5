"""Every example that a small spec with levels has, to sum or to count over."""

from __future__ import annotations

import itertools

import torch

from genbench import DataSpec


def every_example(spec: DataSpec) -> torch.Tensor:
    """(levels ** dimension, *event_shape), the last number running fastest."""
    assert spec.levels is not None
    grid = itertools.product(range(spec.levels), repeat=spec.dimension)
    return torch.tensor(list(grid)).reshape(-1, *spec.event_shape)
