"""Observation models that the harness adds to a decoder's mean, with one scale for all examples.

A decoder gives the mean of an example but no probabilities around it. The harness adds noise of one scale (Wu et al.
2017, section 2), of one form for all models of a data set:

real values     a Gaussian density; the scale is in units of each channel's standard deviation in training
two levels      Bernoulli, with bits that are flipped with probability e: p = e + (1 - 2e) mean; the scale is e
more levels     a Gaussian discretised over the bins of the integers, or on request a logistic; the scale is in levels
tokens          categorical, with symbols that are replaced by random ones with probability e: p = (1 - e) mean + e /
                levels, where the mean is the decoder's probability of each symbol; the scale is e

All methods work elementwise and broadcast: x (N, 1, *event), mean (N, C, *event), log_scale (N, 1, ...). For tokens the
mean has a last axis of levels. `score` is the derivative of `log_prob` with respect to the mean, in closed form, since
samplers need it far more often than the value.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from genbench.api.data import Split
from genbench.api.observation import (
    categorical_sample,
    discretised_gaussian_sample,
    discretised_logistic_log_prob,
    discretised_logistic_sample,
    gaussian_log_prob,
    gaussian_sample,
)
from genbench.api.spec import DataSpec
from genbench.errors import PluginError
from genbench.likelihood.ais.bin_mass import normal_bin_derivative, normal_bin_mass

# The narrowest scales that are tried: for levels, in levels, since below it all mass is in one bin and `bin_mass`
# exceeds the range of float32; for real values, as a share of the widest.
_MIN_SCALE_LEVELS = 0.15
_MIN_SHARE_OF_WIDEST = 1 / 500
# The widest scales that are tried, in standard deviations of the data: for real values, and for levels, where images
# that are mostly black need wide noise, half of which falls into the first bin.
_MAX_SCALE_STDS = 2.0
_MAX_SCALE_STDS_OF_LEVELS = 4.0
_MIN_FLIP_PROBABILITY, _MAX_FLIP_PROBABILITY = 1e-4, 0.45
_MIN_REPLACEMENT_PROBABILITY, _MAX_REPLACEMENT_PROBABILITY = 1e-4, 0.95
# The largest deviation from 1 of the sum of a large vocabulary's probabilities in float32.
_SUM_TOLERANCE = 1e-3


class DecoderObservation(ABC):
    """A distribution p(x | mean) with a scale."""

    name: ClassVar[str]
    """Its name in reports."""
    unit: ClassVar[str]
    """Its scale in reports, where {scale} stands for the number."""

    @abstractmethod
    def log_prob(
        self, x: Shaped[Tensor, "n 1 *event"], mean: Float[Tensor, "n c *event"], log_scale: Tensor
    ) -> Float[Tensor, "n c *event"]:
        """Log-probability of each element, in nats, where the data have levels; else its log-density."""

    @abstractmethod
    def score(
        self, x: Shaped[Tensor, "n 1 *event"], mean: Float[Tensor, "n c *event"], log_scale: Tensor
    ) -> Float[Tensor, "n c *event"]:
        """The derivative of `log_prob` with respect to the mean."""

    @abstractmethod
    def sample(
        self, mean: Float[Tensor, "n *event"], log_scale: Tensor, generator: torch.Generator
    ) -> Shaped[Tensor, "n *event"]:
        """Draws from p(x | mean), in the data's domain."""

    def mean_shape(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the mean of one example."""
        return event_shape

    @abstractmethod
    def scale_range(self, train: Split) -> tuple[float, float]:
        """The smallest and the largest scale to try for these data: from nearly exact to ignoring the decoder."""

    def describe(self, scale: float) -> str:
        """The observation model with that scale, in words."""
        return f"{self.name} of {self.unit.format(scale=f'{scale:.3g}')}"


class GaussianDensity(DecoderObservation):
    """For real values. channel_scale: standard deviations, which broadcast to the event; with one scale for all, the
    noise would hide a narrow channel."""

    name = "Gaussian noise"
    unit = "{scale} standard deviations of the data"

    def __init__(self, channel_scale: Tensor) -> None:
        self.channel_scale = channel_scale

    def log_prob(self, x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
        x, mean = torch.broadcast_tensors(x.to(mean.dtype), mean)
        return gaussian_log_prob(x, mean, log_scale + self.channel_scale.log())

    def score(self, x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
        return (x - mean) * (-2 * (log_scale + self.channel_scale.log())).exp()

    def sample(self, mean: Tensor, log_scale: Tensor, generator: torch.Generator) -> Tensor:
        return gaussian_sample(mean, log_scale + self.channel_scale.log(), generator)

    def scale_range(self, train: Split) -> tuple[float, float]:
        widest = _MAX_SCALE_STDS * _spread(train.tensor() / self.channel_scale.cpu())
        return widest * _MIN_SHARE_OF_WIDEST, widest


class FlippedBernoulli(DecoderObservation):
    """For bits. Without flips, a mean of exactly 0 or 1, which GANs return, would make the other bit impossible."""

    name = "Bernoulli noise"
    unit = "flip probability {scale}"

    def _probability(self, mean: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
        flip = log_scale.exp()
        return flip + (1 - 2 * flip) * mean.clamp(0, 1), flip

    def log_prob(self, x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
        p, _ = self._probability(mean, log_scale)
        return torch.where(x > 0, p, 1 - p).log()

    def score(self, x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
        p, flip = self._probability(mean, log_scale)
        slope = (1 - 2 * flip) * torch.where(x > 0, p.reciprocal(), -(1 - p).reciprocal())
        return torch.where((mean >= 0) & (mean <= 1), slope, 0.0)

    def sample(self, mean: Tensor, log_scale: Tensor, generator: torch.Generator) -> Tensor:
        return torch.bernoulli(self._probability(mean, log_scale)[0], generator=generator).long()

    def scale_range(self, train: Split) -> tuple[float, float]:
        return _MIN_FLIP_PROBABILITY, _MAX_FLIP_PROBABILITY


class MixedCategorical(DecoderObservation):
    """For symbols. mean: (..., levels), the decoder's probability of each symbol. Without replacements, a probability
    of 0 would make the symbol impossible. Raises PluginError where the mean is not probabilities."""

    name = "categorical noise"
    unit = "replacement probability {scale}"

    def __init__(self, levels: int) -> None:
        self.levels = levels

    def mean_shape(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*event_shape, self.levels)

    def _chosen(self, x: Tensor, mean: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Index into the levels, probability of the symbol, and the decoder's weight 1 - e."""
        shape = torch.broadcast_shapes(x.shape, mean.shape[:-1])
        index = x.long().expand(shape).unsqueeze(-1)
        weight = 1 - log_scale.exp()
        p = weight * mean.expand(*shape, -1).gather(-1, index).squeeze(-1) + (1 - weight) / self.levels
        return index, p, weight

    def log_prob(self, x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
        unsound = (mean < 0).any(-1) | ((mean.sum(-1) - 1).abs() > _SUM_TOLERANCE)
        if bool(unsound.any()):
            raise PluginError(
                "decode of tokens returned numbers that are not probabilities: expected a sum of 1 over levels"
            )
        return self._chosen(x, mean, log_scale)[1].log()

    def score(self, x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
        index, p, weight = self._chosen(x, mean, log_scale)
        slope = (weight / p).to(mean.dtype).unsqueeze(-1)
        return mean.new_zeros(*p.shape, self.levels).scatter(-1, index, slope)

    def sample(self, mean: Tensor, log_scale: Tensor, generator: torch.Generator) -> Tensor:
        replaced = log_scale.exp()
        return categorical_sample(((1 - replaced) * mean + replaced / self.levels).log(), generator)

    def scale_range(self, train: Split) -> tuple[float, float]:
        return _MIN_REPLACEMENT_PROBABILITY, _MAX_REPLACEMENT_PROBABILITY


class DiscretisedGaussian(DecoderObservation):
    """Bin i is [i - 1/2, i + 1/2]; the first reaches to minus infinity, the last to plus infinity."""

    name = "discretised Gaussian noise"
    unit = "{scale} levels"

    def __init__(self, levels: int) -> None:
        self.levels = levels

    def _bins(self, x: Tensor, mean: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """For `bin_mass`: distance to the nearer edge, width, whether the bin is bounded, and its side of the mean."""
        width = (-log_scale).exp()
        first, last = x <= 0, x >= self.levels - 1
        distance = x - mean
        side = torch.where(last, 1.0, torch.where(first, -1.0, torch.where(distance > 0, 1.0, -1.0)))
        side = side.to(mean.dtype)
        return (side * distance - 0.5) * width, width, ~(first | last), side

    def log_prob(self, x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
        t, width, bounded, _ = self._bins(x, mean, log_scale)
        return normal_bin_mass(t, width, bounded).log_mass

    def score(self, x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
        t, width, bounded, side = self._bins(x, mean, log_scale)
        return -side * width * normal_bin_derivative(t, width, bounded)

    def sample(self, mean: Tensor, log_scale: Tensor, generator: torch.Generator) -> Tensor:
        return discretised_gaussian_sample(mean, log_scale, self.levels, generator)

    def scale_range(self, train: Split) -> tuple[float, float]:
        return _MIN_SCALE_LEVELS, max(
            2 * _MIN_SCALE_LEVELS, _MAX_SCALE_STDS_OF_LEVELS * _spread(train.tensor())
        )


class DiscretisedLogistic(DecoderObservation):
    """Like `DiscretisedGaussian`, with the heavier tails of a logistic distribution."""

    name = "discretised logistic noise"
    unit = "{scale} levels"

    def __init__(self, levels: int) -> None:
        self.levels = levels

    def log_prob(self, x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
        x, mean = torch.broadcast_tensors(x, mean)
        return discretised_logistic_log_prob(x, mean, log_scale, self.levels)

    def score(self, x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
        # log mass = log sigmoid(u) + log sigmoid(-l) + a constant, for edges u and l; the first and the last level have
        # only one of the two terms
        inverse = (-log_scale).exp()
        upper, lower = (x + 0.5 - mean) * inverse, (x - 0.5 - mean) * inverse
        rising = torch.where(x > 0, lower.sigmoid(), 0.0)
        falling = torch.where(x < self.levels - 1, (-upper).sigmoid(), 0.0)
        return (rising - falling) * inverse

    def sample(self, mean: Tensor, log_scale: Tensor, generator: torch.Generator) -> Tensor:
        return discretised_logistic_sample(mean, log_scale, self.levels, generator)

    def scale_range(self, train: Split) -> tuple[float, float]:
        # a logistic's standard deviation is pi / sqrt(3) times its scale
        share = _MAX_SCALE_STDS_OF_LEVELS * math.sqrt(3) / math.pi
        return 0.5 * _MIN_SCALE_LEVELS, max(_MIN_SCALE_LEVELS, share * _spread(train.tensor()))


def decoder_observation(spec: DataSpec, train: Split) -> DecoderObservation:
    """The observation model of all decoders of a data set."""
    if spec.levels is None:
        return GaussianDensity(_channel_scale(train).to(train.x.device))
    if spec.modality == "tokens":
        return MixedCategorical(spec.levels)
    if spec.levels == 2:
        return FlippedBernoulli()
    return DiscretisedGaussian(spec.levels)


def _spread(x: Tensor) -> float:
    """Root mean square deviation from the mean example; 1 where all examples are equal."""
    deviation = float(x.double().var(0, correction=0).mean().sqrt())
    return deviation if deviation > 0 else 1.0


def _channel_scale(train: Split) -> Tensor:
    """Standard deviation of each dimension of points, or each channel of other data, which broadcasts to the event; 1
    where it is constant. Channels are the first axis of images, and the last axis of other data."""
    x = train.tensor().double()
    event = train.spec.event_shape
    if train.spec.modality == "points":
        axes = [0]
    else:
        channel = 1 if train.spec.modality == "image" else len(event)
        axes = [axis for axis in range(len(event) + 1) if axis != channel]
    deviation = x.std(axes, keepdim=True, correction=0)[0]
    constant = deviation <= 1e-6 * x.abs().mean(axes, keepdim=True)[0]
    return torch.where(constant, 1.0, deviation).float()
