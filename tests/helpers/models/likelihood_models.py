"""Models of every kind of likelihood, small enough to check, for real workers."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution, Independent, Normal

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.api.data import Dataset
from genbench.likelihood.ais.base_rate_rbm import BinaryBaseRateRBM

BITS = DataSpec(name="bits", modality="image", event_shape=(1, 3, 4), levels=2)


def bits() -> Dataset:
    """Bars, one of four columns lit, with noise."""
    generator = torch.Generator().manual_seed(0)
    column = torch.randint(0, 4, (160,), generator=generator)
    rate = torch.full((160, 1, 3, 4), 0.1)
    rate[torch.arange(160), :, :, column] = 0.9
    x = torch.bernoulli(rate, generator=generator).to(torch.uint8)
    return Dataset(BITS, *(Split(BITS, part) for part in x.split([96, 32, 32])))


SYMBOLS = DataSpec(name="symbols", modality="tokens", event_shape=(6,), levels=3)


def symbols() -> Dataset:
    """Uniform."""
    x = torch.randint(3, (160, 6), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    return Dataset(SYMBOLS, *(Split(SYMBOLS, part) for part in x.split([96, 32, 32])))


class Untrained(GenerativeModel):
    """Its parameters stay as they are."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        self.parameter = torch.nn.Parameter(torch.zeros(()))

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        for batch in meter.batches(train, batch_size=8):
            meter.log(loss=batch.x.float().mean())

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        if self.spec.levels is not None:
            return torch.randint(self.spec.levels, (count, *self.spec.event_shape), generator=generator)
        return torch.randn((count, *self.spec.event_shape), generator=generator)


class Decodes(Untrained):
    """x = z, so that with noise s it is N(0, 1 + s^2)."""

    @property
    def prior(self) -> Distribution:
        zeros = torch.zeros(self.spec.event_shape)
        return Independent(Normal(zeros, torch.ones_like(zeros)), zeros.dim())

    def decode(self, z: Tensor) -> Tensor:
        return z + 0 * self.parameter if self.spec.levels is None else z.sigmoid() * (self.spec.levels - 1)


class DecodesAndInfers(Decodes):
    """Its own observation model has scale 1/2, and its bound is a constant: kinds are what matters."""

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        exact = Normal(0.0, math.sqrt(1.25)).log_prob(x.float()).flatten(1).sum(1)
        return exact.unsqueeze(1) - 0.1 * torch.rand(len(x), k)


class DecodesSymbols(Decodes):
    """Each of a sequence's symbols by a softmax of its latent."""

    def logits(self, z: Tensor) -> Tensor:
        slopes = torch.arange(self.spec.levels or 0).float()
        return z.unsqueeze(-1) * slopes + self.parameter * slopes

    def decode(self, z: Tensor) -> Tensor:
        return self.logits(z).softmax(-1)


class DecodesLogits(DecodesSymbols):
    """No probabilities, which is what a decoder of symbols is asked for."""

    def decode(self, z: Tensor) -> Tensor:
        return self.logits(z)


class InfersUnderFixedVariance(DecodesAndInfers):
    fixed_observation_variance = True


class DiscreteLatents(Decodes):
    @property
    def prior(self) -> Distribution:
        return Categorical(torch.ones(3))


class DecodesNothing(Decodes):
    def decode(self, z: Tensor) -> Tensor:
        return super().decode(z) + torch.nan


class WrongDecode(Decodes):
    def decode(self, z: Tensor) -> Tensor:
        return super().decode(z).flatten(1)[:, :1]


class Machine(Untrained):
    """A restricted Boltzmann machine of 12 visible and 4 hidden units, never trained."""

    hidden: ClassVar[int] = 4

    @property
    def path(self) -> BinaryBaseRateRBM:
        generator = torch.Generator().manual_seed(1)
        weights = torch.randn(12, self.hidden, generator=generator)
        return BinaryBaseRateRBM(weights, torch.zeros(12), torch.zeros(self.hidden), torch.zeros(12))

    def log_unnormalised(self, x: Tensor, beta: float = 1.0) -> Tensor:
        return self.path.log_unnormalised(x.flatten(1), beta)

    def base_log_partition(self) -> float:
        return self.path.base_log_partition()

    def sample_base(self, count: int, generator: torch.Generator) -> Tensor:
        return self.path.sample_base(count, generator).unflatten(1, self.spec.event_shape)

    def tempered_step(self, x: Tensor, beta: float, generator: torch.Generator) -> Tensor:
        moved = self.path.tempered_step(x.flatten(1), beta, generator)
        return moved.unflatten(1, self.spec.event_shape)


class Density(Untrained):
    """Standard normal, dequantised where the data has levels."""

    def log_density(self, x: Tensor) -> Tensor:
        return Normal(0.0, 1.0).log_prob(x).flatten(1).sum(1)
