"""Completion by any decoder: a latent is drawn from the posterior given the observed pixels, and decoded.

The posterior is p(z) p(x_observed | z) with x ~ N(decode(z), scale²) for each pixel, or Bernoulli(decode(z)) for two
levels. Latents from the prior are resampled by their importance weights. The Metropolis-adjusted Langevin algorithm
(Roberts & Tweedie 1996), which leaves the posterior invariant, goes on from there.

A GAN has no scale, and a VAE's depends on z. Here the scale is one number per mask: the root of the mean squared
residual of the observed pixels, estimated first from the best latents of the prior, and again in the middle of the
Markov chain. The missing pixels' true values are never used. They become the decoder's mean, rounded to levels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from genbench.api.model import GenerativeModel, HasDecoder
from genbench.util.seeding import seeded

POOL = 512
_DECODED_AT_ONCE = 256
# Bounds a decoder's mean for two levels: a probability of 0 or 1 would make an example impossible.
_MIN_PROBABILITY = 0.01
# The smallest scale, as a share of the range of levels, or of the standard deviation of real values.
_MIN_SCALE_SHARE = 0.02
# The best acceptance rate of Langevin steps (Roberts & Rosenthal 1998), and how fast step sizes adapt to it.
_ACCEPTANCE = 0.574
_ADAPTATION = 0.3
_FIRST_STEP = 0.2


def langevin(
    log_density: Callable[[Tensor], Tensor],
    z: Float[Tensor, "n *latent"],
    generator: torch.Generator,
    steps: int,
    step_size: Float[Tensor, " n"] | None = None,
) -> tuple[Float[Tensor, "n *latent"], Float[Tensor, " n"]]:
    """The latents after `steps` steps of one chain for each row of z, and the step size of each chain.

    log_density: (N, *latent) -> (N,) log-density of each row, up to a constant. Step sizes adapt in the first half of
    the steps; in the second half they are fixed, and the chain leaves the density invariant. step_size: at the start;
    None takes a default.
    """
    size = torch.full((len(z),), _FIRST_STEP, device=z.device) if step_size is None else step_size
    value, slope = _with_gradient(log_density, z)
    for number in range(steps):
        wide = size.reshape(-1, *[1] * (z.ndim - 1))
        noise = torch.randn(z.shape, generator=generator, device=z.device)
        proposed = z + wide.square() / 2 * slope + wide * noise
        new_value, new_slope = _with_gradient(log_density, proposed)
        back = (z - proposed - wide.square() / 2 * new_slope) / wide
        log_ratio = new_value - value + 0.5 * (noise.square() - back.square()).flatten(1).sum(1)
        acceptance = log_ratio.exp().nan_to_num(0.0).clamp(max=1.0)
        accepted = torch.rand(len(z), generator=generator, device=z.device) < acceptance
        chosen = accepted.reshape(wide.shape)
        z, slope = torch.where(chosen, proposed, z), torch.where(chosen, new_slope, slope)
        value = torch.where(accepted, new_value, value)
        if number < steps // 2:
            size = size * (_ADAPTATION * (acceptance - _ACCEPTANCE)).exp()
    return z, size


def _with_gradient(log_density: Callable[[Tensor], Tensor], z: Tensor) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        leaf = z.detach().requires_grad_()
        value = log_density(leaf)
        (slope,) = torch.autograd.grad(value.sum(), leaf)
    return value.detach(), slope


class LatentCompleter:
    """Completes examples by a decoder.

    generator: of the pool. steps: of the Markov chain. pool: how many latents of the prior are decoded to choose the
    start from. scale: of the observation; None estimates it.
    """

    def __init__(
        self,
        model: GenerativeModel,
        generator: torch.Generator,
        *,
        steps: int,
        pool: int = POOL,
        scale: float | None = None,
    ) -> None:
        self.model = model
        self.spec = model.spec
        self.decoder = cast(HasDecoder, model)
        self.steps = steps
        self.scale = scale
        seed = int(torch.randint(2**31, (1,), generator=generator, device=generator.device))
        with (
            torch.no_grad(),
            seeded(seed, model.device),
        ):  # torch's distributions draw from the global generator
            self.latents: Tensor = self.decoder.prior.sample(torch.Size((pool,)))
            self.decoded = torch.cat(
                [self.decoder.decode(some).flatten(1) for some in self.latents.split(_DECODED_AT_ONCE)]
            )  # pool, D

    def complete(
        self, x: Shaped[Tensor, "n *event"], mask: Bool[Tensor, "n *event"], generator: torch.Generator
    ) -> Shaped[Tensor, "n *event"]:
        """x with the missing values, where mask is False, decoded from a latent of the posterior; in the working
        type."""
        with torch.no_grad():
            drawn = self.decoder.decode(self.posterior(x, mask, generator))
        if self.spec.levels is not None:
            drawn = drawn.round().clamp(0, self.spec.levels - 1).long()
        return torch.where(mask, x, drawn)

    def posterior(
        self, x: Shaped[Tensor, "n *event"], mask: Bool[Tensor, "n *event"], generator: torch.Generator
    ) -> Float[Tensor, "n *latent"]:
        """One latent for each example, drawn from its posterior."""
        target, given = x.float().flatten(1), mask.float().flatten(1)
        scale = self.scale or self._scale(self._pool_residuals(target, given).amin(1), target, given)
        weights = self._pool_log_likelihood(target, given, scale).softmax(1)
        z = self.latents[torch.multinomial(weights, 1, generator=generator)[:, 0]]
        z, size = langevin(self._joint(target, given, scale), z, generator, self.steps // 2)
        if self.scale is None and self.spec.levels != 2:
            with torch.no_grad():
                left = (given * (self.decoder.decode(z).flatten(1) - target).square()).sum(1)
            scale = self._scale(left, target, given)
        return langevin(self._joint(target, given, scale), z, generator, self.steps - self.steps // 2, size)[
            0
        ]

    def _joint(self, target: Tensor, given: Tensor, scale: float) -> Callable[[Tensor], Tensor]:
        def log_joint(z: Tensor) -> Tensor:
            log_prior = self.decoder.prior.log_prob(z).reshape(len(z), -1).sum(1)
            decoded = self.decoder.decode(z).flatten(1)
            return log_prior + (given * self._log_likelihood(decoded, target, scale)).sum(1)

        return log_joint

    def _log_likelihood(self, decoded: Tensor, target: Tensor, scale: float) -> Tensor:
        if self.spec.levels == 2:
            p = decoded.clamp(_MIN_PROBABILITY, 1 - _MIN_PROBABILITY)
            return target * p.log() + (1 - target) * (-p).log1p()
        return -0.5 * ((target - decoded) / scale).square()

    def _pool_residuals(self, target: Tensor, given: Tensor) -> Float[Tensor, "n pool"]:
        observed = target * given
        squares = (observed * target).sum(1, keepdim=True) + given @ self.decoded.square().T
        return (squares - 2 * observed @ self.decoded.T).clamp(min=0.0)

    def _pool_log_likelihood(self, target: Tensor, given: Tensor, scale: float) -> Float[Tensor, "n pool"]:
        if self.spec.levels != 2:
            return -0.5 * self._pool_residuals(target, given) / scale**2
        p = self.decoded.clamp(_MIN_PROBABILITY, 1 - _MIN_PROBABILITY)
        return (target * given) @ p.log().T + ((1 - target) * given) @ (-p).log1p().T

    def _scale(self, residuals: Float[Tensor, " n"], target: Tensor, given: Tensor) -> float:
        observed = given.sum().clamp(min=1)
        unit = float(target.std()) if self.spec.levels is None else self.spec.levels - 1.0
        return max(float((residuals.sum() / observed).sqrt()), _MIN_SCALE_SHARE * unit, 1e-6)
