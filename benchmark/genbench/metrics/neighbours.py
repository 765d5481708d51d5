"""Precision, recall, density and coverage, from neighbourhoods of real data and of samples.

The neighbourhood of an example is the ball that reaches to its k-th nearest neighbour in its own set.
Precision and recall: Kynkäänniemi et al. 2019, eq. 1-2. Density and coverage: Naeem et al. 2020, eq. 3-4.
An example on the surface of a ball is within it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genbench.metrics.metric_values import feature_obstacle, metric_value, without_value
from genbench.metrics.numerics.exact_neighbours import balls, centred_sets, kth_neighbour_radii
from genbench.metrics.numerics.feature_arrays import of_two_feature_sets
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.mean_errors import (
    MIN_SEPARATE_WINDOWS_OF_SHARES,
    Windows,
    mean_error,
    separate_windows,
    share_error,
)

NEIGHBOURS = 5
# Shares this close to 0 or 1 have errors that are too large.
_EDGE = 0.05
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
    sole_real: Int[Tensor, " n"]
    """Index of the real example whose ball contains a sample, where there is exactly one; meaningless elsewhere."""


@dataclass(frozen=True)
class PrecisionRecall:
    """The four metrics and their standard errors, 0-dimensional float64.

    The standard errors say how much a value varies between sets of samples of one model and sets of real examples; the
    part of the latter is apart. Where a metric is a mean over one of the sides, that side's part is the error of a mean
    or of a share. The other part is the jackknife's, which leaves out one example at a time and holds the radii of the
    others fixed.
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
    precision_test_stderr: Float[Tensor, ""]
    """The part of it that comes from the real examples."""
    recall_stderr: Float[Tensor, ""]
    """Standard error of recall."""
    recall_test_stderr: Float[Tensor, ""]
    """The part of it that comes from the real examples."""
    density_stderr: Float[Tensor, ""]
    """Standard error of density."""
    density_test_stderr: Float[Tensor, ""]
    """The part of it that comes from the real examples."""
    coverage_stderr: Float[Tensor, ""]
    """Standard error of coverage."""
    coverage_test_stderr: Float[Tensor, ""]
    """The part of it that comes from the real examples."""


def neighbourhood_counts(
    samples: Float[Tensor, "n dim"], reference: Float[Tensor, "m dim"], k: int = NEIGHBOURS
) -> NeighbourhoodCounts:
    """Features to statistics. Needs k + 1 examples of each (ValueError)."""
    fake, real = centred_sets(samples, reference)
    real_radii, fake_radii = kth_neighbour_radii(real, k), kth_neighbour_radii(fake, k)
    around_sample, sole_real = torch.zeros(2, len(fake), dtype=torch.int64, device=samples.device)
    in_ball, around_real, sole_sample, sole_ball = torch.zeros(
        4, len(real), dtype=torch.int64, device=samples.device
    )
    for tile in balls(real, fake, real_radii, fake_radii):
        by_sample = tile.within_x.sum(0)
        around_sample[tile.columns] += by_sample
        one = (by_sample == 1).nonzero()[:, 0]
        first_row = tile.rows.start
        sole_real[tile.columns][one] = tile.within_x[:, one].to(torch.uint8).argmax(0) + first_row
        for counts, sole, within in (
            (in_ball, sole_sample, tile.within_x),
            (around_real, sole_ball, tile.within_y),
        ):
            found = within.sum(1)
            counts[tile.rows] += found
            one = (found == 1).nonzero()[:, 0]
            sole[tile.rows][one] = within[one].to(torch.uint8).argmax(1) + tile.columns.start
    return NeighbourhoodCounts(k, around_sample, in_ball, around_real, sole_sample, sole_ball, sole_real)


