"""The visible units of Boltzmann machines, which depend on the domain of the data and not on the layers above.

two levels                  Bernoulli
more levels                 softmax, one unit per level of each element (Salakhutdinov, Mnih & Hinton 2007)
many levels, a power of 2   Bernoulli, one unit per bit of each element, in Gray code
real values                 Gaussian, of standardised data, with learned scales

A code is what the units hold, one row per example. On data with levels codes and examples correspond one to one, so
that a probability of codes is a probability of the integers. Given the input u that the layers above send them,
units follow p(code | u) ~ exp(R(code) + t(code) u), with a statistic t that is linear in the code. R has a learned
bias. Sampling and annealing begin from a base in which elements are independent and as frequent as in the data: at
an inverse temperature beta it is R_beta = (1 - beta) R_0 + beta R (Salakhutdinov & Murray 2008, section 4.1).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import DataSpec, Split
from genbench_models.layers.standardise import Standardise

# With more levels than this, units for bits take far fewer weights than softmax units.
MAX_SOFTMAX_LEVELS = 32
# Base rates are counted over this many examples at most, with this many evenly spread ones added.
_BASE_EXAMPLES = 20_000
_PSEUDO_COUNT = 1.0
# Bounds of the log scale of Gaussian units. Below: chains no longer move, and a density has no bound where data repeat.
_MIN_LOG_SCALE, _MAX_LOG_SCALE = -4.0, 1.0

Code = Float[Tensor, "n code"]


class VisibleUnits(nn.Module, ABC):
    """The distribution of a code given the input from the layers above."""

    bias: nn.Parameter
    """(code,), learned."""
    centre: Tensor
    """(code,): the mean of the statistic over the data. Weights are given the difference from it (Montavon & Müller
    2012)."""
    width: int
    """Numbers per code."""

    def __init__(self, spec: DataSpec, width: int) -> None:
        super().__init__()
        self.spec = spec
        self.width = width
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("centre", torch.zeros(width))

    @abstractmethod
    def fit_base(self, train: Split) -> None:
        """Measure the base, and start the bias from it."""

    @abstractmethod
    def encode(self, x: Shaped[Tensor, "n *event"]) -> Code:
        """The codes of examples."""

    @abstractmethod
    def decode(self, code: Code) -> Shaped[Tensor, "n *event"]:
        """The examples of codes, in the data's domain."""

    @abstractmethod
    def per_unit(self, mask: Bool[Tensor, "n *event"]) -> Bool[Tensor, "n code"]:
        """The mask of units that belongs to a mask of elements."""

    def statistic(self, code: Code) -> Code:
        """t(code) minus the centre."""
        return code - self.centre

    @abstractmethod
    def log_weight(self, code: Code, beta: float = 1.0) -> Float[Tensor, " n"]:
        """R_beta, nats; for real data on the data's own scale, not that of the code."""

    @abstractmethod
    def draw(
        self, inputs: Code, generator: torch.Generator | None, beta: float = 1.0
    ) -> Float[Tensor, "n code"]:
        """p(code | u) at beta. inputs: u times beta."""

    @abstractmethod
    def base_log_partition(self) -> float:
        """log of the sum or integral over the data's domain of exp(R_0)."""

    def draw_base(self, count: int, generator: torch.Generator | None) -> Float[Tensor, "{count} code"]:
        return self.draw(self.bias.new_zeros(count, self.width), generator, beta=0.0)

    def rescale_gradients(self, weights: nn.Parameter) -> None:
        """Called before a step of learning: rescale the gradients of the bias and of the weights to the units above, so
        that one learning rate suits all domains."""
        return

    def keep_in_bounds(self) -> None:
        """Called after a step of learning."""
        return


