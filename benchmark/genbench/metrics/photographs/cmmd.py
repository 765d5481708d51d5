"""CMMD (Jayasumana et al. 2024): 1,000 times the squared maximum mean discrepancy of CLIP embeddings of length 1, under
the kernel exp(-|x - y|² / (2 · 10²)).

It is the estimate of the authors' code, in which each example is paired with itself too, so that it is never negative
and about 1,000 (1 - mean kernel) (1/N + 1/M) above that of infinitely many examples.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from genbench.metrics.metric_values import estimated_value, feature_obstacle, without_value
from genbench.metrics.numerics.distances import centred, left_operand, right_operand, tiles
from genbench.metrics.numerics.feature_arrays import Estimate, of_two_feature_sets, two_sided
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue

BANDWIDTH = 10.0
SCALE = 1000.0
_MIN_ERRORS_FROM_ZERO = 3.0
"""Closer to 0 than so many standard errors, the linear approximation of the error is rough."""


@of_two_feature_sets
def cmmd(x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]) -> Estimate:
    """CMMD of embeddings x (N, D) and y (M, D), and its standard error by the delta method."""
    x, y = centred(x, y)
    x_to_x, _ = _mean_kernels(x, x)
    y_to_y, _ = _mean_kernels(y, y)
    x_to_y, y_to_x = _mean_kernels(x, y)
    value = SCALE * (x_to_x.mean() + y_to_y.mean() - 2 * x_to_y.mean())
    found = two_sided(value.clamp_min(0), 2 * SCALE * (x_to_x - x_to_y), 2 * SCALE * (y_to_y - y_to_x))
    return found._replace(is_rough=found.is_rough or bool(value < _MIN_ERRORS_FROM_ZERO * found.stderr))


def _mean_kernels(x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]) -> tuple[Tensor, Tensor]:
    """The mean of the kernel over all ys for each x, (N,), and over all xs for each y, (M,)."""
    by_x, by_y = x.new_zeros(len(x)), y.new_zeros(len(y))
    for rows, columns, tile in tiles(left_operand(x), right_operand(y)):
        kernel = torch.exp(tile.clamp_min(0) / (-2 * BANDWIDTH**2))
        by_x[rows] += kernel.sum(1)
        by_y[columns] += kernel.sum(0)
    return by_x / len(y), by_y / len(x)


def score_cmmd(inputs: ScoringInputs) -> list[MetricValue]:
    """The metric `cmmd`."""
    if (obstacle := feature_obstacle(inputs, needed=2)) is not None:
        return without_value(["cmmd"], inputs, obstacle)
    return [estimated_value("cmmd", inputs, cmmd(inputs.sample_features, inputs.reference_features))]
