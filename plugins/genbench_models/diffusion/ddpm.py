"""DDPM: noise is added to data in many small steps, and a network learns to take each one back.

Ho, Jain & Abbeel 2020, "Denoising Diffusion Probabilistic Models", https://arxiv.org/abs/2006.11239; cosine schedule:
Nichol & Dhariwal 2021, https://arxiv.org/abs/2102.09672; the network's output v: Salimans & Ho 2022,
https://arxiv.org/abs/2202.00512; fewer steps: Song, Meng & Ermon 2021 (DDIM), https://arxiv.org/abs/2010.02502
"""

from __future__ import annotations

import copy
import math
from itertools import pairwise

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.likelihood.observation import discretised_gaussian_log_prob, gaussian_log_prob
from genbench_models.layers.networks import adam, set_learning_rate
from genbench_models.layers.standardise import Standardise
from genbench_models.layers.time_networks import time_network

_STRATA = 16
"""Time steps at which an example's bound is evaluated, one in each equal part of them."""


class DDPM(GenerativeModel):
    """q(x_t | x_0) = N(a_t x_0, (1 - a_t²) I) in standardised units, t = 1..steps, a_t falling along a cosine.

    The network predicts v = a_t e - s_t x_0 (with noise e, s_t² = 1 - a_t²), from which x_0 = a_t x_t - s_t v, held
    within the data's range where there are levels. Samples and bound are of a moving average of its weights.
    """

    signal: Tensor

    def __init__(
        self,
        spec: DataSpec,
        *,
        steps: int = 200,
        hidden: int = 128,
        layers: int = 3,
        width: int = 32,
        batch_size: int = 64,
        learning_rate: float = 2e-3,
        ema: float = 0.995,
    ) -> None:
        super().__init__(spec)
        if steps < 2:
            raise ValueError(f"steps={steps}: expected 2 or more")
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.ema = ema
        self.standardise = Standardise(spec)
        self.network = time_network(spec, hidden=hidden, layers=layers, width=width)
        self.averaged: nn.Module = copy.deepcopy(self.network).requires_grad_(False)
        angle = (torch.arange(steps + 1, dtype=torch.float64) / steps + 0.008) / 1.008 * math.pi / 2
        share = (angle.cos() / angle[0].cos()).square()  # cumulative product of the alphas
        alpha = (share[1:] / share[:-1]).clamp(min=1e-3)
        signal = torch.cat([torch.ones(1, dtype=torch.float64), alpha.cumprod(0)]).sqrt()
        self.register_buffer("signal", signal.float(), persistent=False)  # a_0..a_steps

    def _at(self, t: Int[Tensor, " batch"], x: Tensor) -> tuple[Tensor, Tensor]:
        """Signal and noise scale at times t, to be multiplied with x."""
        signal = self.signal[t].reshape(-1, *[1] * (x.dim() - 1))
        return signal, (1 - signal.square()).sqrt()

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        optimiser = adam(self.network.parameters(), self.learning_rate)
        averages: list[Tensor] = list(self.averaged.parameters())
        currents: list[Tensor] = list(self.network.parameters())
        for step, batch in enumerate(meter.batches(train, self.batch_size)):
            set_learning_rate(optimiser, self.learning_rate, meter.fraction)
            y = self.standardise(batch.x)  # B, *event
            t = torch.randint(1, self.steps + 1, (len(y),), device=self.device)
            signal, scale = self._at(t, y)
            noise = torch.randn_like(y)
            predicted = self.network(signal * y + scale * noise, t / self.steps)
            loss = (predicted - (signal * noise - scale * y)).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                torch._foreach_lerp_(averages, currents, 1 - min(self.ema, (1 + step) / (10 + step)))
            meter.log(loss=loss)

    def denoised(
        self, noisy: Float[Tensor, "batch *event"], t: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch *event"]:
        """The network's x_0."""
        signal, scale = self._at(t, noisy)
        clean: Tensor = signal * noisy - scale * self.averaged(noisy, t / self.steps)
        return clean if self.spec.levels is None else clean.clamp(-1, 1)

    # ---- the bound

    def elbo(self, x: Shaped[Tensor, "batch *event"]) -> Float[Tensor, " batch"]:
        """(N, *event_shape) -> (N,) nats: an unbiased estimate of the bound L (eq. 5), chance from torch's global
        generator. Of its terms, one for each time step, some are drawn, stratified."""
        y = self.standardise(x)
        signal, scale = self.signal[self.steps], (1 - self.signal[self.steps].square()).sqrt()
        prior_gap = 0.5 * ((signal * y).square() + scale.square() - 1 - 2 * scale.log()).flatten(1).sum(1)
        strata = min(_STRATA, self.steps)
        total = torch.zeros_like(prior_gap)
        for stratum in range(strata):
            place = (stratum + torch.rand(len(x), device=self.device)) / strata
            t = (place * self.steps).long().clamp(max=self.steps - 1) + 1
            total += self._term(x, y, t)
        bound: Tensor = -prior_gap - total * (self.steps / strata)
        return bound if self.spec.is_discrete else bound + self.standardise.log_abs_det_jacobian()

    def _term(
        self, x: Shaped[Tensor, "batch *event"], y: Float[Tensor, "batch *event"], t: Int[Tensor, " batch"]
    ) -> Float[Tensor, " batch"]:
        """L_{t-1}: KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t)), and -log p(x_0 | x_1) at t = 1."""
        signal, scale = self._at(t, y)
        before, scale_before = self._at(t - 1, y)
        clean = self.denoised(signal * y + scale * torch.randn_like(y), t)
        step_noise = 1 - (signal / before).square()  # beta_t
        variance = step_noise * (scale_before / scale).square()  # of q(x_{t-1} | x_t, x_0) (eq. 7)
        weight = (before * step_noise / scale.square()).square() / (2 * variance.clamp(min=1e-12))
        divergence = (weight * (clean - y).square()).flatten(1).sum(1)
        first_scale = 0.5 * torch.log(1 - self.signal[1].square())
        if self.spec.levels is None:
            reconstruction = gaussian_log_prob(y, clean, first_scale)
        else:
            half_range = (self.spec.levels - 1) / 2
            mean = self.standardise.inverse(clean)
            reconstruction = discretised_gaussian_log_prob(
                x, mean, first_scale + math.log(half_range), self.spec.levels
            )
        return torch.where(t == 1, -reconstruction.flatten(1).sum(1), divergence)

    # ---- samples

    @property
    def sampling_budgets(self) -> tuple[int, ...]:
        """Numbers of steps worth comparing."""
        return tuple(sorted({min(count, self.steps) for count in (5, 10, 25, 50, self.steps)}))

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator, *, steps: int | None = None) -> Tensor:
        """(count, *event_shape). steps: of denoising, by the posterior of every so many time steps; all by default.
        Fewer are taken without noise (DDIM), which suffers less from long steps."""
        taken = self.steps if steps is None else max(1, min(steps, self.steps))
        times = torch.linspace(self.steps, 0, taken + 1).round().long().tolist()
        y = torch.randn(count, *self.spec.event_shape, generator=generator, device=self.device)
        for now, then in pairwise(times):
            t = torch.full((count,), now, device=self.device)
            clean = self.denoised(y, t)
            signal, scale = self._at(t, y)
            before, scale_before = self._at(torch.full_like(t, then), y)
            if then == 0:
                y = clean
            elif taken < self.steps:
                y = before * clean + scale_before * (y - signal * clean) / scale
            else:
                step_noise = 1 - (signal / before).square()
                mean = (
                    before * step_noise * clean + signal / before * scale_before.square() * y
                ) / scale.square()
                noise = torch.randn(y.shape, generator=generator, device=self.device)
                y = mean + step_noise.sqrt() * scale_before / scale * noise
        x = self.standardise.inverse(y)
        return x if self.spec.levels is None else x.round().clamp(0, self.spec.levels - 1).long()