def precision_recall_from_counts(
    counts: NeighbourhoodCounts, windows: Windows | None = None
) -> PrecisionRecall:
    """Statistics to metric. windows: those of the real examples; None if they are independent."""
    around, inside = counts.balls_around_sample.double(), counts.samples_in_ball.double()
    n, m = len(around), len(inside)
    hits, reached, covered = around > 0, counts.balls_around_real > 0, inside > 0
    of_samples = {
        "precision": share_error(float(hits.double().mean()), n).stderr,
        "recall": mean_error(_influence(reached, counts.balls_around_real == 1, counts.sole_ball, n)).stderr,
        "density": mean_error(around / counts.k).stderr,
        "coverage": mean_error(_influence(covered, inside == 1, counts.sole_sample, n)).stderr,
    }
    of_reference = {
        "precision": mean_error(_influence(hits, around == 1, counts.sole_real, m), windows).stderr,
        "recall": _share_of_reference(reached, windows),
        "density": mean_error(inside * m / (n * counts.k), windows).stderr,
        "coverage": _share_of_reference(covered, windows),
    }
    if not hits.any():  # the counts are all 0 and have no spread
        of_samples["density"] = of_samples["precision"] / counts.k
    values = {
        "precision": hits.double().mean(),
        "recall": reached.double().mean(),
        "density": around.mean() / counts.k,
        "coverage": covered.double().mean(),
    }
    errors = {
        f"{name}_stderr": around.new_tensor(math.hypot(of_samples[name], of_reference[name]))
        for name in values
    }
    parts = {f"{name}_test_stderr": around.new_tensor(of_reference[name]) for name in values}
    return PrecisionRecall(**values, **errors, **parts)


def _influence(
    held: Bool[Tensor, " m"], held_by_one: Bool[Tensor, " m"], by: Int[Tensor, " m"], count: int
) -> Float[Tensor, " {count}"]:
    """The influence of each of `count` balls on a share of examples that some ball holds, by the jackknife.

    held_by_one: whether exactly one ball holds the example. by: that ball. Without ball j the share falls by that of
    the examples that j alone holds. The jackknife's variance is about twice the true one here (docs/statistics.md), and
    is halved.
    """
    changes = torch.bincount(by[held_by_one], minlength=count).double()
    scale: float = (count - 1) / len(held) * math.sqrt(0.5)
    return changes * scale


def _share_of_reference(held: Bool[Tensor, " m"], windows: Windows | None) -> float:
    """The error of a share of the real examples. It is not 0 where the share is 0 or 1."""
    share = float(held.double().mean())
    if windows is None:
        return share_error(share, len(held)).stderr
    of_separate = share_error(share, max(1, int(separate_windows(windows)))).stderr
    return max(mean_error(held.double(), windows).stderr, of_separate)


@of_two_feature_sets
def precision_recall_density_coverage(
    samples: Float[Tensor, "n dim"],
    reference: Float[Tensor, "m dim"],
    k: int = NEIGHBOURS,
    windows: Windows | None = None,
) -> PrecisionRecall:
    """The four metrics of samples (N, D) against real examples (M, D). windows: those of the real examples; None if
    they are independent."""
    return precision_recall_from_counts(neighbourhood_counts(samples, reference, k), windows)


def score_neighbours(inputs: ScoringInputs) -> list[MetricValue]:
    """The metrics `precision`, `recall`, `density` and `coverage`."""
    k = NEIGHBOURS
    if (obstacle := feature_obstacle(inputs, needed=k + 1)) is not None:
        return without_value(_NAMES, inputs, obstacle, k=k)
    windows = inputs.reference_windows
    found = precision_recall_density_coverage(inputs.sample_features, inputs.reference_features, k, windows)
    return [
        metric_value(
            name,
            inputs,
            getattr(found, name),
            stderr=getattr(found, f"{name}_stderr"),
            test_stderr=getattr(found, f"{name}_test_stderr"),
            is_rough=_is_rough(name, float(getattr(found, name)), inputs),
            k=k,
        )
        for name in _NAMES
    ]


def _is_rough(name: str, value: float, inputs: ScoringInputs) -> bool:
    """The error of a density is rough, since real examples share hubs. So is that of a share that lies at the edge of
    its range, and of a share of windows unless many of them do not overlap."""
    windows = inputs.reference_windows
    few = windows is not None and separate_windows(windows) < MIN_SEPARATE_WINDOWS_OF_SHARES
    return few or name == "density" or min(value, 1 - value) < _EDGE
