"""Time series from processes whose density is known, and TimeGAN's sines, whose density is not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from genbench import Dataset, DataSpec, Split, Truth

_SIZES = (4000, 1000, 1000)
_SINE_SIZES = (6000, 2000, 2000)
_SINE_CHANNELS = 5
_WEIGHTS = 2000  # of past shocks, beyond which those of the processes here are below 1e-100


@dataclass(frozen=True)
class StationaryARMA:
    """x_t = sum_i phi_i x_{t-i} + e_t + sum_j theta_j e_{t-j}, e_t ~ N(0, 1), from its stationary distribution: a
    window is one normal vector, whose covariances are the process's autocovariances."""

    steps: int
    """Length of a window."""
    phi: tuple[float, ...]
    """Weights of the last values, the last one first."""
    theta: tuple[float, ...] = ()
    """Weights of the last shocks, the last one first."""
    modes: Tensor | None = None
    """There are none to count."""
    mode_scale: float | None = None

    @cached_property
    def autocovariances(self) -> Float[np.ndarray, " steps"]:
        """The autocovariances of lags 0 to steps - 1: sums over the weights of past shocks."""
        weights = np.zeros(_WEIGHTS)
        for k in range(_WEIGHTS):
            weights[k] = 1.0 if k == 0 else self.theta[k - 1] if k <= len(self.theta) else 0.0
            weights[k] += sum(phi * weights[k - i] for i, phi in enumerate(self.phi, 1) if k >= i)
        return np.array([weights[lag:] @ weights[: _WEIGHTS - lag] for lag in range(self.steps)])

    @cached_property
    def _factor(self) -> Float[Tensor, "steps steps"]:
        """The lower Cholesky factor of a window's covariance."""
        lag = torch.arange(self.steps)
        covariance = torch.from_numpy(self.autocovariances)[(lag.unsqueeze(0) - lag.unsqueeze(1)).abs()]
        factor: Tensor = torch.linalg.cholesky(covariance)
        return factor

    def log_prob(self, x: Float[Tensor, "n time 1"]) -> Float[Tensor, " n"]:
        """(N, T, 1) -> (N,) nats, float64."""
        factor = self._factor.to(x.device)
        whitened = torch.linalg.solve_triangular(factor, x[..., 0].double().T, upper=False)
        constant = 0.5 * self.steps * math.log(2 * math.pi) + factor.diagonal().log().sum()
        logs: Tensor = -0.5 * whitened.square().sum(0) - constant
        return logs

    def sample(self, count: int, generator: torch.Generator) -> Float[Tensor, "count time 1"]:
        """(count, T, 1) float32."""
        noise = _noise(count, self.steps, generator)
        return (noise @ self._factor.T.to(noise.device)).unsqueeze(2).float()


@dataclass(frozen=True)
class Garch:
    """x_t = s_t e_t, e_t ~ N(0, 1), with s_t^2 = omega + alpha x_{t-1}^2 + beta s_{t-1}^2: GARCH(1, 1). The first
    variance is the mean one, omega / (1 - alpha - beta)."""

    steps: int
    """Length of a window."""
    omega: float
    alpha: float
    beta: float
    modes: Tensor | None = None
    """There are none to count."""
    mode_scale: float | None = None

    @property
    def variance(self) -> float:
        """The mean of all variances."""
        return self.omega / (1 - self.alpha - self.beta)

    def log_prob(self, x: Float[Tensor, "n time 1"]) -> Float[Tensor, " n"]:
        """(N, T, 1) -> (N,) nats, float64."""
        squares = x[..., 0].double().square()
        variance = torch.full_like(squares[:, 0], self.variance)
        total = torch.zeros_like(variance)
        for t in range(squares.shape[1]):
            total -= 0.5 * (squares[:, t] / variance + variance.log() + math.log(2 * math.pi))
            variance = self.omega + self.alpha * squares[:, t] + self.beta * variance
        return total

    def sample(self, count: int, generator: torch.Generator) -> Float[Tensor, "count time 1"]:
        """(count, T, 1) float32."""
        noise = _noise(count, self.steps, generator)
        variance = torch.full_like(noise[:, 0], self.variance)
        values = []
        for t in range(self.steps):
            values.append((variance.sqrt() * noise[:, t]).float())
            # of the value as it is stored, so that log_prob finds the same variances
            variance = self.omega + self.alpha * values[-1].double().square() + self.beta * variance
        return torch.stack(values, 1).unsqueeze(2)


def ar2_truth() -> StationaryARMA:
    return StationaryARMA(32, phi=(1.39, -0.69))


def ar2() -> Dataset:
    return _drawn("ar2", ar2_truth(), 32)


def arma_truth() -> StationaryARMA:
    return StationaryARMA(32, phi=(0.7,), theta=(0.8,))


def arma() -> Dataset:
    return _drawn("arma", arma_truth(), 32)


def garch_truth() -> Garch:
    return Garch(64, omega=0.15, alpha=0.25, beta=0.6)


def garch() -> Dataset:
    return _drawn("garch", garch_truth(), 64)


def sines() -> Dataset:
    """Windows (24, 5): (sin(f t + p) + 1) / 2 for t = 0..23, f and p uniform in [0, 0.1) for each channel."""
    spec = DataSpec(name="sines", modality="series", event_shape=(24, _SINE_CHANNELS))
    splits = []
    for seed, size in enumerate(_SINE_SIZES):
        generator = torch.Generator().manual_seed(seed)
        frequency, phase = 0.1 * torch.rand(
            2, size, 1, _SINE_CHANNELS, generator=generator, dtype=torch.float64
        )
        time = torch.arange(24, dtype=torch.float64)[:, None]
        splits.append(Split(spec, ((torch.sin(frequency * time + phase) + 1) / 2).float()))
    train, valid, test = splits
    return Dataset(spec, train, valid, test)


def _noise(count: int, steps: int, generator: torch.Generator) -> Float[Tensor, "count steps"]:
    return torch.randn(count, steps, generator=generator, device=generator.device, dtype=torch.float64)


def _drawn(name: str, truth: Truth, steps: int) -> Dataset:
    """Splits of independent draws, with seeds 0, 1 and 2."""
    spec = DataSpec(name=name, modality="series", event_shape=(steps, 1))
    train, valid, test = (
        Split(spec, truth.sample(size, torch.Generator().manual_seed(seed)))
        for seed, size in enumerate(_SIZES)
    )
    return Dataset(spec, train, valid, test, truth)
