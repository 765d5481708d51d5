"""Annealing schedules: inverse temperatures, and the step size of the transition at each of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

# How strongly temperatures concentrate near the ends of the sigmoid schedule (Grosse et al. 2015, section 6).
_STEEPNESS = 4.0
# Single trajectories say little about the acceptance rate, so that step sizes are averaged over this share of the
# steps.
_SMOOTHING = 1 / 8


def linear(steps: int) -> tuple[float, ...]:
    """steps + 1 equally spaced inverse temperatures."""
    return tuple(step / steps for step in range(steps + 1))


def sigmoid(steps: int) -> tuple[float, ...]:
    """steps + 1 inverse temperatures that are denser at both ends."""
    curve = [1 / (1 + math.exp(-_STEEPNESS * (2 * step / steps - 1))) for step in range(steps + 1)]
    low, high = curve[0], curve[-1]
    return (0.0, *((value - low) / (high - low) for value in curve[1:-1]), 1.0)


@dataclass(frozen=True)
class AnnealingSchedule:
    """T steps from the prior to the posterior."""

    betas: tuple[float, ...]
    """T + 1 inverse temperatures, from exactly 0 to exactly 1."""
    step_sizes: Float[Tensor, "steps n"]
    """Step size of each example's transition at betas[1:], float64 (T, n); (T, 1) where all examples share them."""
    leapfrog_steps: int
    """Leapfrog steps per transition."""

    @classmethod
    def of(cls, betas: Sequence[float], step_size: float, leapfrog_steps: int) -> AnnealingSchedule:
        """A schedule with one step size."""
        sizes = torch.full((len(betas) - 1, 1), step_size, dtype=torch.float64)
        return cls(tuple(betas), sizes, leapfrog_steps)

    def resampled(self, steps: int) -> AnnealingSchedule:
        """The schedule interpolated to another number of steps, so that each fraction of the steps has the
        temperatures and step sizes that it had."""
        betas = _stretched(torch.tensor(self.betas, dtype=torch.float64).unsqueeze(1), steps + 1)[:, 0]
        sizes = _stretched(self.step_sizes.log(), steps).exp()
        return AnnealingSchedule((0.0, *betas[1:-1].tolist(), 1.0), sizes, self.leapfrog_steps)

    def scaled(self, log_factors: Float[Tensor, "steps n"]) -> AnnealingSchedule:
        """The schedule with step sizes times exp(log_factors), which are smoothed over neighbouring steps."""
        half = int(len(log_factors) * _SMOOTHING / 2)
        ends = log_factors[:1].expand(half, -1), log_factors[-1:].expand(half, -1)
        smooth = torch.cat([ends[0], log_factors, ends[1]]).unfold(0, 2 * half + 1, 1).mean(2)
        return AnnealingSchedule(
            self.betas, self.step_sizes.to(smooth.device) * smooth.exp(), self.leapfrog_steps
        )


def _stretched(values: Float[Tensor, "rows n"], rows: int) -> Float[Tensor, "{rows} n"]:
    """Interpolated between rows; the first and the last row are unchanged."""
    return F.interpolate(values.T.unsqueeze(0), size=rows, mode="linear", align_corners=True)[0].T
