"""Where points lie: a picture of counts for each model, and coordinates for the chart of one model.

Points of more than two dimensions are projected onto the two directions in which held-out data vary most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from genbench_reports.samples.png import Picture, ramp_picture

_BINS, _MARGIN = 64, 0.12
_MAX_POINTS, _GRID = 600, 10_000
_SHADES = 24
# the lightest and the darkest shade of a hue that is visible on white and on black
_FAINT, _FULL = np.array([176, 205, 232]), np.array([8, 81, 156])


def _shade(share: float) -> tuple[int, int, int]:
    red, green, blue = (_FAINT + (_FULL - _FAINT) * share).round().astype(int).tolist()
    return red, green, blue


_RAMP = [(0, 0, 0), *(_shade(float(share)) for share in np.linspace(0, 1, _SHADES - 1))]

Plane = Float[np.ndarray, "n 2"]
Counts = Float[np.ndarray, "bins bins"]


@dataclass(frozen=True)
class View:
    """The plane onto which points are projected."""

    centre: Float[Tensor, " dim"]
    """(D,), subtracted before the projection."""
    directions: Float[Tensor, "dim 2"]
    """(D, 2), the axes of the plane."""
    low: Float[np.ndarray, " 2"]
    """(2,), its lower limits."""
    high: Float[np.ndarray, " 2"]
    """(2,), its upper limits."""
    max_share: float
    """The largest share of real points in one cell."""
    axes: tuple[str, str]
    """Names of the two axes."""

    def project(self, x: Tensor) -> Plane:
        """(N, D) -> (N, 2)."""
        plane: Plane = ((x.flatten(1).double() - self.centre) @ self.directions).numpy()
        return plane

    def counts(self, x: Tensor) -> Counts:
        """Share of the points in each cell; the second direction points upwards."""
        plane = self.project(x)
        edges = [np.linspace(self.low[i], self.high[i], _BINS + 1) for i in range(2)]
        found, _, _ = np.histogram2d(plane[:, 0], plane[:, 1], bins=edges)
        shares: Counts = found.T[::-1] / max(1, len(plane))
        return shares

    def picture(self, x: Tensor) -> Picture:
        """Shades follow the cube root of the share, from none to that of the fullest cell of the real data."""
        shares = np.clip(self.counts(x) / self.max_share, 0, 1)
        shades = np.where(shares > 0, 1 + np.round(np.cbrt(shares) * (_SHADES - 2)), 0)
        return ramp_picture(shades.astype(np.uint8), _RAMP)

    def outside(self, x: Tensor) -> float:
        """Share of the points outside the limits."""
        plane = self.project(x)
        return float(((plane < self.low) | (plane > self.high)).any(1).mean())

    def coordinates(self, x: Tensor) -> list[list[int]]:
        """The first points as whole numbers, where `low` is 0 and `high` is 10,000; points far outside are moved to
        within one width of the limits."""
        scaled = (self.project(x[:_MAX_POINTS]) - self.low) / (self.high - self.low) * _GRID
        whole = np.clip(np.round(scaled), -_GRID, 2 * _GRID).astype(int)
        return [column.tolist() for column in whole.T]


def view_of(reference: Tensor) -> View | None:
    """The plane for a data set, from its held-out points (N, D); None for points on a line."""
    flat = reference.flatten(1).double()
    count, dimension = flat.shape
    if dimension < 2 or count < 2:
        return None
    centre = torch.zeros(dimension, dtype=torch.float64)
    directions, axes = torch.eye(dimension, dtype=torch.float64)[:, :2], ("x₁", "x₂")
    if dimension > 2:
        centre = flat.mean(0)
        _, _, rows = torch.linalg.svd(flat - centre, full_matrices=False)
        # the sign of a direction is arbitrary: its largest component is made positive
        signs = rows[:2].gather(1, rows[:2].abs().argmax(1, keepdim=True)).sign()
        directions, axes = (rows[:2] * signs).T, ("first principal direction", "second principal direction")
    plane = ((flat - centre) @ directions).numpy()
    low, high = plane.min(0), plane.max(0)
    margin = _MARGIN * np.where(high > low, high - low, 1.0)
    view = View(centre, directions, low - margin, high + margin, 1.0, axes)
    return View(centre, directions, view.low, view.high, float(view.counts(reference).max()) or 1.0, axes)
