"""Models of libraries that genbench depends on, through the adapters: as docs/adapters.md shows them."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import zuko
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity
from torch import Tensor, nn

from genbench import DataSpec
from genbench.adapters import EstimatorModel, ModuleDensity, ZukoFlow


class Normal(nn.Module):
    """A plain module: a normal distribution with a training step."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.mean, self.log_std = nn.Parameter(torch.zeros(shape)), nn.Parameter(torch.zeros(shape))

    def log_prob(self, x: Tensor) -> Tensor:
        return torch.distributions.Normal(self.mean, self.log_std.exp()).log_prob(x).flatten(1).sum(1)

    def training_step(self, x: Tensor) -> Tensor:
        return -self.log_prob(x).mean()

    def sample(self, count: int) -> Tensor:
        return self.mean + self.log_std.exp() * torch.randn(count, *self.mean.shape)


class PlainNormal(ModuleDensity):
    """A plain module."""

    family = "flow"
    modalities: ClassVar[tuple[str, ...]] = ("points",)

    def build(self, spec: DataSpec) -> nn.Module:
        return Normal(spec.event_shape)


class Spline(ZukoFlow):
    """A spline flow of zuko."""

    family = "flow"
    modalities: ClassVar[tuple[str, ...]] = ("points",)

    def build(self, spec: DataSpec) -> nn.Module:
        return zuko.flows.NSF(spec.dimension, transforms=2, hidden_features=(16,))


class Mixture(EstimatorModel):
    """A mixture of scikit-learn."""

    family = "baseline"
    modalities: ClassVar[tuple[str, ...]] = ("points",)

    def build(self) -> Any:
        return GaussianMixture(n_components=2, reg_covar=1e-3)


class Kernels(EstimatorModel):
    """A kernel density of scikit-learn."""

    family = "baseline"
    modalities: ClassVar[tuple[str, ...]] = ("points",)

    def build(self) -> Any:
        return KernelDensity(bandwidth=0.3)
