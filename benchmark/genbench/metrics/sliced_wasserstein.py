"""Sliced 2-Wasserstein distance (Rabin et al. 2011; Bonneel et al. 2015).

    SW₂² = mean over random directions θ of W₂²(θ·X, θ·Y)

In one dimension the optimal transport matches sorted values. Apart from sorting, time and memory are linear in N, and
the memory needed besides the features does not grow with their width. Directions are seeded, so that they are the same
for all models. The bias at finite N is positive, as for all Wasserstein distances.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from genbench.metrics.metric_values import estimated_value, feature_obstacle, without_value
from genbench.metrics.numerics.feature_arrays import Estimate, of_two_feature_sets, two_sided
from genbench.metrics.numerics.transport_1d import potentials_of_sorted, wasserstein_of_sorted
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.mean_errors import Windows

PROJECTIONS = 256
# Projected numbers of each set that are in memory at a time, 16 MB; and examples converted at a time.
_HELD = 2**21
_ROWS = 4096


def random_directions(projections: int, dimension: int, generator: torch.Generator) -> Float[Tensor, "p dim"]:
    """Directions that are uniform on the unit sphere, float64."""
    directions = torch.randn(projections, dimension, generator=generator, dtype=torch.float64)
    return directions.div_(torch.linalg.vector_norm(directions, dim=1, keepdim=True))


def projections_of(x: Float[Tensor, "n dim"], directions: Float[Tensor, "p dim"]) -> Float[Tensor, "p n"]:
    """Features to statistics: the examples' coordinates along each direction, float64."""
    directions = directions.to(x.device)
    found = directions.new_empty(len(directions), len(x))
    for start in range(0, len(x), _ROWS):
        found[:, start : start + _ROWS] = directions @ x[start : start + _ROWS].double().T
    return found


@of_two_feature_sets
def sliced_wasserstein(
    x: Float[Tensor, "n dim"],
    y: Float[Tensor, "m dim"],
    generator: torch.Generator,
    projections: int = PROJECTIONS,
) -> Float[Tensor, ""]:
    """SW₂ (not squared) between x (N, D) and y (M, D), 0-dimensional float64."""
    squares = [
        wasserstein_of_sorted(some_x.sort(dim=1).values, some_y.sort(dim=1).values, power=2)
        for some_x, some_y in _projected(x, y, generator, projections)
    ]
    return torch.cat(squares).mean().sqrt()


@of_two_feature_sets
def sliced_wasserstein_with_error(
    x: Float[Tensor, "n dim"],
    y: Float[Tensor, "m dim"],
    generator: torch.Generator,
    projections: int = PROJECTIONS,
    windows: Windows | None = None,
    sample_windows: Windows | None = None,
) -> Estimate:
    """SW₂ and its standard error, which says how much the value varies between sets of examples on both sides, for
    fixed directions. It is computed by the delta method, from the potentials of the transport along each direction. It
    does not include the bias, and is too large where the distance is mostly bias. NaN where the distance is 0. windows:
    those of y; None if its examples are independent. sample_windows: those of x."""
    squares = []
    influence_x, influence_y = (torch.zeros(len(z), dtype=torch.float64, device=z.device) for z in (x, y))
    for some_x, some_y in _projected(x, y, generator, projections):
        (sorted_x, order_x), (sorted_y, order_y) = some_x.sort(dim=1), some_y.sort(dim=1)
        squares.append(wasserstein_of_sorted(sorted_x, sorted_y, power=2))
        for influence, order, potentials in (
            (influence_x, order_x, potentials_of_sorted(sorted_x, sorted_y, power=2)),
            (influence_y, order_y, potentials_of_sorted(sorted_y, sorted_x, power=2)),
        ):
            influence.index_add_(0, order.flatten(), (potentials / projections).flatten())
    value = torch.cat(squares).mean().sqrt()
    return two_sided(value, influence_x, influence_y, windows, 2 * value, sample_windows)


def _projected(
    x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"], generator: torch.Generator, projections: int
) -> Iterator[tuple[Float[Tensor, "p n"], Float[Tensor, "p m"]]]:
    """The projections of x and y on a few directions at a time."""
    if min(len(x), len(y)) < 1:
        raise ValueError(
            f"sliced Wasserstein distance of {len(x)} and {len(y)} examples: needs at least 1 of each"
        )
    directions = random_directions(projections, x.shape[1], generator)
    for some in torch.split(directions, max(1, _HELD // max(len(x), len(y)))):
        yield projections_of(x, some), projections_of(y, some)


def score_sliced_wasserstein(inputs: ScoringInputs) -> list[MetricValue]:
    """The metric `sliced_wasserstein`."""
    if (obstacle := feature_obstacle(inputs, needed=2)) is not None:
        return without_value(["sliced_wasserstein"], inputs, obstacle)
    found = sliced_wasserstein_with_error(
        inputs.sample_features,
        inputs.reference_features,
        inputs.generator(),
        windows=inputs.reference_windows,
        sample_windows=inputs.sample_windows,
    )
    return [estimated_value("sliced_wasserstein", inputs, found)]
