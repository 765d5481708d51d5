"""Precision, recall, density and coverage, from neighbourhoods of real data and of samples.

The neighbourhood of an example is the ball that reaches to its k-th nearest neighbour in its own set.
Precision and recall: Kynkäänniemi et al. 2019, eq. 1-2. Density and coverage: Naeem et al. 2020, eq. 3-4.
An example on the surface of a ball is within it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genbench.metrics.metric_values import feature_obstacle, metric_value, without_value
from genbench.metrics.numerics.exact_neighbours import balls, centred_sets, kth_neighbour_radii
from genbench.metrics.numerics.feature_arrays import of_two_feature_sets
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue

NEIGHBOURS = 5
_NAMES = ("precision", "recall", "density", "coverage")


@dataclass(frozen=True)
class NeighbourhoodCounts:
    """Statistics of N samples and M real examples."""

    k: int
    """The neighbour that a ball reaches to."""
    balls_around_sample: Int[Tensor, " n"]
    """For each sample, the number of real examples whose ball contains it."""
    samples_in_ball: Int[Tensor, " m"]
    """For each real example, the number of samples in its ball."""
    balls_around_real: Int[Tensor, " m"]
    """For each real example, the number of samples whose ball contains it."""
    sole_sample: Int[Tensor, " m"]
    """Index of the sample in a real example's ball, where there is exactly one; meaningless elsewhere."""
    sole_ball: Int[Tensor, " m"]
    """Index of the sample whose ball contains a real example, where there is exactly one; meaningless elsewhere."""


@dataclass(frozen=True)
class PrecisionRecall:
    """The four metrics and their standard errors, 0-dimensional float64.

    The standard errors say how much a value varies between sets of samples of one model, compared with the same real
    examples, as all models of a table are. Precision and density are means over samples. The standard errors of recall
    and coverage are the jackknife's, which leaves out one sample at a time and holds the samples' radii fixed. It
    errs on the large side (Efron and Stein 1981), by about a third where both metrics are far from 0 and 1.
    """

    precision: Float[Tensor, ""]
    """Share of samples in the ball of some real example."""
    recall: Float[Tensor, ""]
    """Share of real examples in the ball of some sample."""
    density: Float[Tensor, ""]
    """Mean over samples of the number of real balls that contain them, divided by k."""
    coverage: Float[Tensor, ""]
    """Share of real examples whose ball contains some sample."""
    precision_stderr: Float[Tensor, ""]
    """Standard error of precision."""
    recall_stderr: Float[Tensor, ""]
    """Standard error of recall."""
    density_stderr: Float[Tensor, ""]
    """Standard error of density."""
    coverage_stderr: Float[Tensor, ""]
    """Standard error of coverage."""


def neighbourhood_counts(
    samples: Float[Tensor, "n dim"], reference: Float[Tensor, "m dim"], k: int = NEIGHBOURS
) -> NeighbourhoodCounts:
    """Features to statistics. Needs k + 1 examples of each (ValueError)."""
    fake, real = centred_sets(samples, reference)
    real_radii, fake_radii = kth_neighbour_radii(real, k), kth_neighbour_radii(fake, k)
    around_sample = torch.zeros(len(fake), dtype=torch.int64, device=samples.device)
    in_ball, around_real, sole_sample, sole_ball = torch.zeros(
        4, len(real), dtype=torch.int64, device=samples.device
    )
    for tile in balls(real, fake, real_radii, fake_radii):
        around_sample[tile.columns] += tile.within_x.sum(0)
        for counts, sole, within in (
            (in_ball, sole_sample, tile.within_x),
            (around_real, sole_ball, tile.within_y),
        ):
            found = within.sum(1)
            counts[tile.rows] += found
            one = (found == 1).nonzero()[:, 0]
            sole[tile.rows][one] = within[one].to(torch.uint8).argmax(1) + tile.columns.start
    return NeighbourhoodCounts(k, around_sample, in_ball, around_real, sole_sample, sole_ball)


def precision_recall_from_counts(counts: NeighbourhoodCounts) -> PrecisionRecall:
    """Statistics to metric."""
    around = counts.balls_around_sample.double()
    precision = (around > 0).double().mean()
    n = len(around)
    return PrecisionRecall(
        precision=precision,
        recall=(counts.balls_around_real > 0).double().mean(),
        density=around.mean() / counts.k,
        coverage=(counts.samples_in_ball > 0).double().mean(),
        precision_stderr=(precision * (1 - precision) / n).sqrt(),
        recall_stderr=_jackknife_stderr(counts.balls_around_real == 1, counts.sole_ball, n),
        density_stderr=around.var(correction=0).sqrt() / (counts.k * n**0.5),
        coverage_stderr=_jackknife_stderr(counts.samples_in_ball == 1, counts.sole_sample, n),
    )


def _jackknife_stderr(
    held_by_one: Bool[Tensor, " m"], by: Int[Tensor, " m"], samples: int
) -> Float[Tensor, ""]:
    """The standard error of a share of real examples that some sample covers.

    held_by_one: whether exactly one sample covers the example. by: that sample. Without sample j the share falls by
    that of the examples that j alone covers.
    """
    losses = torch.bincount(by[held_by_one], minlength=samples).double() / len(by)
    return ((samples - 1) * losses.var(correction=0)).sqrt()


@of_two_feature_sets
def precision_recall_density_coverage(
    samples: Float[Tensor, "n dim"], reference: Float[Tensor, "m dim"], k: int = NEIGHBOURS
) -> PrecisionRecall:
    """The four metrics of samples (N, D) against real examples (M, D)."""
    return precision_recall_from_counts(neighbourhood_counts(samples, reference, k))


def score_neighbours(inputs: ScoringInputs) -> list[MetricValue]:
    """The metrics `precision`, `recall`, `density` and `coverage`."""
    k = NEIGHBOURS
    if (obstacle := feature_obstacle(inputs, needed=k + 1)) is not None:
        return without_value(_NAMES, inputs, obstacle, k=k)
    found = precision_recall_density_coverage(inputs.sample_features, inputs.reference_features, k)
    return [
        metric_value(name, inputs, getattr(found, name), stderr=getattr(found, f"{name}_stderr"), k=k)
        for name in _NAMES
    ]
