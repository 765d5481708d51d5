"""Densities in the plane that are known exactly, as `genbench.Truth`.

Samples are computed in float64 and rounded to float32, so that the last bits of a platform's `log` and
`cos` do not show. Log-densities are float64, on the device of the points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

_ROWS = 4096  # points whose distances to all centres are held in memory at once


@dataclass(frozen=True)
class GaussianMixture:
    """Isotropic Gaussians of equal weight."""

    modes: Float[Tensor, "modes 2"]
    """Their centres."""
    mode_scale: float
    """Their standard deviation, the same in every direction."""

    def log_prob(self, x: Float[Tensor, "n 2"]) -> Float[Tensor, " n"]:
        """(N, 2) -> (N,) nats."""
        equal = torch.full((len(self.modes),), -math.log(len(self.modes)), dtype=torch.float64)
        return _mixture_log_prob(x, self.modes, equal, self.mode_scale)

    def sample(self, count: int, generator: torch.Generator) -> Float[Tensor, "n 2"]:
        """(count, 2) float32."""
        device = generator.device
        which = torch.randint(len(self.modes), (count,), generator=generator, device=device)
        return _blur(self.modes.to(device, torch.float64)[which], self.mode_scale, generator)


def ring_of_gaussians(count: int, radius: float, scale: float) -> GaussianMixture:
    """Centres (radius cos(2 pi i / count), radius sin(2 pi i / count))."""
    angles = torch.arange(count, dtype=torch.float64) * (2 * math.pi / count)
    return GaussianMixture((radius * _on_circle(angles)).float(), scale)


def grid_of_gaussians(coordinates: tuple[float, ...], scale: float) -> GaussianMixture:
    """Centres at every pair of coordinates."""
    axis = torch.tensor(coordinates)
    return GaussianMixture(torch.cartesian_prod(axis, axis), scale)


@dataclass(frozen=True)
class TwoMoons:
    """Half circles of radius 1, uniform in the angle t in [0, pi], blurred by an isotropic Gaussian.

    The upper one is (cos t, sin t), the lower one (1 - cos t, 1/2 - sin t), each with probability 1/2.
    The density is the integral of the Gaussian over the angle, by Gauss-Legendre quadrature: a mixture of
    as many Gaussians as there are nodes. With the 256 nodes used here the quadrature's error is below 1e-9
    nats within 10 units of the origin for scale 0.1 (the integrand, exp(cos(t) r / scale^2) for a point
    at distance r from the centre of a half circle, is entire, and several nodes wide).
    """

    scale: float
    """Standard deviation of the Gaussian."""
    nodes: int = 256
    """Number of nodes of the quadrature."""

    @property
    def modes(self) -> None:
        """There are none to count: each half circle is a ridge."""
        return None

    @property
    def mode_scale(self) -> None:
        return None

    def log_prob(self, x: Float[Tensor, "n 2"]) -> Float[Tensor, " n"]:
        """(N, 2) -> (N,) nats."""
        points, weights = np.polynomial.legendre.leggauss(self.nodes)  # on [-1, 1], where weights sum to 2
        angles = torch.from_numpy((points + 1) * (math.pi / 2))
        centres = torch.cat([_half_circle(angles, lower=False), _half_circle(angles, lower=True)])
        log_weights = torch.from_numpy(np.log(weights / 4)).repeat(2)
        return _mixture_log_prob(x, centres, log_weights, self.scale)

    def sample(self, count: int, generator: torch.Generator) -> Float[Tensor, "n 2"]:
        """(count, 2) float32."""
        device = generator.device
        lower = torch.randint(2, (count, 1), generator=generator, device=device).bool()
        angles = math.pi * torch.rand(count, generator=generator, device=device, dtype=torch.float64)
        on_arc = torch.where(lower, _half_circle(angles, lower=True), _half_circle(angles, lower=False))
        return _blur(on_arc, self.scale, generator)


@dataclass(frozen=True)
class Checkerboard:
    """Uniform on the squares of side 2 in [-4, 4) x [-4, 4) whose column and row add up to an even number."""

    @property
    def modes(self) -> None:
        """There are none: the density is flat."""
        return None

    @property
    def mode_scale(self) -> None:
        return None

    def log_prob(self, x: Float[Tensor, "n 2"]) -> Float[Tensor, " n"]:
        """(N, 2) -> (N,) nats: -log 32, the area, on the squares; -inf elsewhere."""
        cells = torch.floor(x.double() / 2)
        on_board = ((x >= -4) & (x < 4)).all(1)
        inside = on_board & (cells.sum(1) % 2 == 0)
        return torch.full_like(cells[:, 0], -torch.inf).masked_fill(inside, -math.log(32))

    def sample(self, count: int, generator: torch.Generator) -> Float[Tensor, "n 2"]:
        """(count, 2) float32."""
        device = generator.device
        column = torch.randint(4, (count,), generator=generator, device=device)
        row = 2 * torch.randint(2, (count,), generator=generator, device=device) + column % 2
        # The middles of 2^22 bins a side: exact in float32, so that rounding moves no point over an edge.
        bins = torch.randint(2**22, (count, 2), generator=generator, device=device)
        within = (2 * bins + 1).double() / 2**22
        return (2 * torch.stack([column, row], 1) - 4 + within).float()


def _on_circle(angles: Float[Tensor, " n"]) -> Float[Tensor, "n 2"]:
    return torch.stack([angles.cos(), angles.sin()], 1)


def _half_circle(angles: Float[Tensor, " n"], *, lower: bool) -> Float[Tensor, "n 2"]:
    upper = _on_circle(angles)
    return upper.new_tensor([1.0, 0.5]) - upper if lower else upper


def _blur(centres: Float[Tensor, "n 2"], scale: float, generator: torch.Generator) -> Float[Tensor, "n 2"]:
    noise = torch.randn(centres.shape, generator=generator, device=generator.device, dtype=torch.float64)
    return (centres + scale * noise).float()


def _mixture_log_prob(
    x: Float[Tensor, "n 2"],
    centres: Float[Tensor, "modes 2"],
    log_weights: Float[Tensor, " modes"],
    scale: float,
) -> Float[Tensor, " n"]:
    """log sum_m w_m N(x; c_m, scale^2 I)."""
    centres, log_weights = centres.to(x.device, torch.float64), log_weights.to(x.device)
    log_normaliser = math.log(2 * math.pi * scale**2)

    def of_rows(rows: Tensor) -> Tensor:
        distances = torch.cdist(rows, centres, compute_mode="donot_use_mm_for_euclid_dist")
        return torch.logsumexp(log_weights - distances.square() / (2 * scale**2), 1) - log_normaliser

    return torch.cat([of_rows(rows) for rows in x.double().split(_ROWS)])
