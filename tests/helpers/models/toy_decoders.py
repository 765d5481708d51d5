"""Decoders whose marginal likelihood is known, to hold estimates against."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal, Uniform

from genbench.api.data import DataSpec
from genbench.api.model import decoded_shape


class LinearDecoder(nn.Module):
    """x ~ N(W z + b, scale^2 I), z ~ N(0, I): log p(x) is that of N(b, W W' + scale^2 I)."""

    def __init__(
        self, dimension: int = 8, latent: int = 3, *, seed: int = 0, dtype: torch.dtype = torch.float32
    ):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(dimension, latent, generator=generator).to(dtype))
        self.bias = nn.Parameter(torch.randn(dimension, generator=generator).to(dtype))

    @property
    def prior(self) -> Distribution:
        zeros = torch.zeros(self.weight.shape[1], dtype=self.weight.dtype)
        return Independent(Normal(zeros, torch.ones_like(zeros)), 1)

    def decode(self, z: Tensor) -> Tensor:
        return z @ self.weight.T + self.bias

    def marginal(self, scale: float) -> torch.distributions.MultivariateNormal:
        weight = self.weight.detach().double()
        covariance = weight @ weight.T + scale**2 * torch.eye(len(weight), dtype=torch.float64)
        return torch.distributions.MultivariateNormal(self.bias.detach().double(), covariance)

    def posterior(self, x: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        """Mean (N, latent) and covariance of z given x."""
        weight = self.weight.detach().double()
        precision = torch.eye(weight.shape[1], dtype=torch.float64) + weight.T @ weight / scale**2
        covariance = torch.linalg.inv(precision)
        return (x.double() - self.bias.detach().double()) @ weight @ covariance / scale**2, covariance

    def draw(self, count: int, scale: float, seed: int) -> tuple[Tensor, Tensor]:
        """Latents (N, latent) and the data (N, dimension) that come from them."""
        generator = torch.Generator().manual_seed(seed)
        z = torch.randn(count, self.weight.shape[1], generator=generator).to(self.weight.dtype)
        noise = torch.randn(count, len(self.bias), generator=generator).to(self.weight.dtype)
        return z, (self.decode(z) + scale * noise).detach()


class SymbolDecoder(nn.Module):
    """A few numbers of few levels from one standard normal latent, so that all of them can be counted up.

    spec: of bits, levels or tokens. Latents and their shares of the prior's mass on a grid: `grid`.
    """

    def __init__(self, spec: DataSpec, seed: int = 0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.spec = spec
        self.slope = nn.Parameter(2 * torch.randn(decoded_shape(spec), generator=generator))
        self.bias = nn.Parameter(torch.randn(decoded_shape(spec), generator=generator))

    @property
    def prior(self) -> Distribution:
        return Independent(Normal(torch.zeros(1), torch.ones(1)), 1)

    def decode(self, z: Tensor) -> Tensor:
        inner = z.reshape(-1, *[1] * self.slope.dim()).to(self.slope.dtype) * self.slope + self.bias
        if self.spec.modality == "tokens":
            return inner.softmax(-1)
        return (self.spec.levels - 1) * inner.sigmoid()  # type: ignore[operator]

    def every_example(self) -> Tensor:
        """(levels^D, D)."""
        levels = range(self.spec.levels or 0)
        return torch.tensor(list(itertools.product(levels, repeat=self.spec.dimension)))

    def grid(self, points: int = 2001) -> tuple[Tensor, Tensor]:
        z = torch.linspace(-8, 8, points).unsqueeze(1)
        log_density = torch.distributions.Normal(0.0, 1.0).log_prob(z[:, 0].double())
        return z, log_density + torch.tensor(16 / (points - 1)).log()


class CurvedDecoder(nn.Module):
    """Two numbers from one latent that is uniform on [-1, 2] (or standard normal): an arc."""

    def __init__(self, *, uniform: bool = True, levels: int | None = None):
        super().__init__()
        self.uniform = uniform
        self.levels = levels

    @property
    def prior(self) -> Distribution:
        if self.uniform:
            return Independent(Uniform(torch.tensor([-1.0]), torch.tensor([2.0])), 1)
        return Independent(Normal(torch.zeros(1), torch.ones(1)), 1)

    def decode(self, z: Tensor) -> Tensor:
        arc = torch.cat([torch.sin(2 * z), z.square()], 1)
        return arc if self.levels is None else (self.levels - 1) * (arc / 3).sigmoid()

    def grid(self, points: int = 20_001) -> tuple[Tensor, Tensor]:
        """Latents and the logarithms of their shares of the prior's mass, by the trapezoid rule."""
        low, high = (-1.0, 2.0) if self.uniform else (-9.0, 9.0)
        z = torch.linspace(low, high, points, dtype=torch.float64).unsqueeze(1)
        density = torch.full((points,), 1 / 3, dtype=torch.float64)
        if not self.uniform:
            density = torch.distributions.Normal(0.0, 1.0).log_prob(z[:, 0]).exp()
        mass = density * (high - low) / (points - 1)
        mass[0], mass[-1] = mass[0] / 2, mass[-1] / 2
        return z, mass.log()