class BinaryUnits(VisibleUnits):
    """code in {0, 1}^(D bits); R = bias code. bits: per element, in reflected binary (Gray) code, in which
    neighbouring levels differ by one bit; there are 2^bits levels."""

    base_bias: Tensor

    def __init__(self, spec: DataSpec, bits: int = 1) -> None:
        super().__init__(spec, spec.dimension * bits)
        self.bits = bits
        self.register_buffer("base_bias", torch.zeros(self.width))

    @torch.no_grad()
    def fit_base(self, train: Split) -> None:
        code = self.encode(train.random_subset(_BASE_EXAMPLES, seed=0).tensor().to(self.bias.device))
        rate = (code.sum(0) + 0.5 * _PSEUDO_COUNT) / (len(code) + _PSEUDO_COUNT)
        self.centre.copy_(rate)
        self.base_bias.copy_(rate.logit())
        self.bias.copy_(self.base_bias)

    def encode(self, x: Int[Tensor, "n *event"]) -> Code:
        x = x.flatten(1)
        if self.bits > 1:
            gray = x ^ (x >> 1)
            places = torch.arange(self.bits, device=x.device)
            x = ((gray.unsqueeze(2) >> places) & 1).flatten(1)
        return x.to(self.bias.dtype)

    def decode(self, code: Code) -> Int[Tensor, "n *event"]:
        x = code.long()
        if self.bits > 1:
            x = x.unflatten(1, (-1, self.bits))
            # bit i is the parity of the bits of the Gray code from i up
            parity = x.flip(2).cumsum(2).flip(2) & 1
            x = (parity << torch.arange(self.bits, device=x.device)).sum(2)
        decoded: Tensor = x.unflatten(1, self.spec.event_shape)
        return decoded

    def per_unit(self, mask: Bool[Tensor, "n *event"]) -> Bool[Tensor, "n code"]:
        return mask.flatten(1).repeat_interleave(self.bits, 1)

    def _bias(self, beta: float) -> Tensor:
        return (1 - beta) * self.base_bias + beta * self.bias

    def log_weight(self, code: Code, beta: float = 1.0) -> Float[Tensor, " n"]:
        return code @ self._bias(beta)

    def draw(
        self, inputs: Code, generator: torch.Generator | None, beta: float = 1.0
    ) -> Float[Tensor, "n code"]:
        return bernoulli(self._bias(beta) + inputs, generator)

    def base_log_partition(self) -> float:
        return float(F.softplus(self.base_bias.double()).sum())


class SoftmaxUnits(VisibleUnits):
    """code: D one-hot vectors of `levels` numbers; R = bias code."""

    base_bias: Tensor

    def __init__(self, spec: DataSpec) -> None:
        assert spec.levels is not None
        self.levels = spec.levels
        super().__init__(spec, spec.dimension * spec.levels)
        self.register_buffer("base_bias", torch.zeros(self.width))

    @torch.no_grad()
    def fit_base(self, train: Split) -> None:
        x = train.random_subset(_BASE_EXAMPLES, seed=0).tensor().to(self.bias.device).flatten(1)
        counts = torch.zeros(self.spec.dimension, self.levels, device=x.device)
        counts.scatter_add_(1, x.T, torch.ones(x.T.shape, device=x.device))
        rate = (counts + _PSEUDO_COUNT / self.levels) / (len(x) + _PSEUDO_COUNT)
        self.centre.copy_(rate.flatten())
        self.base_bias.copy_(rate.log().flatten())
        self.bias.copy_(self.base_bias)

    def encode(self, x: Int[Tensor, "n *event"]) -> Code:
        index = x.flatten(1).unsqueeze(2)
        code = self.bias.new_zeros(*index.shape[:2], self.levels)
        filled: Tensor = code.scatter_(2, index, 1.0).flatten(1)
        return filled

    def decode(self, code: Code) -> Int[Tensor, "n *event"]:
        decoded: Tensor = code.unflatten(1, (-1, self.levels)).argmax(2).unflatten(1, self.spec.event_shape)
        return decoded

    def per_unit(self, mask: Bool[Tensor, "n *event"]) -> Bool[Tensor, "n code"]:
        return mask.flatten(1).repeat_interleave(self.levels, 1)

    def _bias(self, beta: float) -> Tensor:
        return (1 - beta) * self.base_bias + beta * self.bias

    def log_weight(self, code: Code, beta: float = 1.0) -> Float[Tensor, " n"]:
        return code @ self._bias(beta)

    def draw(
        self, inputs: Code, generator: torch.Generator | None, beta: float = 1.0
    ) -> Float[Tensor, "n code"]:
        probability = (self._bias(beta) + inputs).unflatten(1, (-1, self.levels)).softmax(2)
        # the first of clocks that ring at rates p_k is k with probability p_k
        waiting = torch.empty_like(probability).exponential_(generator=generator)
        index = (probability / waiting).argmax(2, keepdim=True)
        return torch.zeros_like(probability).scatter_(2, index, 1.0).flatten(1)

    def base_log_partition(self) -> float:
        bias = self.base_bias.double().unflatten(0, (-1, self.levels))
        return float(bias.logsumexp(1).sum())


