"""Between the domain of a data set and the real numbers that networks and estimators take."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from genbench.api import DataSpec, Split

Scale = Literal["unit", "standard"]
"""unit: integers become numbers in [0, 1), real values stay. standard: mean 0 and standard deviation 1 per number."""


class Scaling(nn.Module):
    """An affine map of each number, fixed before training, and its inverse.

    Integer i stands for the interval [i, i + 1): `spread` draws a place in it, `restore` rounds down.
    """

    shift: Tensor
    width: Tensor

    def __init__(self, spec: DataSpec, scale: Scale) -> None:
        super().__init__()
        self.spec, self.scale = spec, scale
        self.register_buffer("shift", torch.zeros(spec.event_shape))
        self.register_buffer("width", torch.full(spec.event_shape, float(spec.levels or 1)))

    def fit(self, train: Split) -> None:
        """Take mean and standard deviation of the training data, where the scale is "standard"."""
        if self.scale == "unit":
            return
        x = train.tensor().float()
        half = 0.5 if self.spec.is_discrete else 0.0  # the middle of an integer's interval
        self.shift.copy_(x.mean(0) + half)
        # a number that never changes would have none
        least = math.sqrt(1 / 12) if self.spec.is_discrete else 1e-6
        self.width.copy_(x.std(0, correction=0).clamp_min(least))

    def spread(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Real numbers for examples: of integers a random place in each interval. generator: None takes torch's own."""
        if not self.spec.is_discrete:
            return self.forward(x)
        noise = torch.rand(x.shape, generator=generator, device=x.device)
        return self.forward(x + noise)

    def forward(self, x: Tensor) -> Tensor:
        """Real values of the data's domain, (N, *event_shape), scaled."""
        scaled: Tensor = (x - self.shift) / self.width
        return scaled

    def restore(self, scaled: Tensor) -> Tensor:
        """Examples in the data's domain, (N, *event_shape)."""
        x = scaled.reshape(-1, *self.spec.event_shape) * self.width + self.shift
        if self.spec.levels is None:
            return x.float()
        return x.floor().clamp(0, self.spec.levels - 1).long()

    def log_density(self, log_prob_of_scaled: Tensor) -> Tensor:
        """The log-density of x from that of the scaled x, (N,) nats."""
        density: Tensor = log_prob_of_scaled - self.width.log().sum()
        return density
