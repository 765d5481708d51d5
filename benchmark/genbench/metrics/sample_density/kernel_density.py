"""The density of real values: Gaussian kernels at the samples, whose width has the best leave-one-out likelihood.

p(x) = mean over samples of N(x; m + sqrt(1 - h²) (x_i - m), h² S)

m is the samples' mean, and S their covariance, shrunk towards a scaled identity by Ledoit and Wolf's rule (2004) in
units of each number's standard deviation. Kernels are moved towards the mean so that the whole density has the
covariance S for every width (West 1993): h = 1 is one Gaussian, and a small h follows every sample. h is chosen from a
fixed grid.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

# Widths from 1 down to 0.001, by factors of the root of 2.
_WIDTHS = tuple(min(2 ** (-k / 2), 1 - 1e-9) for k in range(20))
_JUDGED_ON = 512  # samples that are left out, one at a time, to choose the width
_MAX_FULL_DIMENSION = 1024  # numbers per example up to which covariances are full; beyond, they are diagonal
_MIN_RELATIVE_SCALE = 1e-3
_CHUNK = 2**21


class KernelDensity:
    """The density fitted to samples, (N, D), at least 2.

    scale: (D,) positive, the standard deviations of real values. A number that hardly varies among the samples gets a
    thousandth of it, so that the density always exists. generator: chooses the samples that are left out.
    """

    def __init__(
        self, samples: Float[Tensor, "n dim"], scale: Float[Tensor, " dim"], generator: torch.Generator
    ) -> None:
        x = samples.double()
        self.mean = x.mean(0)
        self.scale = torch.maximum(x.std(0, correction=0), _MIN_RELATIVE_SCALE * scale.double())
        z = (x - self.mean) / self.scale
        self.factor = _cholesky(z) if x.shape[1] <= _MAX_FULL_DIMENSION else None
        self.log_volume = self.scale.log().sum()
        if self.factor is not None:
            self.log_volume = self.log_volume + self.factor.diagonal().log().sum()
        self.kernels = self._whitened(x)
        left_out = torch.randperm(len(x), generator=generator)[:_JUDGED_ON]
        scores = [self._leave_one_out(left_out, width) for width in _WIDTHS]
        self.width = _WIDTHS[int(torch.stack(scores).argmax())]

    def log_prob(self, x: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """(N, D) -> (N,) nats, float64."""
        pieces = x.double().split(max(1, _CHUNK // len(self.kernels)))
        logs = [self._log_kernels(self._whitened(piece), self.width).logsumexp(1) for piece in pieces]
        return torch.cat(logs) - math.log(len(self.kernels))

    def _leave_one_out(self, left_out: Tensor, width: float) -> Tensor:
        logs = self._log_kernels(self.kernels[left_out], width)
        logs[torch.arange(len(left_out)), left_out] = -torch.inf
        # so that no outlier or repeated sample decides by itself
        return (logs.logsumexp(1) - math.log(len(self.kernels) - 1)).clamp(min=-1e6).mean()

    def _log_kernels(self, white: Tensor, width: float) -> Tensor:
        """Log-densities of all kernels, (N, kernels)."""
        inward = math.sqrt(1 - width**2)
        centres = inward * self.kernels
        squared = (white.square().sum(1)[:, None] + centres.square().sum(1) - 2 * white @ centres.T).clamp(
            min=0
        )
        constant = white.shape[1] * (math.log(width) + 0.5 * math.log(2 * math.pi)) + self.log_volume
        return -0.5 * squared / width**2 - constant

    def _whitened(self, x: Tensor) -> Tensor:
        z = (x - self.mean) / self.scale
        if self.factor is None:
            return z
        white: Tensor = torch.linalg.solve_triangular(self.factor, z.T, upper=False).T
        return white


def ledoit_wolf(z: Float[Tensor, "n dim"]) -> Float[Tensor, "dim dim"]:
    """The covariance of centred z, shrunk towards its mean variance times the identity (Ledoit and Wolf 2004, lemmas
    3.2 to 3.5)."""
    count, dim = z.shape
    sample = z.T @ z / count
    target = sample.diagonal().mean()
    away = (sample - target * torch.eye(dim, dtype=z.dtype)).square().sum()
    noise = (z.square().sum(1).square().sum() / count - sample.square().sum()) / count
    share = 1.0 if away <= 0 else float((noise / away).clamp(0, 1))
    return (1 - share) * sample + share * target * torch.eye(dim, dtype=z.dtype)


def _cholesky(z: Tensor) -> Tensor:
    ridge = 1e-6 * torch.eye(z.shape[1], dtype=z.dtype)
    factor: Tensor = torch.linalg.cholesky(ledoit_wolf(z) + ridge)
    return factor