class GaussianUnits(VisibleUnits):
    """code real, D standardised values; R = -|(code - bias) / s|^2 / 2 and t = code / s^2, so that the mean
    given u is bias + u whatever s is (Cho, Ilin & Raiko 2011, section 3).

    log_scale: log s. The base is a standard normal distribution.
    """

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec, spec.dimension)
        self.standardise = Standardise(spec)
        self.log_scale = nn.Parameter(torch.zeros(self.width))

    def fit_base(self, train: Split) -> None:
        self.standardise.fit(train)

    def encode(self, x: Float[Tensor, "n *event"]) -> Code:
        code: Tensor = self.standardise(x).flatten(1)
        return code

    def decode(self, code: Code) -> Float[Tensor, "n *event"]:
        return self.standardise.inverse(code.unflatten(1, self.spec.event_shape))

    def per_unit(self, mask: Bool[Tensor, "n *event"]) -> Bool[Tensor, "n code"]:
        return mask.flatten(1)

    def statistic(self, code: Code) -> Code:
        return code * (-2 * self.log_scale).exp()

    def log_weight(self, code: Code, beta: float = 1.0) -> Float[Tensor, " n"]:
        own = -0.5 * ((code - self.bias) * (-self.log_scale).exp()).square().sum(1)
        base = -0.5 * code.square().sum(1)
        return (1 - beta) * base + beta * own + self.standardise.log_abs_det_jacobian()

    def draw(
        self, inputs: Code, generator: torch.Generator | None, beta: float = 1.0
    ) -> Float[Tensor, "n code"]:
        # two Gaussians, the base's and the model's, to the powers 1 - beta and beta
        own = (-2 * self.log_scale).exp()
        precision = (1 - beta) + beta * own
        mean = (beta * self.bias + inputs) * own / precision
        noise = torch.empty_like(inputs).normal_(generator=generator)
        return mean + noise * precision.rsqrt()

    def base_log_partition(self) -> float:
        """The integral over the code on its own scale: R includes the Jacobian, which cancels the change of scale."""
        return 0.5 * self.width * math.log(2 * math.pi)

    @torch.no_grad()
    def rescale_gradients(self, weights: nn.Parameter) -> None:
        """To units of the mean, which do not depend on s, as those of the statistic do (1 / s^2)."""
        variance = (2 * self.log_scale).exp()
        for parameter in (self.bias, weights):
            if parameter.grad is not None:
                parameter.grad.mul_(variance.reshape(-1, *(1,) * (parameter.dim() - 1)))

    @torch.no_grad()
    def keep_in_bounds(self) -> None:
        self.log_scale.clamp_(_MIN_LOG_SCALE, _MAX_LOG_SCALE)


def visible_units(spec: DataSpec) -> VisibleUnits:
    """The units that fit the data's domain."""
    if spec.levels is None:
        return GaussianUnits(spec)
    if spec.levels == 2:
        return BinaryUnits(spec)
    bits = spec.levels.bit_length() - 1
    if spec.levels > MAX_SOFTMAX_LEVELS and spec.levels == 2**bits and spec.modality != "tokens":
        return BinaryUnits(spec, bits)
    return SoftmaxUnits(spec)


def bernoulli(logits: Tensor, generator: torch.Generator | None) -> Tensor:
    """0 or 1 in the dtype of the logits."""
    rates = logits.sigmoid()
    noise = torch.empty_like(rates).uniform_(generator=generator)
    return (noise < rates).to(rates.dtype)
