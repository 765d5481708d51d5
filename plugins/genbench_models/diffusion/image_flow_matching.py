"""Flow matching on images: the velocity of straight lines from noise to data, by a small U-Net.

Lipman, Chen, Ben-Hamu, Nickel & Le 2023, "Flow Matching for Generative Modeling", https://arxiv.org/abs/2210.02747

| part of the paper | here |
|---|---|
| straight conditional paths (section 4.1), regression on x_1 - x_0 at uniform times | there, with sigma_min = 0 |
| U-Net | there, that of `ddpm` |
| adaptive solver (dopri5) | changed: midpoint method with a given number of steps, whose cost is known |
| likelihood of the ODE | left out: `flow-matching` has it, for points and series |
| not in the paper | added: a moving average of the weights; samples of integers are rounded |
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench_models.layers.moving_average import averaged_copy, follow
from genbench_models.layers.networks import adam, set_learning_rate
from genbench_models.layers.ranges import at_least, positive, shares
from genbench_models.layers.standardise import Standardise
from genbench_models.layers.time_networks import time_network


class ImageFlowMatching(GenerativeModel):
    """dx/dt = v(x, t) from x_0 ~ N(0, I) to data at t = 1, in standardised units; v is regressed on x_1 - x_0 at
    x_t = (1 - t) x_0 + t x_1. Samples take `solver_steps` steps of the midpoint method with a moving average of the
    weights."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: int = 128,
        layers: int = 3,
        width: int = 16,
        solver_steps: int = 12,
        batch_size: int = 64,
        learning_rate: float = 4e-3,
        ema: float = 0.99,
    ) -> None:
        super().__init__(spec)
        at_least(
            1, solver_steps=solver_steps, hidden=hidden, layers=layers, width=width, batch_size=batch_size
        )
        positive(learning_rate=learning_rate)
        shares(ema=ema)
        self.solver_steps = solver_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.ema = ema
        self.standardise = Standardise(spec)
        self.velocity = time_network(spec, hidden=hidden, layers=layers, width=width)
        self.averaged = averaged_copy(self.velocity)

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        optimiser = adam(self.velocity.parameters(), self.learning_rate)
        for step, batch in enumerate(meter.batches(train, self.batch_size)):
            set_learning_rate(optimiser, self.learning_rate, meter.fraction)
            target = self.standardise(batch.x)  # B, C, H, W
            noise, t = torch.randn_like(target), torch.rand(len(target), device=self.device)
            between = torch.lerp(noise, target, t[:, None, None, None])
            loss = (self.velocity(between, t) - (target - noise)).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            follow(self.averaged, self.velocity, self.ema, step)
            meter.log(loss=loss)

    def _velocity_at(self, x: Float[Tensor, "batch c h w"], t: float) -> Float[Tensor, "batch c h w"]:
        velocity: Tensor = self.averaged(x, torch.full((len(x),), t, device=x.device))
        return velocity

    @property
    def sampling_budgets(self) -> tuple[int, ...]:
        """Numbers of solver steps worth comparing; each evaluates the network twice."""
        return tuple(sorted({1, 2, 4, 8, self.solver_steps}))

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator, *, steps: int | None = None) -> Tensor:
        """(count, *event_shape). steps: of the midpoint method."""
        taken = self.solver_steps if steps is None else max(1, steps)
        y = torch.randn(count, *self.spec.event_shape, generator=generator, device=self.device)
        for number in range(taken):
            t, step = number / taken, 1 / taken
            middle = y + step / 2 * self._velocity_at(y, t)
            y = y + step * self._velocity_at(middle, t + step / 2)
        x = self.standardise.inverse(y)
        return x if self.spec.levels is None else x.round().clamp(0, self.spec.levels - 1).long()
