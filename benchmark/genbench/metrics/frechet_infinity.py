"""Fréchet distance extrapolated to infinitely many examples (Chong and Forsyth 2020, "FID∞").

At N examples a side the distance is biased upwards by about c/N, and c depends on the model: some models look
worse than others only because their covariance is harder to estimate. A line through the distances at N and
at smaller sizes, taken at 1/N = 0, is free of that.

Two choices differ from the paper, which draws fifteen sub-samples of the model's samples and keeps the
statistics of the real data. Both sides are sub-sampled here, since the reference of a benchmark is as small
as the samples and is biased as they are; a model that gives real data extrapolates to 0, not to the bias
that the reference is left with. And sub-samples are the two halves of both sides: for a line through given
points the ends are the best ones, disjoint halves are independent, and the work is shared (the covariance of
the whole is the sum of those of the halves).

The figure is unbiased up to 1/N², so it may come out below 0. See docs/decisions/0012-standard-errors.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from genbench.metrics.frechet import (
    GaussianStatistics,
    frechet_distance_from_statistics,
    frechet_estimate,
    mean_and_scatter,
)
from genbench.metrics.metric_values import feature_obstacle, metric_value, without_value
from genbench.metrics.numerics.feature_arrays import Estimate, of_two_feature_sets
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue

# Examples needed, per dimension: below it, the bias of a half is no longer a line in 1/N.
EXAMPLES_PER_DIMENSION = 4
# Ways of halving that are averaged over, where that costs nothing to speak of.
_HALVINGS = 8
_FEW_DIMENSIONS = 256


def examples_needed(dimension: int) -> int:
    """On each side."""
    return max(8, EXAMPLES_PER_DIMENSION * dimension)


@of_two_feature_sets
def frechet_infinity(
    x: Float[Tensor, "n dim"],
    y: Float[Tensor, "m dim"],
    generator: torch.Generator,
    halvings: int | None = None,
) -> Estimate:
    """d² at infinite N between x (N, D) and y (M, D), and its standard error.

    halvings: random halves to average over; 8 up to 256 dimensions, else 1. Costs at most three distances
    with one halving. Needs 4 D examples on each side (ValueError).

    The standard error is the distance's own (`frechet_distance_with_error`): to first order, halves that make
    up the whole add none. The residuals of the regression would be none: sub-samples of the same examples do
    not show what other examples would have given.
    """
    needed = examples_needed(x.shape[1])
    if min(len(x), len(y)) < needed:
        raise ValueError(
            f"the Fréchet distance at infinite N of {len(x)} and {len(y)} examples with {x.shape[1]} features:"
            f" needs at least {needed} of each"
        )
    if halvings is None:
        halvings = _HALVINGS if x.shape[1] <= _FEW_DIMENSIONS else 1
    halves = []
    for _ in range(halvings):
        parts_x, parts_y = _halved(x, generator), _halved(y, generator)
        halves += [
            frechet_distance_from_statistics(a.gaussian(), b.gaussian())
            for a, b in zip(parts_x, parts_y, strict=True)
        ]
    whole_x, whole_y = _joined(*parts_x), _joined(*parts_y)
    whole = frechet_estimate(x, y, whole_x.gaussian(), whole_y.gaussian())
    # Both sides of a half have half the examples, so its bias is twice that of the whole.
    return Estimate(2 * whole.value - torch.stack(halves).mean(), whole.stderr)


@dataclass(frozen=True)
class _Moments:
    count: int
    mean: Float[Tensor, " dim"]
    scatter: Float[Tensor, "dim dim"]

    def gaussian(self) -> GaussianStatistics:
        return GaussianStatistics(self.mean, self.scatter / (self.count - 1))


def _halved(x: Float[Tensor, "n dim"], generator: torch.Generator) -> tuple[_Moments, _Moments]:
    order = torch.randperm(len(x), generator=generator, device=generator.device).to(x.device)
    middle = len(x) // 2
    first, second = (
        _Moments(len(some), *mean_and_scatter(x[some])) for some in (order[:middle], order[middle:])
    )
    return first, second


def _joined(a: _Moments, b: _Moments) -> _Moments:
    count = a.count + b.count
    apart = b.mean - a.mean
    scatter = a.scatter + b.scatter + torch.outer(apart, apart) * (a.count * b.count / count)
    return _Moments(count, a.mean + apart * (b.count / count), scatter)


def score_frechet_infinity(inputs: ScoringInputs) -> list[MetricValue]:
    name = "frechet_infinity"
    if (obstacle := feature_obstacle(inputs, needed=1)) is None:
        obstacle = feature_obstacle(inputs, needed=examples_needed(inputs.sample_features.shape[1]))
    if obstacle is not None:
        return without_value([name], inputs, obstacle)
    found = frechet_infinity(inputs.sample_features, inputs.reference_features, inputs.generator())
    return [metric_value(name, inputs, found.value, stderr=found.stderr)]
