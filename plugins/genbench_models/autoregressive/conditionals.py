"""The conditional distribution of each element, given an autoregressive network's outputs; its kind fits the data.

Two levels: Bernoulli. Up to 32, and tokens: categorical. More: a mixture of logistics discretised over the
levels (Salimans et al. 2017, PixelCNN++). Real values: a mixture of Gaussians.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import DataSpec
from genbench.api import (
    bernoulli_log_prob,
    bernoulli_sample,
    categorical_log_prob,
    categorical_sample,
    choose_component,
    discretised_logistic_mixture_log_prob,
    discretised_logistic_sample,
    gaussian_mixture_log_prob,
    gaussian_sample,
)

# With more levels than this, a distribution that uses their order is better than one free number per level.
_MAX_CATEGORIES = 32
# The log scales of mixtures, in units in which data have a scale of about 1.
_INITIAL_LOG_SCALE = -1.0
_ENTROPY_DRAWS = 32
_MIN_LOG_SCALE, _MAX_LOG_SCALE = -7.0, 3.0


class Conditional(nn.Module, ABC):
    """p(x_i | the elements before), from `per_element` outputs of the network per element.

    Real elements are standardised; the caller maps them there and back.
    """

    per_element: int

    @abstractmethod
    def log_prob(
        self, x: Shaped[Tensor, "*shape"], outputs: Float[Tensor, "*shape per"]
    ) -> Float[Tensor, "*shape"]:
        """The log-probability or log-density of each element, nats."""

    @abstractmethod
    def sample(
        self, outputs: Float[Tensor, "*shape per"], generator: torch.Generator
    ) -> Shaped[Tensor, "*shape"]:
        """Draw each element."""

    def entropy(self, outputs: Float[Tensor, "*shape per"]) -> Float[Tensor, "*shape"]:
        """The entropy of each element, nats; where there is no closed form, an estimate with fixed random numbers."""
        generator = torch.Generator(outputs.device).manual_seed(0)
        total = torch.zeros(outputs.shape[:-1], device=outputs.device)
        for _ in range(_ENTROPY_DRAWS):
            total -= self.log_prob(self.sample(outputs, generator), outputs)
        return total / _ENTROPY_DRAWS

    @abstractmethod
    def first_guess(self, x: Shaped[Tensor, "n *shape"]) -> Float[Tensor, "*shape per"]:
        """The outputs that describe the marginal distribution of each element: the biases to start from."""


def _log_shares(value: Int[Tensor, "n *shape"], count: int) -> Float[Tensor, "*shape {count}"]:
    """log of the share of each of 0..count-1, with one more of each counted so that none is impossible."""
    counts = torch.stack([(value == each).sum(0) for each in range(count)], -1) + 1.0
    return (counts / counts.sum(-1, keepdim=True)).log()


class Bernoulli(Conditional):
    """x in {0, 1}; the output is a logit."""

    per_element = 1

    def log_prob(
        self, x: Int[Tensor, "*shape"], outputs: Float[Tensor, "*shape 1"]
    ) -> Float[Tensor, "*shape"]:
        return bernoulli_log_prob(x, outputs.squeeze(-1))

    def sample(self, outputs: Float[Tensor, "*shape 1"], generator: torch.Generator) -> Int[Tensor, "*shape"]:
        return bernoulli_sample(outputs.squeeze(-1), generator)

    def entropy(self, outputs: Float[Tensor, "*shape 1"]) -> Float[Tensor, "*shape"]:
        logit = outputs.squeeze(-1)
        return F.softplus(logit) - logit * logit.sigmoid()

    def first_guess(self, x: Int[Tensor, "n *shape"]) -> Float[Tensor, "*shape 1"]:
        log_shares = _log_shares(x, 2)
        return (log_shares[..., 1] - log_shares[..., 0]).unsqueeze(-1)


class Categorical(Conditional):
    """x in 0..levels-1; the outputs are logits."""

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.per_element = levels

    def log_prob(
        self, x: Int[Tensor, "*shape"], outputs: Float[Tensor, "*shape levels"]
    ) -> Float[Tensor, "*shape"]:
        return categorical_log_prob(x, outputs)

    def sample(
        self, outputs: Float[Tensor, "*shape levels"], generator: torch.Generator
    ) -> Int[Tensor, "*shape"]:
        return categorical_sample(outputs, generator)

    def entropy(self, outputs: Float[Tensor, "*shape levels"]) -> Float[Tensor, "*shape"]:
        log_p = outputs.log_softmax(-1)
        return -(log_p.exp() * log_p).sum(-1)

    def first_guess(self, x: Int[Tensor, "n *shape"]) -> Float[Tensor, "*shape levels"]:
        return _log_shares(x, self.per_element)


class _Mixture(Conditional):
    """A mixture of `components`; outputs are their logits, means and log scales. The means start spread out:
    components that start alike would stay alike."""

    offsets: Tensor

    def __init__(self, components: int, widest: float) -> None:
        super().__init__()
        self.components = components
        self.per_element = 3 * components
        spread = torch.linspace(-widest, widest, components) if components > 1 else torch.zeros(1)
        self.register_buffer("offsets", spread, persistent=False)

    def parts(self, outputs: Float[Tensor, "*shape per"]) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, means and log scales, (*shape, components) each."""
        logits, means, log_scales = outputs.unflatten(-1, (3, self.components)).unbind(-2)
        log_scales = (log_scales + _INITIAL_LOG_SCALE).clamp(_MIN_LOG_SCALE, _MAX_LOG_SCALE)
        return logits, means + self.offsets, log_scales

    def first_guess(self, x: Shaped[Tensor, "n *shape"]) -> Float[Tensor, "*shape per"]:
        """The weight of each component is the share of the values that are nearest to it."""
        nearest = (self._in_own_units(x).unsqueeze(-1) - self.offsets).abs().argmin(-1)  # n, *shape
        logits = _log_shares(nearest, self.components)
        return torch.cat([logits, torch.zeros_like(logits), torch.zeros_like(logits)], -1)

    @abstractmethod
    def _in_own_units(self, x: Shaped[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The values in units in which data have a scale of about 1."""


class GaussianMixtureConditional(_Mixture):
    """x is real and standardised."""

    def __init__(self, components: int) -> None:
        super().__init__(components, widest=2.0)

    def log_prob(
        self, x: Float[Tensor, "*shape"], outputs: Float[Tensor, "*shape per"]
    ) -> Float[Tensor, "*shape"]:
        return gaussian_mixture_log_prob(x, *self.parts(outputs))

    def sample(
        self, outputs: Float[Tensor, "*shape per"], generator: torch.Generator
    ) -> Float[Tensor, "*shape"]:
        logits, means, log_scales = self.parts(outputs)
        mean, log_scale = choose_component(logits, means, log_scales, generator=generator)
        return gaussian_sample(mean, log_scale, generator)

    def _in_own_units(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return x


class LogisticMixtureConditional(_Mixture):
    """x in 0..levels-1; the network works in units in which the levels span [-1, 1]."""

    def __init__(self, components: int, levels: int) -> None:
        super().__init__(components, widest=1.0)
        self.levels = levels

    def parts(self, outputs: Float[Tensor, "*shape per"]) -> tuple[Tensor, Tensor, Tensor]:
        logits, means, log_scales = super().parts(outputs)
        half_range = (self.levels - 1) / 2
        return logits, (means + 1) * half_range, log_scales + math.log(half_range)

    def log_prob(
        self, x: Int[Tensor, "*shape"], outputs: Float[Tensor, "*shape per"]
    ) -> Float[Tensor, "*shape"]:
        return discretised_logistic_mixture_log_prob(x, *self.parts(outputs), self.levels)

    def sample(
        self, outputs: Float[Tensor, "*shape per"], generator: torch.Generator
    ) -> Int[Tensor, "*shape"]:
        logits, means, log_scales = self.parts(outputs)
        mean, log_scale = choose_component(logits, means, log_scales, generator=generator)
        return discretised_logistic_sample(mean, log_scale, self.levels, generator)

    def _in_own_units(self, x: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return x * (2 / (self.levels - 1)) - 1


def conditional_for(spec: DataSpec, components: int) -> Conditional:
    """The conditional that fits the data's domain; components: how many a mixture has, where it is one."""
    if spec.levels is None:
        return GaussianMixtureConditional(components)
    if spec.levels == 2:
        return Bernoulli()
    if spec.levels <= _MAX_CATEGORIES or spec.modality == "tokens":
        return Categorical(spec.levels)
    return LogisticMixtureConditional(components, spec.levels)
