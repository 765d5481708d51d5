"""Precision, recall, density, coverage: neighbourhoods of real data and of samples, compared.

The neighbourhood of an example is the ball that reaches to its k-th nearest neighbour of its own set.
Precision and recall: Kynkäänniemi et al. 2019, eq. 1-2. Density and coverage: Naeem et al. 2020, eq. 3-4.
Ties count: an example on the rim of a ball is within it.
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
    """Statistics.

    balls_around_sample: (N,) how many real balls hold each sample. samples_in_ball: (M,) how many samples a
    real example's ball holds; balls_around_real: (M,) how many samples' balls hold it. sole_sample,
    sole_ball: (M,) the last of those samples, and the sample of the last of those balls; the only one,
    where there is one. Undefined where there is none.
    """

    k: int
    balls_around_sample: Int[Tensor, " n"]
    samples_in_ball: Int[Tensor, " m"]
    balls_around_real: Int[Tensor, " m"]
    sole_sample: Int[Tensor, " m"]
    sole_ball: Int[Tensor, " m"]


@dataclass(frozen=True)
class PrecisionRecall:
    """The four figures and their standard errors, 0-dimensional float64.

    The standard errors say how a figure would vary with other samples of the same model, judged against the
    same real examples (as all models of a table are). Precision and density are means over samples. Recall
    and coverage are not: theirs is the jackknife's, leaving out a sample at a time (the samples' radii held),
    which errs on the large side (Efron and Stein 1981), by about a third where both are far from 0 and 1.
    """

    precision: Float[Tensor, ""]
    recall: Float[Tensor, ""]
    density: Float[Tensor, ""]
    coverage: Float[Tensor, ""]
    precision_stderr: Float[Tensor, ""]
    recall_stderr: Float[Tensor, ""]
    density_stderr: Float[Tensor, ""]
    coverage_stderr: Float[Tensor, ""]


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
    """Of a share of real examples that some sample holds: without sample j it falls by what j alone holds."""
    losses = torch.bincount(by[held_by_one], minlength=samples).double() / len(by)
    return ((samples - 1) * losses.var(correction=0)).sqrt()


@of_two_feature_sets
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
        metric_value(name, inputs, getattr(found, name), stderr=getattr(found, f"{name}_stderr"), k=k)
        for name in _NAMES
    ]
