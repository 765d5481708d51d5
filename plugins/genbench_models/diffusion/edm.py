"""EDM: a preconditioned network, noise levels drawn where they matter, and Heun's method for sampling.

Karras, Aittala, Aila & Laine 2022, "Elucidating the Design Space of Diffusion-Based Generative Models",
https://arxiv.org/abs/2206.00364

| part of the paper | here |
|---|---|
| preconditioning: c_skip, c_out, c_in (table 1, "ours") | there; sigma_data is measured |
| log-normal noise levels in training, loss weighted by 1 / c_out² (section 5) | there |
| noise levels of the sampler with rho = 7 between 0.002 and 80, Heun's method (algorithm 1) | there |
| stochastic sampler (algorithm 2) | left out: the deterministic one is better on small sets (table 4) |
| c_noise = ln(sigma) / 4 | changed: ln(sigma) on a scale from 0 to 1, which the network's waves expect |
| moving average of the weights | there |
| augmentation of the training set, networks of DDPM++ and ADM | left out: the small U-Net of `ddpm` |
| likelihood by the ODE | left out: not announced |
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench_models.layers.moving_average import averaged_copy, follow
from genbench_models.layers.networks import adam, set_learning_rate
from genbench_models.layers.ranges import at_least, positive, shares
from genbench_models.layers.standardise import Standardise
from genbench_models.layers.time_networks import time_network

_MIN_SIGMA, _MAX_SIGMA = 0.002, 80.0
_RHO = 7.0
_MEAN_LOG_SIGMA, _SPREAD_LOG_SIGMA = -1.2, 1.2
"""Mean and standard deviation of ln(sigma) in training (table 1)."""


class EDM(GenerativeModel):
    """x = data + sigma * noise in standardised units, and D(x, sigma) = c_skip x + c_out F(c_in x, sigma) predicts the
    data. Samples follow dx/dsigma = (x - D(x, sigma)) / sigma from sigma = 80 to 0, in `sampler_steps` steps of
    Heun's method, with a moving average of the weights of F.
    """

    spread: Tensor

    def __init__(
        self,
        spec: DataSpec,
        *,
        sampler_steps: int = 12,
        hidden: int = 128,
        layers: int = 3,
        width: int = 16,
        batch_size: int = 64,
        learning_rate: float = 4e-3,
        ema: float = 0.99,
    ) -> None:
        super().__init__(spec)
        at_least(
            1, sampler_steps=sampler_steps, hidden=hidden, layers=layers, width=width, batch_size=batch_size
        )
        positive(learning_rate=learning_rate)
        shares(ema=ema)
        self.sampler_steps = sampler_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.ema = ema
        self.standardise = Standardise(spec)
        self.network = time_network(spec, hidden=hidden, layers=layers, width=width)
        self.averaged = averaged_copy(self.network)
        self.register_buffer("spread", torch.ones(()))  # sigma_data: standard deviation of standardised data

    def _factors(self, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """c_skip, c_out and c_in (table 1)."""
        total = sigma.square() + self.spread.square()
        return self.spread.square() / total, sigma * self.spread / total.sqrt(), 1 / total.sqrt()

    def _time(self, sigma: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        """ln(sigma), from 0 to 1."""
        low, high = math.log(_MIN_SIGMA), math.log(_MAX_SIGMA)
        return ((sigma.log() - low) / (high - low)).clamp(0, 1)

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        # of at most some thousand examples, which is plenty for one number
        spread = self.standardise(train.tensor()[:4096]).std(correction=0)
        self.spread.copy_(torch.where(spread > 0, spread, torch.ones_like(spread)))
        optimiser = adam(self.network.parameters(), self.learning_rate)
        for step, batch in enumerate(meter.batches(train, self.batch_size)):
            set_learning_rate(optimiser, self.learning_rate, meter.fraction)
            y = self.standardise(batch.x)  # B, *event
            sigma = (_MEAN_LOG_SIGMA + _SPREAD_LOG_SIGMA * torch.randn(len(y), device=self.device)).exp()
            by_example = sigma.reshape(-1, *[1] * (y.dim() - 1))
            c_skip, c_out, c_in = self._factors(by_example)
            noisy = y + by_example * torch.randn_like(y)
            predicted = self.network(c_in * noisy, self._time(sigma))
            # the loss of D weighted by 1 / c_out² is that of F with weight 1 (eq. 8)
            loss = (predicted - (y - c_skip * noisy) / c_out).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            follow(self.averaged, self.network, self.ema, step)
            meter.log(loss=loss)

    def denoised(self, noisy: Float[Tensor, "batch *event"], sigma: float) -> Float[Tensor, "batch *event"]:
        """D(x, sigma), held within the data's range where there are levels."""
        level = torch.full((len(noisy),), sigma, device=noisy.device)
        c_skip, c_out, c_in = self._factors(level[:1])
        clean: Tensor = c_skip * noisy + c_out * self.averaged(c_in * noisy, self._time(level))
        return clean if self.spec.levels is None else clean.clamp(-1, 1)

    @property
    def sampling_budgets(self) -> tuple[int, ...]:
        """Numbers of sampler steps worth comparing; each but the last evaluates the network twice."""
        return tuple(sorted({3, 6, 12, 18, self.sampler_steps}))

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator, *, steps: int | None = None) -> Tensor:
        """(count, *event_shape). steps: of Heun's method (algorithm 1)."""
        taken = self.sampler_steps if steps is None else max(1, steps)
        sigmas = noise_levels(taken)
        y = sigmas[0] * torch.randn(count, *self.spec.event_shape, generator=generator, device=self.device)
        for now, then in pairwise(sigmas):
            slope = (y - self.denoised(y, now)) / now
            after = y + (then - now) * slope
            if then > 0:
                slope_after = (after - self.denoised(after, then)) / then
                after = y + (then - now) * (slope + slope_after) / 2
            y = after
        x = self.standardise.inverse(y)
        return x if self.spec.levels is None else x.round().clamp(0, self.spec.levels - 1).long()


def noise_levels(steps: int) -> list[float]:
    """`steps` levels from 80 down to 0.002, then 0 (eq. 5)."""
    high, low = _MAX_SIGMA ** (1 / _RHO), _MIN_SIGMA ** (1 / _RHO)
    shares_of_way = [number / max(1, steps - 1) for number in range(steps)]
    return [*((high + share * (low - high)) ** _RHO for share in shares_of_way), 0.0]
