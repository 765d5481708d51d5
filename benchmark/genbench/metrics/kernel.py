"""Kernel distance: the unbiased squared maximum mean discrepancy of features under the cubic kernel
k(x, y) = (x·y / D + 1)³ (Bińkowski et al. 2018, "KID"; the estimator is Gretton et al. 2012, eq. 3).

It is computed from all pairs, a tile at a time, not from random subsets. It is unbiased, so that it may be negative.
The standard error is the jackknife's over both sets (Arvesen 1969), which needs only the sums over each example's
pairs; where the distance is near 0 it is too large (Efron and Stein 1981).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from genbench.metrics.metric_values import estimated_value, feature_obstacle, without_value
from genbench.metrics.numerics.distances import tiles
from genbench.metrics.numerics.feature_arrays import Estimate, of_two_feature_sets, two_sided
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.mean_errors import Windows

MIN_ERRORS_FROM_ZERO = 3.0
"""Closer to 0 than so many standard errors, the jackknife's error is too large, and rough."""


@dataclass(frozen=True)
class KernelSums:
    """Sums of the kernel over pairs, for each example, float64."""

    within_x: Float[Tensor, " n"]
    """For each x, over the other xs."""
    within_y: Float[Tensor, " m"]
    """For each y, over the other ys."""
    x_to_y: Float[Tensor, " n"]
    """For each x, over all ys."""
    y_to_x: Float[Tensor, " m"]
    """For each y, over all xs."""


def kernel_sums(x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]) -> KernelSums:
    """Features to statistics; at least 2 examples of each."""
    if min(len(x), len(y)) < 2:
        raise ValueError(f"kernel distance of {len(x)} and {len(y)} examples: needs at least 2 of each")
    x_to_y, y_to_x = _cross_sums(x, y)
    return KernelSums(_within_sums(x), _within_sums(y), x_to_y, y_to_x)


def kernel_distance_from_sums(
    sums: KernelSums, windows: Windows | None = None, sample_windows: Windows | None = None
) -> Estimate:
    """Statistics to metric. windows: those of the ys; None if they are independent. sample_windows: those of the xs."""
    n, m = len(sums.within_x), len(sums.within_y)
    total_x, total_y, cross = sums.within_x.sum(), sums.within_y.sum(), sums.x_to_y.sum()
    mean_x, mean_y = total_x / (n * (n - 1)), total_y / (m * (m - 1))
    value = mean_x + mean_y - 2 * cross / (n * m)
    if min(n, m) < 3:
        return Estimate(value, torch.full_like(value, torch.nan))
    # the distance without the i-th x: its pairs are taken from both sums, and twice from the symmetric one
    without_x = (
        (total_x - 2 * sums.within_x) / ((n - 1) * (n - 2))
        + mean_y
        - 2 * (cross - sums.x_to_y) / ((n - 1) * m)
    )
    without_y = (
        mean_x
        + (total_y - 2 * sums.within_y) / ((m - 1) * (m - 2))
        - 2 * (cross - sums.y_to_x) / (n * (m - 1))
    )
    found = two_sided(
        value, -(n - 1) * without_x, -(m - 1) * without_y, windows, sample_windows=sample_windows
    )
    return found._replace(is_rough=found.is_rough or bool(value.abs() < MIN_ERRORS_FROM_ZERO * found.stderr))


@of_two_feature_sets
def kernel_distance(
    x: Float[Tensor, "n dim"],
    y: Float[Tensor, "m dim"],
    windows: Windows | None = None,
    sample_windows: Windows | None = None,
) -> Estimate:
    """Squared MMD between x (N, D) and y (M, D), and its standard error, which is NaN for fewer than 3 examples on a
    side. windows: those of y; None if its examples are independent. sample_windows: those of x.
    """
    return kernel_distance_from_sums(kernel_sums(x, y), windows, sample_windows)


def _operands(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Matrices whose product is x·y / D + 1."""
    one = torch.ones((), dtype=torch.float64, device=x.device)
    left = torch.cat([x.double() / x.shape[1], one.expand(len(x), 1)], dim=1)
    return left, torch.cat([y.double(), one.expand(len(y), 1)], dim=1)


def _cross_sums(x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]) -> tuple[Tensor, Tensor]:
    left, right = _operands(x, y)
    by_row, by_column = left.new_zeros(len(x)), left.new_zeros(len(y))
    for rows, columns, tile in tiles(left, right):
        kernel = tile.pow_(3)
        by_row[rows] += kernel.sum(1)
        by_column[columns] += kernel.sum(0)
    return by_row, by_column


def _within_sums(x: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
    left, right = _operands(x, x)
    sums = left.new_zeros(len(x))
    for rows, columns, tile in tiles(left, right, upper=True):
        kernel = tile.pow_(3)
        if rows == columns:
            kernel.fill_diagonal_(0.0)  # no example is paired with itself
        else:
            sums[columns] += kernel.sum(0)
        sums[rows] += kernel.sum(1)
    return sums


def score_kernel(inputs: ScoringInputs) -> list[MetricValue]:
    """The metric `kernel_distance`."""
    if (obstacle := feature_obstacle(inputs, needed=2)) is not None:
        return without_value(["kernel_distance"], inputs, obstacle)
    found = kernel_distance(
        inputs.sample_features, inputs.reference_features, inputs.reference_windows, inputs.sample_windows
    )
    return [estimated_value("kernel_distance", inputs, found)]
