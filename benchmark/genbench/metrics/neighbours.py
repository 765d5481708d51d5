"""Precision, recall, density, coverage: neighbourhoods of real data and of samples, compared.

The neighbourhood of an example is the ball that reaches to its k-th nearest neighbour of its own set.
Precision and recall: Kynkäänniemi et al. 2019, eq. 1-2. Density and coverage: Naeem et al. 2020, eq. 3-4.
Ties count: an example on the rim of a ball is within it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genbench.metrics.distances import (
    centred,
    kth_neighbour_squared_distances,
    left_operand,
    right_operand,
    tie_slack,
    tiles,
)
from genbench.metrics.figures import feature_obstacle, figure, without_value
from genbench.result import MetricValue
from genbench.scoring import ScoringInputs

NEIGHBOURS = 5
_NAMES = ("precision", "recall", "density", "coverage")


@dataclass(frozen=True)
class NeighbourhoodCounts:
    """Statistics. balls_around_sample: (N,) how many real balls hold each sample. real_covered: (M,)
    whether a real example's ball holds a sample. real_recalled: (M,) whether a sample's ball holds it."""

    k: int
    balls_around_sample: Int[Tensor, " n"]
    real_covered: Float[Tensor, " m"]
    real_recalled: Float[Tensor, " m"]


@dataclass(frozen=True)
class PrecisionRecall:
    """The four figures, 0-dimensional float64, and standard errors where the samples enter one by one.

    The standard errors hold given the reference: they say how the figure varies with other samples.
    Recall and coverage are no means over samples, and have none.
    """

    precision: Float[Tensor, ""]
    recall: Float[Tensor, ""]
    density: Float[Tensor, ""]
    coverage: Float[Tensor, ""]
    precision_stderr: Float[Tensor, ""]
    density_stderr: Float[Tensor, ""]


def neighbourhood_counts(
    samples: Float[Tensor, "n dim"], reference: Float[Tensor, "m dim"], k: int = NEIGHBOURS
) -> NeighbourhoodCounts:
    """Features to statistics. Needs k + 1 examples of each (ValueError)."""
    fake, real = centred(samples, reference)
    real_radii = kth_neighbour_squared_distances(real, k)
    fake_radii = kth_neighbour_squared_distances(fake, k)
    slack = tie_slack(samples.shape[1])
    balls = torch.zeros(len(fake), dtype=torch.int64, device=fake.device)
    # Per real example: least of distance² less its own radius², and less the sample's radius².
    to_own_rim = real.new_full((len(real),), torch.inf)
    to_fake_rim = to_own_rim.clone()
    for rows, columns, tile in tiles(
        left_operand(real, real_radii, slack=slack), right_operand(fake, slack=slack)
    ):
        balls[columns] += (tile <= 0).sum(0)
        to_own_rim[rows] = torch.minimum(to_own_rim[rows], tile.amin(1))
        tile -= fake_radii[columns]
        to_fake_rim[rows] = torch.minimum(to_fake_rim[rows], tile.amin(1))
    return NeighbourhoodCounts(k, balls, (to_own_rim <= 0).double(), (to_fake_rim + real_radii <= 0).double())


def precision_recall_from_counts(counts: NeighbourhoodCounts) -> PrecisionRecall:
    """Statistics to metric."""
    balls = counts.balls_around_sample.double()
    precision = (balls > 0).double().mean()
    n = len(balls)
    return PrecisionRecall(
        precision=precision,
        recall=counts.real_recalled.mean(),
        density=balls.mean() / counts.k,
        coverage=counts.real_covered.mean(),
        precision_stderr=(precision * (1 - precision) / n).sqrt(),
        density_stderr=balls.var(correction=0).sqrt() / (counts.k * n**0.5),
    )


def precision_recall_density_coverage(
    samples: Float[Tensor, "n dim"], reference: Float[Tensor, "m dim"], k: int = NEIGHBOURS
) -> PrecisionRecall:
    """The four figures of samples (N, D) against real examples (M, D)."""
    return precision_recall_from_counts(neighbourhood_counts(samples, reference, k))


def score_neighbours(inputs: ScoringInputs) -> list[MetricValue]:
    k = NEIGHBOURS
    if (obstacle := feature_obstacle(inputs, needed=k + 1)) is not None:
        return without_value(_NAMES, inputs, obstacle, k=k)
    found = precision_recall_density_coverage(inputs.sample_features, inputs.reference_features, k)
    return [
        figure("precision", inputs, found.precision, stderr=found.precision_stderr, k=k),
        figure("recall", inputs, found.recall, k=k),
        figure("density", inputs, found.density, stderr=found.density_stderr, k=k),
        figure("coverage", inputs, found.coverage, k=k),
    ]
