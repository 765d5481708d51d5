"""Observation models: elementwise log-probabilities of data given parameters, and draws from them.

For data with levels each of them is a probability distribution over the integers 0..levels-1, so that decoders of all
families share one unit. Means and scales are on the data's own scale: bin i is the interval [i - 1/2, i + 1/2], the
first bin reaching to minus infinity and the last to plus infinity (Salimans et al. 2017, PixelCNN++, eq. 2). For real
data they are densities.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

MIN_LOG_SCALE = -7.0
"""The smallest log-scale of a discretised distribution. Below it, float32 cannot tell that any mass lies outside one
bin."""


def bernoulli_log_prob(x: Int[Tensor, "*shape"], logits: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """log p(x) of x in {0, 1}."""
    return -F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="none")


def bernoulli_sample(logits: Float[Tensor, "*shape"], generator: torch.Generator) -> Int[Tensor, "*shape"]:
    """Draws of x in {0, 1}."""
    return torch.bernoulli(logits.sigmoid(), generator=generator).long()


def categorical_log_prob(
    x: Int[Tensor, "*shape"], logits: Float[Tensor, "*shape levels"]
) -> Float[Tensor, "*shape"]:
    """log softmax(logits)[x]."""
    return logits.log_softmax(-1).gather(-1, x.unsqueeze(-1)).squeeze(-1)


def categorical_sample(
    logits: Float[Tensor, "*shape levels"], generator: torch.Generator
) -> Int[Tensor, "*shape"]:
    """Draws of x in 0..levels-1, with probabilities softmax(logits)."""
    flat = logits.reshape(-1, logits.shape[-1]).softmax(-1)
    return torch.multinomial(flat, 1, generator=generator).reshape(logits.shape[:-1])


def gaussian_log_prob(
    x: Float[Tensor, "*shape"], mean: Float[Tensor, "*shape"], log_scale: Float[Tensor, "*#shape"]
) -> Float[Tensor, "*shape"]:
    """Log-density of a normal distribution with standard deviation exp(log_scale)."""
    return -0.5 * ((x - mean) * (-log_scale).exp()).square() - log_scale - 0.5 * math.log(2 * math.pi)


def gaussian_sample(
    mean: Float[Tensor, "*shape"], log_scale: Float[Tensor, "*#shape"], generator: torch.Generator
) -> Float[Tensor, "*shape"]:
    """Draws from a normal distribution with standard deviation exp(log_scale)."""
    noise = torch.randn(mean.shape, generator=generator, device=mean.device)
    return mean + log_scale.exp() * noise


def discretised_logistic_log_prob(
    x: Int[Tensor, "*shape"],
    mean: Float[Tensor, "*shape"],
    log_scale: Float[Tensor, "*#shape"],
    levels: int,
) -> Float[Tensor, "*shape"]:
    """The logarithm of a logistic distribution's mass in bin x.

    With the standardised edges u and l, log(sigmoid(u) - sigmoid(l)) = logsigmoid(u) + logsigmoid(-l) +
    log(1 - exp(l - u)), which is exact in both tails.
    """
    inverse_scale = (-log_scale.clamp(min=MIN_LOG_SCALE)).exp()
    centred = x.to(mean.dtype) - mean
    upper, lower = (centred + 0.5) * inverse_scale, (centred - 0.5) * inverse_scale
    log_above = F.logsigmoid(-lower)  # all mass above the lower edge: the last bin
    log_below = F.logsigmoid(upper)  # all mass below the upper edge: the first bin
    width = inverse_scale.expand_as(mean)
    # log(1 - exp(-w)), in the form that is accurate at each width (Maechler 2012)
    log_share = torch.where(
        width > 0.693, torch.log1p(-(-width).exp()), torch.log(-torch.expm1(-width.clamp(max=1.0)))
    )
    inside = log_below + log_above + log_share
    return torch.where(x <= 0, log_below, torch.where(x >= levels - 1, log_above, inside))


def discretised_gaussian_log_prob(
    x: Int[Tensor, "*shape"],
    mean: Float[Tensor, "*shape"],
    log_scale: Float[Tensor, "*#shape"],
    levels: int,
) -> Float[Tensor, "*shape"]:
    """The logarithm of a normal distribution's mass in bin x, computed in the smaller tail, where nothing cancels."""
    inverse_scale = (-log_scale.clamp(min=MIN_LOG_SCALE)).exp()
    centred = x.to(mean.dtype) - mean
    upper, lower = (centred + 0.5) * inverse_scale, (centred - 0.5) * inverse_scale
    # Phi(u) - Phi(l) = Phi(-l) - Phi(-u): mirror the bins right of the mean to the left tail
    right = centred > 0
    near, far = torch.where(right, -lower, upper), torch.where(right, -upper, lower)
    log_near, log_far = torch.special.log_ndtr(near), torch.special.log_ndtr(far)
    difference = (log_far - log_near).clamp(max=-1e-12)
    inside = log_near + torch.log(-torch.expm1(difference))
    below, above = torch.special.log_ndtr(upper), torch.special.log_ndtr(-lower)
    return torch.where(x <= 0, below, torch.where(x >= levels - 1, above, inside))


