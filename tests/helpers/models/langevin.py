"""A small real model whose samples get better with the steps of its sampler, and data for it."""

from __future__ import annotations

import torch
from torch import Tensor

from genbench import ComputeMeter, Dataset, DataSpec, GenerativeModel, Split

SPEC = DataSpec(name="two-hills", modality="points", event_shape=(3,))
COMPONENTS = 2


def two_hills() -> Dataset:
    """Two narrow Gaussians on either side of the origin."""
    generator = torch.Generator().manual_seed(0)
    side = (torch.rand(600, 1, generator=generator) < 0.5).float() * 2 - 1
    x = 1.5 * side * torch.tensor([1.0, -1.0, 0.5]) + 0.5 * torch.randn(600, 3, generator=generator)
    return Dataset(SPEC, Split(SPEC, x[:200]), Split(SPEC, x[200:400]), Split(SPEC, x[400:]))


class LangevinMixture(GenerativeModel):
    """A Gaussian mixture with one variance, fitted by online k-means, and sampled by unadjusted Langevin
    dynamics from a wide start: x <- x + ε ∇ log p(x) + (2 ε)^½ noise (Roberts and Tweedie 1996)."""

    step_size = 0.05
    sampling_budgets = (1, 4, 32)

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        self.register_buffer("means", torch.tensor([[1.0], [-1.0]]) * torch.ones(spec.dimension))
        self.register_buffer("variance", torch.ones(()))

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        for batch in meter.batches(train, batch_size=32):
            nearest = torch.cdist(batch.x, self.means).argmin(1)
            for component in nearest.unique().tolist():
                own = batch.x[nearest == component]
                self.means[component] += 0.1 * (own.mean(0) - self.means[component])
            spread = (batch.x - self.means[nearest]).square().mean()
            self.variance += 0.1 * (spread - self.variance)
            meter.log(spread=spread)

    def score(self, x: Tensor) -> Tensor:
        """(N, D) -> (N, D): the gradient of the log-density. Two matrix products of N x D by D x K."""
        logits = (x @ self.means.T - self.means.square().sum(1) / 2) / self.variance
        return (logits.softmax(1) @ self.means - x) / self.variance

    def sample(self, count: int, generator: torch.Generator, *, steps: int | None = None) -> Tensor:
        def noise() -> Tensor:
            return torch.randn(count, self.spec.dimension, generator=generator)

        x = 4 * noise()
        for _ in range(self.sampling_budgets[-1] if steps is None else steps):
            x = x + self.step_size * self.score(x) + (2 * self.step_size) ** 0.5 * noise()
        return x


class SlowLangevin(LangevinMixture):
    """Takes its time, and says so by the clock."""

    def sample(self, count: int, generator: torch.Generator, *, steps: int | None = None) -> Tensor:
        import time

        time.sleep(0.2 * (steps or 0))
        return super().sample(count, generator, steps=steps)


class SlowFirstCall(LangevinMixture):
    """Loads something when it first samples with steps."""

    def sample(self, count: int, generator: torch.Generator, *, steps: int | None = None) -> Tensor:
        import time

        time.sleep(0.5 if steps == 1 else 0.0)
        return super().sample(count, generator, steps=steps)


class ExplodesWithFewSteps(LangevinMixture):
    def sample(self, count: int, generator: torch.Generator, *, steps: int | None = None) -> Tensor:
        x = super().sample(count, generator, steps=steps)
        return x / 0.0 if steps == 1 else x


class FailsUnderTheCounter(LangevinMixture):
    """Does what no dispatch mode can follow, for batches of other than the scored size."""

    def sample(self, count: int, generator: torch.Generator, *, steps: int | None = None) -> Tensor:
        if torch.utils._python_dispatch._get_current_dispatch_mode() is not None:
            raise RuntimeError("compiled code cannot be traced")
        return super().sample(count, generator, steps=steps)
