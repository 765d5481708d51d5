"""Restricted Boltzmann machines on their way from a base-rate model: what `HasEnergy` asks for.

A plugin's RBM hands over its weights and gets a path whose two ends are known: at beta = 0 its visible units
are independent, each with the base rate of the data, and Z is a product; at beta = 1 it is the RBM
(Salakhutdinov & Murray 2008, section 4.1). In between, blocked Gibbs steps leave f_beta invariant. W: (V, H).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class BinaryBaseRateRBM:
    """v in {0, 1}^V, h in {0, 1}^H, log p(v, h) = b v + a h + v W h - log Z.

    base_bias: log odds of each visible unit in the base; those of the (smoothed) data make the best base.
    """

    weights: Float[Tensor, "v h"]
    visible_bias: Float[Tensor, " v"]
    hidden_bias: Float[Tensor, " h"]
    base_bias: Float[Tensor, " v"]

    def log_unnormalised(self, v: Tensor, beta: float = 1.0) -> Float[Tensor, " n"]:
        """log f_beta(v), the hidden units summed out: their share goes to H log 2 as beta goes to 0."""
        v = v.to(self.weights.dtype)
        bias = (1 - beta) * self.base_bias + beta * self.visible_bias
        return v @ bias + F.softplus(beta * (v @ self.weights + self.hidden_bias)).sum(1)

    def base_log_partition(self) -> float:
        """log of 2^H prod_i (1 + exp(base_bias_i))."""
        hidden = len(self.hidden_bias) * math.log(2)
        return float(F.softplus(self.base_bias.double()).sum()) + hidden

    def sample_base(self, count: int, generator: torch.Generator) -> Float[Tensor, "{count} v"]:
        rates = self.base_bias.sigmoid().expand(count, -1)
        return torch.bernoulli(rates, generator=generator)

    def tempered_step(
        self, v: Float[Tensor, "n v"], beta: float, generator: torch.Generator
    ) -> Float[Tensor, "n v"]:
        """One sweep of Gibbs sampling: the hidden units given the visible ones, and these given those."""
        hidden_rates = (beta * (v @ self.weights + self.hidden_bias)).sigmoid()
        h = torch.bernoulli(hidden_rates, generator=generator)
        bias = (1 - beta) * self.base_bias + beta * self.visible_bias
        return torch.bernoulli((bias + beta * (h @ self.weights.T)).sigmoid(), generator=generator)


@dataclass(frozen=True)
class GaussianBaseRateRBM:
    """v real, h in {0, 1}^H: log p(v, h) = -|(v - b) / s|^2 / 2 + a h + (v / s) W h - log Z, all by element.

    base_mean, base_scale: of the normal distribution of each visible unit in the base.
    """

    weights: Float[Tensor, "v h"]
    visible_bias: Float[Tensor, " v"]
    scale: Float[Tensor, " v"]
    hidden_bias: Float[Tensor, " h"]
    base_mean: Float[Tensor, " v"]
    base_scale: Float[Tensor, " v"]

    def log_unnormalised(self, v: Float[Tensor, "n v"], beta: float = 1.0) -> Float[Tensor, " n"]:
        base = -0.5 * ((v - self.base_mean) / self.base_scale).square().sum(1)
        own = -0.5 * ((v - self.visible_bias) / self.scale).square().sum(1)
        return (1 - beta) * base + beta * own + F.softplus(beta * self._hidden_input(v)).sum(1)

    def base_log_partition(self) -> float:
        """log of 2^H prod_i sqrt(2 pi) base_scale_i."""
        visible = self.base_scale.double().log() + 0.5 * math.log(2 * math.pi)
        return float(visible.sum()) + len(self.hidden_bias) * math.log(2)

    def sample_base(self, count: int, generator: torch.Generator) -> Float[Tensor, "{count} v"]:
        noise = torch.randn(
            count,
            len(self.base_mean),
            generator=generator,
            device=self.base_mean.device,
            dtype=self.base_mean.dtype,
        )
        return self.base_mean + self.base_scale * noise

    def tempered_step(
        self, v: Float[Tensor, "n v"], beta: float, generator: torch.Generator
    ) -> Float[Tensor, "n v"]:
        h = torch.bernoulli((beta * self._hidden_input(v)).sigmoid(), generator=generator)
        # two Gaussians, the base's and the model's, to the powers 1 - beta and beta
        precision = (1 - beta) / self.base_scale.square() + beta / self.scale.square()
        pull = (1 - beta) * self.base_mean / self.base_scale.square() + beta * (
            self.visible_bias / self.scale.square() + (h @ self.weights.T) / self.scale
        )
        noise = torch.randn(v.shape, generator=generator, device=v.device, dtype=v.dtype)
        return pull / precision + noise * precision.rsqrt()

    def _hidden_input(self, v: Tensor) -> Tensor:
        return (v / self.scale) @ self.weights + self.hidden_bias
