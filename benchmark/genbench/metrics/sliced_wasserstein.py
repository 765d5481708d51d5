"""Sliced 2-Wasserstein distance (Rabin et al. 2011; Bonneel et al. 2015).

    SW₂² = mean over random directions θ of W₂²(θ·X, θ·Y)

In one dimension the optimal transport matches sorted values. Linear in N, in time (but for sorting) and in
memory; directions are seeded, so that all models are seen from the same ones.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from genbench.metrics.figures import feature_obstacle, figure, without_value
from genbench.result import MetricValue
from genbench.scoring import ScoringInputs

PROJECTIONS = 256
# Projected numbers held at a time, per set: 32 MB.
_HELD = 2**22


def random_directions(projections: int, dimension: int, generator: torch.Generator) -> Float[Tensor, "p dim"]:
    """Uniform on the unit sphere, float64."""
    directions = torch.randn(projections, dimension, generator=generator, dtype=torch.float64)
    return directions.div_(torch.linalg.vector_norm(directions, dim=1, keepdim=True))


def sorted_projections(x: Float[Tensor, "n dim"], directions: Float[Tensor, "p dim"]) -> Float[Tensor, "p n"]:
    """Features to statistics: the examples along each direction, ascending, float64."""
    return (directions.to(x.device) @ x.double().T).sort(dim=1).values


def wasserstein_of_sorted(
    x: Float[Tensor, "p n"], y: Float[Tensor, "p m"], power: int
) -> Float[Tensor, " p"]:
    """W_power to the power `power` between rows of sorted values, exact for any N and M.

    The quantile functions are steps, at multiples of 1/N and 1/M: their difference is summed over the
    pieces, whose ends are whole numbers in units of 1/NM.
    """
    n, m = x.shape[1], y.shape[1]
    if n == m:
        return (x - y).abs().pow(power).mean(1)
    steps = torch.cat([torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n])
    ends: Tensor = torch.unique(steps).to(x.device)
    starts = torch.cat([ends.new_zeros(1), ends[:-1]])
    widths = (ends - starts).double() / (n * m)
    return ((x[:, starts // m] - y[:, starts // n]).abs().pow(power) * widths).sum(1)


def sliced_wasserstein(
    x: Float[Tensor, "n dim"],
    y: Float[Tensor, "m dim"],
    generator: torch.Generator,
    projections: int = PROJECTIONS,
) -> Float[Tensor, ""]:
    """SW₂ (not squared) between x (N, D) and y (M, D), 0-dimensional float64."""
    if min(len(x), len(y)) < 1:
        raise ValueError(
            f"sliced Wasserstein distance of {len(x)} and {len(y)} examples: needs at least 1 of each"
        )
    directions = random_directions(projections, x.shape[1], generator)
    chunk = max(1, _HELD // max(len(x), len(y)))
    squares = [
        wasserstein_of_sorted(sorted_projections(x, some), sorted_projections(y, some), power=2)
        for some in torch.split(directions, chunk)
    ]
    return torch.cat(squares).mean().sqrt()


def score_sliced_wasserstein(inputs: ScoringInputs) -> list[MetricValue]:
    if (obstacle := feature_obstacle(inputs, needed=2)) is not None:
        return without_value(["sliced_wasserstein"], inputs, obstacle)
    distance = sliced_wasserstein(inputs.sample_features, inputs.reference_features, inputs.generator())
    return [figure("sliced_wasserstein", inputs, distance)]
