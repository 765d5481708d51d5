"""DDPM: noise is added to data in many small steps, and a network learns to take each one back.

Ho, Jain & Abbeel 2020, "Denoising Diffusion Probabilistic Models", https://arxiv.org/abs/2006.11239; cosine schedule:
Nichol & Dhariwal 2021, https://arxiv.org/abs/2102.09672; the network's output v: Salimans & Ho 2022,
https://arxiv.org/abs/2202.00512; variances: Bao, Li, Zhu & Zhang 2022, "Analytic-DPM",
https://arxiv.org/abs/2201.06503; fewer steps: Song, Meng & Ermon 2021 (DDIM), https://arxiv.org/abs/2010.02502
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.api import discretised_gaussian_log_prob, gaussian_log_prob
from genbench_models.layers.moving_average import averaged_copy, follow
from genbench_models.layers.networks import adam, set_learning_rate
from genbench_models.layers.ranges import at_least, positive, shares
from genbench_models.layers.standardise import Standardise
from genbench_models.layers.time_networks import time_network

_STRATA = 16
"""Random time steps at which the bound of an example is evaluated, besides t = 1."""
_ERRORS_KEPT = 30.0
"""The number of latest errors over which the mean error of a time step is taken."""
_MIN_ERROR = 0.01
"""The least variance at t = 1, as a share of the variance of the noise: where the network is exact, there would be no
bound."""


class DDPM(GenerativeModel):
    """q(x_t | x_0) = N(a_t x_0, (1 - a_t²) I) in standardised units, t = 1..steps, a_t falling along a cosine.

    The network predicts v = a_t e - s_t x_0 (with noise e, s_t² = 1 - a_t²), from which x_0 = a_t x_t - s_t v, held
    within the data's range where there are levels. Samples and bound are of a moving average of its weights.

    The variance of a step back is the one that makes the bound tightest (Bao et al., theorem 1): that of
    q(x_{t-1} | x_t, x_0), and what the error of the predicted x_0 adds to it. The mean error of each
    time step is measured during training.
    """

    signal: Tensor
    error: Tensor
    error_count: Tensor

    def __init__(
        self,
        spec: DataSpec,
        *,
        steps: int = 200,
        sampler_steps: int = 25,
        hidden: int = 128,
        layers: int = 3,
        width: int = 32,
        batch_size: int = 64,
        learning_rate: float = 2e-3,
        ema: float = 0.995,
    ) -> None:
        super().__init__(spec)
        at_least(2, steps=steps)
        at_least(
            1, sampler_steps=sampler_steps, hidden=hidden, layers=layers, width=width, batch_size=batch_size
        )
        positive(learning_rate=learning_rate)
        shares(ema=ema)
        self.steps = steps
        self.sampler_steps = min(sampler_steps, steps)
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.ema = ema
        self.standardise = Standardise(spec)
        self.network = time_network(spec, hidden=hidden, layers=layers, width=width)
        self.averaged = averaged_copy(self.network)
        angle = (torch.arange(steps + 1, dtype=torch.float64) / steps + 0.008) / 1.008 * math.pi / 2
        share = (angle.cos() / angle[0].cos()).square()  # cumulative product of the alphas
        alpha = (share[1:] / share[:-1]).clamp(min=1e-3)
        signal = torch.cat([torch.ones(1, dtype=torch.float64), alpha.cumprod(0)]).sqrt()
        self.register_buffer("signal", signal.float(), persistent=False)  # a_0..a_steps
        # the mean square error of the predicted x_0, in standardised units, at t = 0..steps
        self.register_buffer("error", torch.ones(steps + 1))
        self.register_buffer("error_count", torch.zeros(steps + 1))

    def _at(self, t: Int[Tensor, " batch"], x: Tensor) -> tuple[Tensor, Tensor]:
        """Signal and noise scale at times t, to be multiplied with x."""
        signal = self.signal[t].reshape(-1, *[1] * (x.dim() - 1))
        return signal, (1 - signal.square()).sqrt()

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        optimiser = adam(self.network.parameters(), self.learning_rate)
        for step, batch in enumerate(meter.batches(train, self.batch_size)):
            set_learning_rate(optimiser, self.learning_rate, meter.fraction)
            y = self.standardise(batch.x)  # B, *event
            t = torch.randint(1, self.steps + 1, (len(y),), device=self.device)
            signal, scale = self._at(t, y)
            noise = torch.randn_like(y)
            predicted = self.network(signal * y + scale * noise, t / self.steps)
            square = (predicted - (signal * noise - scale * y)).square().flatten(1).mean(1)  # B
            loss = square.mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                follow(self.averaged, self.network, self.ema, step)
                self._note_errors(t, square * (1 - self.signal[t].square()))
            meter.log(loss=loss)

    def _note_errors(self, t: Int[Tensor, " batch"], errors: Float[Tensor, " batch"]) -> None:
        """Update the running mean of each time step: the error of the predicted x_0 is s_t times that of v."""
        counts = torch.zeros_like(self.error).index_add_(0, t, torch.ones_like(errors))
        sums = torch.zeros_like(self.error).index_add_(0, t, errors)
        self.error_count.add_(counts)
        weight = (counts / self.error_count.clamp(1, _ERRORS_KEPT)).clamp(max=1)
        self.error.lerp_(sums / counts.clamp(min=1), weight)

    def _step_back(self, t: Int[Tensor, " batch"], y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The weights of x_0 and of x_t in the mean of x_{t-1} (eq. 7), and the variance of x_{t-1}. t: 2 or more."""
        signal, scale = self._at(t, y)
        before, scale_before = self._at(t - 1, y)
        noise = 1 - (signal / before).square()  # beta_t
        of_clean = before * noise / scale.square()
        of_noisy = signal / before * (scale_before / scale).square()
        variance = self._posterior_variance(t, y) + of_clean.square() * self.error[t].reshape(signal.shape)
        return of_clean, of_noisy, variance

    def _posterior_variance(self, t: Int[Tensor, " batch"], y: Tensor) -> Tensor:
        """The variance of q(x_{t-1} | x_t, x_0) (eq. 7)."""
        (signal, scale), (before, scale_before) = self._at(t, y), self._at(t - 1, y)
        return (1 - (signal / before).square()) * (scale_before / scale).square()

    def denoised(
        self, noisy: Float[Tensor, "batch *event"], t: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch *event"]:
        """The network's prediction of x_0."""
        signal, scale = self._at(t, noisy)
        clean: Tensor = signal * noisy - scale * self.averaged(noisy, t / self.steps)
        return clean if self.spec.levels is None else clean.clamp(-1, 1)

    # ---- the bound

    def elbo(self, x: Shaped[Tensor, "batch *event"]) -> Float[Tensor, " batch"]:
        """(N, *event_shape) -> (N,) nats: an unbiased estimate of the bound L (eq. 5), with random numbers from
        torch's global generator. L has a term for each time step. The first is always evaluated; of the others, which
        decrease about as 1 / t, a stratified sample is drawn with probabilities in proportion to 1 / t."""
        y = self.standardise(x)
        signal, scale = self.signal[self.steps], (1 - self.signal[self.steps].square()).sqrt()
        prior_gap = 0.5 * ((signal * y).square() + scale.square() - 1 - 2 * scale.log()).flatten(1).sum(1)
        total = self._term(x, y, torch.ones(len(x), dtype=torch.int64, device=self.device))
        share = 1 / torch.arange(2, self.steps + 1, device=self.device)
        share = share / share.sum()  # of t = 2..steps
        ends = share.cumsum(0)
        for stratum in range(_STRATA):
            place = (stratum + torch.rand(len(x), device=self.device)) / _STRATA
            index = torch.searchsorted(ends, place).clamp(max=self.steps - 2)
            total = total + self._term(x, y, index + 2) / (share[index] * _STRATA)
        bound: Tensor = -prior_gap - total
        return bound if self.spec.is_discrete else bound + self.standardise.log_abs_det_jacobian()

    def _term(
        self, x: Shaped[Tensor, "batch *event"], y: Float[Tensor, "batch *event"], t: Int[Tensor, " batch"]
    ) -> Float[Tensor, " batch"]:
        """L_{t-1}: KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t)), and -log p(x_0 | x_1) at t = 1."""
        signal, scale = self._at(t, y)
        clean = self.denoised(signal * y + scale * torch.randn_like(y), t)
        later = t.clamp(min=2)  # at t = 1 this value is not used
        of_clean, _, variance = self._step_back(later, y)
        share = self._posterior_variance(later, y) / variance
        divergence = 0.5 * (of_clean * (clean - y)).square() / variance + 0.5 * (share - 1 - share.log())
        divergence = divergence.flatten(1).sum(1)
        floor = _MIN_ERROR * (1 - self.signal[1].square())
        first_scale = 0.5 * torch.log(torch.maximum(self.error[1], floor))
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
        """(count, *event_shape). steps: of denoising, `sampler_steps` by default. With all steps the samples are
        those of the model whose likelihood is bounded; with fewer, steps are taken without noise (DDIM), which
        suffers less from long steps."""
        taken = self.sampler_steps if steps is None else max(1, min(steps, self.steps))
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
                of_clean, of_noisy, variance = self._step_back(t, y)
                noise = torch.randn(y.shape, generator=generator, device=self.device)
                y = of_clean * clean + of_noisy * y + variance.sqrt() * noise
        x = self.standardise.inverse(y)
        return x if self.spec.levels is None else x.round().clamp(0, self.spec.levels - 1).long()
