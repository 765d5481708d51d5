"""The methods of `HasEnergy` for restricted Boltzmann machines, on a path from a base-rate model.

A plugin's RBM passes its weights and gets a path from beta = 0, where the visible units are independent with the base
rates of the data and Z is a product, to beta = 1, where it is the RBM (Salakhutdinov & Murray 2008, section 4.1). On
the path, blocked Gibbs steps leave f_beta invariant. W: (V, H).
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
    """v in {0, 1}^V, h in {0, 1}^H, log p(v, h) = b v + a h + v W h - log Z."""

    weights: Float[Tensor, "v h"]
    """W."""
    visible_bias: Float[Tensor, " v"]
    """b."""
    hidden_bias: Float[Tensor, " h"]
    """a."""
    base_bias: Float[Tensor, " v"]
    """Log-odds of each visible unit in the base distribution. Those of the smoothed data make the best one."""

    def log_unnormalised(self, v: Tensor, beta: float = 1.0) -> Float[Tensor, " n"]:
        """log f_beta(v), summed over the hidden units, which contribute H log 2 at beta = 0."""
        v = v.to(self.weights.dtype)
        bias = (1 - beta) * self.base_bias + beta * self.visible_bias
        return v @ bias + F.softplus(beta * (v @ self.weights + self.hidden_bias)).sum(1)

    def base_log_partition(self) -> float:
        """The logarithm of 2^H prod_i (1 + exp(base_bias_i))."""
        hidden = len(self.hidden_bias) * math.log(2)
        return float(F.softplus(self.base_bias.double()).sum()) + hidden

    def sample_base(self, count: int, generator: torch.Generator) -> Float[Tensor, "{count} v"]:
        """Draws of the visible units from the base distribution."""
        rates = self.base_bias.sigmoid().expand(count, -1)
        return torch.bernoulli(rates, generator=generator)

    def tempered_step(
        self, v: Float[Tensor, "n v"], beta: float, generator: torch.Generator
    ) -> Float[Tensor, "n v"]:
        """One sweep of Gibbs sampling: the hidden units given the visible ones, then the visible ones given the
        hidden."""
        hidden_rates = (beta * (v @ self.weights + self.hidden_bias)).sigmoid()
        h = torch.bernoulli(hidden_rates, generator=generator)
        bias = (1 - beta) * self.base_bias + beta * self.visible_bias
        return torch.bernoulli((bias + beta * (h @ self.weights.T)).sigmoid(), generator=generator)


@dataclass(frozen=True)
class GaussianBaseRateRBM:
    """v real, h in {0, 1}^H: log p(v, h) = -|(v - b) / s|^2 / 2 + a h + (v / s) W h - log Z, with elementwise
    division."""

    weights: Float[Tensor, "v h"]
    """W."""
    visible_bias: Float[Tensor, " v"]
    """b."""
    scale: Float[Tensor, " v"]
    """s."""
    hidden_bias: Float[Tensor, " h"]
    """a."""
    base_mean: Float[Tensor, " v"]
    """Mean of each visible unit in the base distribution, which is normal."""
    base_scale: Float[Tensor, " v"]
    """Standard deviation of each visible unit in the base distribution."""

    def log_unnormalised(self, v: Float[Tensor, "n v"], beta: float = 1.0) -> Float[Tensor, " n"]:
        """log f_beta(v), summed over the hidden units."""
        base = -0.5 * ((v - self.base_mean) / self.base_scale).square().sum(1)
        own = -0.5 * ((v - self.visible_bias) / self.scale).square().sum(1)
        return (1 - beta) * base + beta * own + F.softplus(beta * self._hidden_input(v)).sum(1)

    def base_log_partition(self) -> float:
        """The logarithm of 2^H prod_i sqrt(2 pi) base_scale_i."""
        visible = self.base_scale.double().log() + 0.5 * math.log(2 * math.pi)
        return float(visible.sum()) + len(self.hidden_bias) * math.log(2)

    def sample_base(self, count: int, generator: torch.Generator) -> Float[Tensor, "{count} v"]:
        """Draws of the visible units from the base distribution."""
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
        """One sweep of Gibbs sampling: the hidden units given the visible ones, then the visible ones given the
        hidden."""
        h = torch.bernoulli((beta * self._hidden_input(v)).sigmoid(), generator=generator)
        # a product of the Gaussians of base and model, to the powers 1 - beta and beta
        precision = (1 - beta) / self.base_scale.square() + beta / self.scale.square()
        pull = (1 - beta) * self.base_mean / self.base_scale.square() + beta * (
            self.visible_bias / self.scale.square() + (h @ self.weights.T) / self.scale
        )
        noise = torch.randn(v.shape, generator=generator, device=v.device, dtype=v.dtype)
        return pull / precision + noise * precision.rsqrt()

    def _hidden_input(self, v: Tensor) -> Tensor:
        return (v / self.scale) @ self.weights + self.hidden_bias
