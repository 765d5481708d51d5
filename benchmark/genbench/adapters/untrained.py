"""What a model of another library is before it is fitted: a distribution of the data's domain that knows nothing.

The contract asks a new model for samples and likelihoods; estimators of other libraries have none before `fit`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genbench.api import DataSpec


def untrained_sample(spec: DataSpec, count: int, generator: torch.Generator) -> Tensor:
    """(count, *event_shape): uniform integers, or numbers of a standard normal distribution."""
    shape = (count, *spec.event_shape)
    if spec.levels is None:
        return torch.randn(shape, generator=generator, device=generator.device)
    return torch.randint(spec.levels, shape, generator=generator, device=generator.device)


def untrained_log_prob(spec: DataSpec, x: Tensor) -> Tensor:
    """(N,) nats of the same distribution; of real numbers in [0, levels) too, where each integer is an interval."""
    if spec.levels is None:
        each = -x.double().square() / 2 - math.log(2 * math.pi) / 2
        return each.flatten(1).sum(1)
    inside = ((x >= 0) & (x < spec.levels)).flatten(1).all(1)
    value = torch.full(
        (len(x),), -spec.dimension * math.log(spec.levels), dtype=torch.float64, device=x.device
    )
    return value.masked_fill(~inside, -math.inf)
