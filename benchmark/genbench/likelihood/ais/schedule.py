"""The way of annealing: inverse temperatures, and the step size of the transition at each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

# How many more temperatures lie near the ends of the sigmoid schedule (Grosse et al. 2015, section 6).
_STEEPNESS = 4.0
# Single trajectories say little of acceptance: step sizes found by them are averaged over this share of the way.
_SMOOTHING = 1 / 8


def linear(steps: int) -> tuple[float, ...]:
    """steps + 1 inverse temperatures, equally far apart."""
    return tuple(step / steps for step in range(steps + 1))


def sigmoid(steps: int) -> tuple[float, ...]:
    """steps + 1 inverse temperatures, closer together at either end."""
    curve = [1 / (1 + math.exp(-_STEEPNESS * (2 * step / steps - 1))) for step in range(steps + 1)]
    low, high = curve[0], curve[-1]
    return (0.0, *((value - low) / (high - low) for value in curve[1:-1]), 1.0)


@dataclass(frozen=True)
class AnnealingSchedule:
    """betas: T + 1, from exactly 0 to exactly 1. step_sizes: float64 (T, n), of each example's transition at
    betas[1:]; (T, 1) where all examples share them."""

    betas: tuple[float, ...]
    step_sizes: Float[Tensor, "steps n"]
    leapfrog_steps: int

    @classmethod
    def of(cls, betas: Sequence[float], step_size: float, leapfrog_steps: int) -> AnnealingSchedule:
        """One step size for all."""
        sizes = torch.full((len(betas) - 1, 1), step_size, dtype=torch.float64)
        return cls(tuple(betas), sizes, leapfrog_steps)

    def resampled(self, steps: int) -> AnnealingSchedule:
        """The same way in another number of steps: a fraction of the way is the same fraction of the steps."""
        betas = _stretched(torch.tensor(self.betas, dtype=torch.float64).unsqueeze(1), steps + 1)[:, 0]
        sizes = _stretched(self.step_sizes.log(), steps).exp()
        return AnnealingSchedule((0.0, *betas[1:-1].tolist(), 1.0), sizes, self.leapfrog_steps)

    def scaled(self, log_factors: Float[Tensor, "steps n"]) -> AnnealingSchedule:
        """Step sizes times exp(log_factors), which are smoothed along the way."""
        half = int(len(log_factors) * _SMOOTHING / 2)
        ends = log_factors[:1].expand(half, -1), log_factors[-1:].expand(half, -1)
        smooth = torch.cat([ends[0], log_factors, ends[1]]).unfold(0, 2 * half + 1, 1).mean(2)
        return AnnealingSchedule(
            self.betas, self.step_sizes.to(smooth.device) * smooth.exp(), self.leapfrog_steps
        )


def _stretched(values: Float[Tensor, "rows n"], rows: int) -> Float[Tensor, "{rows} n"]:
    """Interpolated between rows, the first and the last staying in place."""
    return F.interpolate(values.T.unsqueeze(0), size=rows, mode="linear", align_corners=True)[0].T
