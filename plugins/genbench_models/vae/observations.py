"""The observation model p(x | z) of a VAE's decoder; its kind fits the data's domain.

Two levels: Bernoulli. More levels: logistic discretised over the levels. Real values: Gaussian. The scale
of the last two is learned and depends on z, with one number per element of x.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import DataSpec
from genbench.api import (
    MIN_LOG_SCALE,
    bernoulli_log_prob,
    bernoulli_sample,
    discretised_logistic_log_prob,
    discretised_logistic_sample,
    gaussian_log_prob,
    gaussian_sample,
)
from genbench_models.layers.standardise import Standardise

# The initial log scale, in standardised units: early samples are neither noise nor points.
_INITIAL_LOG_SCALE = -1.5
# Bounds, in the same unit. Below: a density grows without bound where data are exact copies of each other.
# Above: a scale wider than all the data is of no use, and a step too far may overflow.
_MIN_LOG_SCALE, _MAX_LOG_SCALE = -6.0, 1.0


class _Bounded(torch.autograd.Function):
    """x clamped; the gradient stops only where it would carry x farther out.

    A plain clamp has no gradient at all beyond its bounds: decoders whose scale passed the upper bound in their first
    steps, while Adam's moments were those of a few batches, stayed there.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, least: float, most: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.bounds = least, most
        return x.clamp(least, most)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        least, most = ctx.bounds
        # descent takes x against the gradient
        outwards = ((x > most) & (gradient < 0)) | ((x < least) & (gradient > 0))
        return gradient.masked_fill(outwards, 0.0), None, None


def bounded_log_scale(outputs: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The log scale, in standardised units, that a decoder's output stands for."""
    shifted = outputs + _INITIAL_LOG_SCALE
    # torch gives `Function.apply` no types
    bounded: Tensor = _Bounded.apply(shifted, _MIN_LOG_SCALE, _MAX_LOG_SCALE)  # type: ignore[no-untyped-call]
    return bounded


class Observation(nn.Module, ABC):
    """p(x | z), elementwise given the decoder's output of shape (N, per_element, *event_shape)."""

    per_element: int

    @abstractmethod
    def log_prob(
        self, x: Shaped[Tensor, "batch *event"], outputs: Float[Tensor, "batch per *event"]
    ) -> Float[Tensor, " batch"]:
        """Nats of each example, in the data's own units."""

    @abstractmethod
    def mean(self, outputs: Float[Tensor, "batch per *event"]) -> Float[Tensor, "batch *event"]:
        """E[x | z], on the data's scale."""

    @abstractmethod
    def sample(
        self, outputs: Float[Tensor, "batch per *event"], generator: torch.Generator
    ) -> Shaped[Tensor, "batch *event"]:
        """x ~ p(x | z), in the data's domain."""


class BernoulliObservation(Observation):
    """x in {0, 1}; outputs are logits."""

    per_element = 1

    def log_prob(
        self, x: Int[Tensor, "batch *event"], outputs: Float[Tensor, "batch 1 *event"]
    ) -> Float[Tensor, " batch"]:
        return bernoulli_log_prob(x, outputs[:, 0]).flatten(1).sum(1)

    def mean(self, outputs: Float[Tensor, "batch 1 *event"]) -> Float[Tensor, "batch *event"]:
        return outputs[:, 0].sigmoid()

    def sample(
        self, outputs: Float[Tensor, "batch 1 *event"], generator: torch.Generator
    ) -> Int[Tensor, "batch *event"]:
        return bernoulli_sample(outputs[:, 0], generator)


class DiscretisedLogisticObservation(Observation):
    """x in 0..levels-1; outputs are location (which may lie beyond the ends) and log scale."""

    per_element = 2

    def __init__(self, levels: int, standardise: Standardise) -> None:
        super().__init__()
        self.levels = levels
        self.standardise = standardise

    def _location_and_scale(self, outputs: Float[Tensor, "batch 2 *event"]) -> tuple[Tensor, Tensor]:
        log_scale = bounded_log_scale(outputs[:, 1])
        return self.standardise.inverse(outputs[:, 0]), log_scale + math.log((self.levels - 1) / 2)

    def log_prob(
        self, x: Int[Tensor, "batch *event"], outputs: Float[Tensor, "batch 2 *event"]
    ) -> Float[Tensor, " batch"]:
        location, log_scale = self._location_and_scale(outputs)
        return discretised_logistic_log_prob(x, location, log_scale, self.levels).flatten(1).sum(1)

    def mean(self, outputs: Float[Tensor, "batch 2 *event"]) -> Float[Tensor, "batch *event"]:
        """The mean of the logistic clamped to [0, levels-1], before its values are rounded to levels: with location
        m and scale s, the integral of P(X > t) over that interval. Rounding moves a mean by less than half
        a level; without it the mean stays smooth however small s is."""
        location, log_scale = self._location_and_scale(outputs)
        scale = log_scale.clamp(min=MIN_LOG_SCALE).exp()
        above_first = F.softplus(location / scale)
        above_last = F.softplus((location - (self.levels - 1)) / scale)
        return (scale * (above_first - above_last)).clamp(0, self.levels - 1)

    def sample(
        self, outputs: Float[Tensor, "batch 2 *event"], generator: torch.Generator
    ) -> Int[Tensor, "batch *event"]:
        return discretised_logistic_sample(*self._location_and_scale(outputs), self.levels, generator)


class GaussianObservation(Observation):
    """x real; outputs are mean and log standard deviation in standardised units, the density is the data's."""

    per_element = 2

    def __init__(self, standardise: Standardise) -> None:
        super().__init__()
        self.standardise = standardise

    def _location_and_scale(self, outputs: Float[Tensor, "batch 2 *event"]) -> tuple[Tensor, Tensor]:
        log_scale = bounded_log_scale(outputs[:, 1])
        return outputs[:, 0], log_scale

    def log_prob(
        self, x: Float[Tensor, "batch *event"], outputs: Float[Tensor, "batch 2 *event"]
    ) -> Float[Tensor, " batch"]:
        log_density = gaussian_log_prob(self.standardise(x), *self._location_and_scale(outputs))
        return log_density.flatten(1).sum(1) + self.standardise.log_abs_det_jacobian()

    def mean(self, outputs: Float[Tensor, "batch 2 *event"]) -> Float[Tensor, "batch *event"]:
        return self.standardise.inverse(outputs[:, 0])

    def sample(
        self, outputs: Float[Tensor, "batch 2 *event"], generator: torch.Generator
    ) -> Float[Tensor, "batch *event"]:
        return self.standardise.inverse(gaussian_sample(*self._location_and_scale(outputs), generator))


def observation_for(spec: DataSpec, standardise: Standardise) -> Observation:
    """The observation model that fits the data's domain."""
    if spec.levels is None:
        return GaussianObservation(standardise)
    if spec.levels == 2:
        return BernoulliObservation()
    return DiscretisedLogisticObservation(spec.levels, standardise)
