"""Flow matching: a velocity field carries noise to data along straight lines, and its ODE has an exact likelihood.

Lipman, Chen, Ben-Hamu, Nickel & Le 2023, "Flow Matching for Generative Modeling", https://arxiv.org/abs/2210.02747;
the likelihood: Chen, Rubanova, Bettencourt & Duvenaud 2018, "Neural Ordinary Differential Equations",
https://arxiv.org/abs/1806.07366

| part of the paper | here |
|---|---|
| straight conditional paths (section 4.1) | there, with sigma_min = 0 |
| regression on x_1 - x_0 at uniform times | there |
| likelihood of the ODE | there, with the exact divergence in place of Hutchinson's estimate |
| adaptive solver (dopri5) | changed: Runge-Kutta with a given number of steps, whose cost is known |
| U-Net on images | left out: takes series and points |
| not in the paper | added: a moving average of the weights; coordinates of points are read as waves too |
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench_models.layers.moving_average import averaged_copy, follow
from genbench_models.layers.networks import adam, set_learning_rate
from genbench_models.layers.ranges import at_least, positive, shares
from genbench_models.layers.standardise import Standardise
from genbench_models.layers.time_networks import TimeMLP


class FlowMatching(GenerativeModel):
    """dx/dt = v(x, t) from x_0 ~ N(0, I) to data at t = 1, in standardised units; v is regressed on x_1 - x_0 at
    x_t = (1 - t) x_0 + t x_1. For real values of moderate dimension: the divergence of v is computed exactly, one
    derivative for each dimension. The ODE is solved by Runge-Kutta of order 4 with `solver_steps` steps. Samples and
    likelihood are of a moving average of the weights.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: int = 128,
        layers: int = 3,
        solver_steps: int = 32,
        batch_size: int = 256,
        learning_rate: float = 4e-3,
        ema: float = 0.99,
    ) -> None:
        super().__init__(spec)
        at_least(1, solver_steps=solver_steps, hidden=hidden, layers=layers, batch_size=batch_size)
        positive(learning_rate=learning_rate)
        shares(ema=ema)
        self.solver_steps = solver_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.standardise = Standardise(spec)
        self.ema = ema
        self.velocity = TimeMLP(spec.dimension, hidden, layers)
        self.averaged = averaged_copy(self.velocity)

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        optimiser = adam(self.velocity.parameters(), self.learning_rate)
        for step, batch in enumerate(meter.batches(train, self.batch_size)):
            set_learning_rate(optimiser, self.learning_rate, meter.fraction)
            target = self.standardise(batch.x).flatten(1)  # B, D
            noise, t = torch.randn_like(target), torch.rand(len(target), device=self.device)
            between = torch.lerp(noise, target, t.unsqueeze(1))
            loss = (self.velocity(between, t) - (target - noise)).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            follow(self.averaged, self.velocity, self.ema, step)
            meter.log(loss=loss)

    def _velocity_at(self, x: Float[Tensor, "batch dim"], t: float) -> Float[Tensor, "batch dim"]:
        velocity: Tensor = self.averaged(x, torch.full((len(x),), t, device=x.device))
        return velocity

    def _with_divergence(
        self, x: Float[Tensor, "batch dim"], t: float
    ) -> tuple[Float[Tensor, "batch dim"], Float[Tensor, " batch"]]:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            v = self._velocity_at(x, t)
            divergence = torch.zeros(len(x), device=x.device)
            for d in range(x.shape[1]):
                (gradient,) = torch.autograd.grad(v[:, d].sum(), x, retain_graph=True)
                divergence += gradient[:, d]
        return v.detach(), divergence

    def log_prob(self, x: Float[Tensor, "batch *event"]) -> Float[Tensor, " batch"]:
        """(N, *event_shape) -> (N,) nats: log N(x_0) - integral of div v along the way back (eq. 4 of Chen et al.),
        exact but for the solver's error."""
        y = self.standardise(x).flatten(1)
        lost = torch.zeros(len(y), device=y.device)
        step = -1 / self.solver_steps
        for number in range(self.solver_steps):
            t = 1 + number * step
            v1, d1 = self._with_divergence(y, t)
            v2, d2 = self._with_divergence(y + step / 2 * v1, t + step / 2)
            v3, d3 = self._with_divergence(y + step / 2 * v2, t + step / 2)
            v4, d4 = self._with_divergence(y + step * v3, t + step)
            y = y + step / 6 * (v1 + 2 * v2 + 2 * v3 + v4)
            lost = lost - step / 6 * (d1 + 2 * d2 + 2 * d3 + d4)
        log_noise: Tensor = -0.5 * (y.square() + math.log(2 * math.pi)).sum(1)
        total: Tensor = log_noise - lost + self.standardise.log_abs_det_jacobian()
        return total

    @property
    def sampling_budgets(self) -> tuple[int, ...]:
        """Numbers of solver steps worth comparing."""
        return tuple(sorted({1, 2, 4, 8, 16, self.solver_steps}))

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator, *, steps: int | None = None) -> Tensor:
        """(count, *event_shape). steps: of the solver, each four evaluations of v."""
        taken = self.solver_steps if steps is None else max(1, steps)
        y = torch.randn(count, self.spec.dimension, generator=generator, device=self.device)
        for number in range(taken):
            t, step = number / taken, 1 / taken
            v1 = self._velocity_at(y, t)
            v2 = self._velocity_at(y + step / 2 * v1, t + step / 2)
            v3 = self._velocity_at(y + step / 2 * v2, t + step / 2)
            v4 = self._velocity_at(y + step * v3, t + step)
            y = y + step / 6 * (v1 + 2 * v2 + 2 * v3 + v4)
        return self.standardise.inverse(y.reshape(count, *self.spec.event_shape))