def discretised_logistic_mixture_log_prob(
    x: Int[Tensor, "*shape"],
    logits: Float[Tensor, "*shape mixture"],
    means: Float[Tensor, "*shape mixture"],
    log_scales: Float[Tensor, "*shape mixture"],
    levels: int,
) -> Float[Tensor, "*shape"]:
    """The logarithm of a logistic mixture's mass in bin x (Salimans et al. 2017, eq. 2)."""
    each = discretised_logistic_log_prob(x.unsqueeze(-1).expand_as(means), means, log_scales, levels)
    return torch.logsumexp(logits.log_softmax(-1) + each, dim=-1)


def gaussian_mixture_log_prob(
    x: Float[Tensor, "*shape"],
    logits: Float[Tensor, "*shape mixture"],
    means: Float[Tensor, "*shape mixture"],
    log_scales: Float[Tensor, "*shape mixture"],
) -> Float[Tensor, "*shape"]:
    """Log-density of a one-dimensional Gaussian mixture at each element."""
    each = gaussian_log_prob(x.unsqueeze(-1).expand_as(means), means, log_scales)
    return torch.logsumexp(logits.log_softmax(-1) + each, dim=-1)


def discretised_logistic_sample(
    mean: Float[Tensor, "*shape"],
    log_scale: Float[Tensor, "*#shape"],
    levels: int,
    generator: torch.Generator,
) -> Int[Tensor, "*shape"]:
    """Draws of bins. A logistic draw, rounded and clamped, falls into each bin with exactly the bin's mass."""
    u = torch.rand(mean.shape, generator=generator, device=mean.device).clamp(1e-7, 1 - 1e-7)
    noise = u.log() - torch.log1p(-u)
    scale = log_scale.clamp(min=MIN_LOG_SCALE).exp()
    return (mean + scale * noise).round().clamp(0, levels - 1).long()


def discretised_gaussian_sample(
    mean: Float[Tensor, "*shape"],
    log_scale: Float[Tensor, "*#shape"],
    levels: int,
    generator: torch.Generator,
) -> Int[Tensor, "*shape"]:
    """Draws of the bins of a discretised normal distribution."""
    value = gaussian_sample(mean, log_scale.clamp(min=MIN_LOG_SCALE), generator)
    return value.round().clamp(0, levels - 1).long()


def choose_component(
    logits: Float[Tensor, "*shape mixture"],
    *parameters: Float[Tensor, "*shape mixture"],
    generator: torch.Generator,
) -> tuple[Float[Tensor, "*shape"], ...]:
    """Draw a component of the mixture for each element, and return the component's parameters."""
    component = categorical_sample(logits, generator).unsqueeze(-1)
    return tuple(parameter.gather(-1, component).squeeze(-1) for parameter in parameters)
