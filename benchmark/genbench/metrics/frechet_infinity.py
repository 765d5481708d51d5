"""Fréchet distance extrapolated to infinitely many examples (Chong and Forsyth 2020, "FID∞").

At N examples on each side the distance has a bias of about c/N, and c depends on the model: some models look worse than
others only because their covariance is harder to estimate. A line through the distances at N and at smaller sizes,
evaluated at 1/N = 0, removes this bias.

The paper draws fifteen sub-samples of the model's samples and uses the statistics of all real data. Two choices are
different here. First, both sides are sub-sampled, since the reference of a benchmark is as small as the samples and as
biased; so a model that returns real data extrapolates to 0 and not to the bias of the reference. Second, the
sub-samples are the two halves of both sides: the ends determine a line best, disjoint halves are independent, and the
covariance of the whole follows from those of the halves.

The value is unbiased up to 1/N², so it may be negative. See docs/decisions/0012-standard-errors.md.
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
from genbench.metrics.metric_values import estimated_value, feature_obstacle, without_value
from genbench.metrics.numerics.feature_arrays import Estimate, of_two_feature_sets
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.mean_errors import Windows

# Examples needed per dimension. With fewer, the bias of a half is no longer linear in 1/N.
EXAMPLES_PER_DIMENSION = 4
# The number of random halvings that are averaged, where the dimension is so small that they cost little.
_HALVINGS = 8
_FEW_DIMENSIONS = 256


def examples_needed(dimension: int) -> int:
    """The number of examples needed on each side."""
    return max(8, EXAMPLES_PER_DIMENSION * dimension)


@of_two_feature_sets
def frechet_infinity(
    x: Float[Tensor, "n dim"],
    y: Float[Tensor, "m dim"],
    generator: torch.Generator,
    halvings: int | None = None,
    windows: Windows | None = None,
    sample_windows: Windows | None = None,
) -> Estimate:
    """d² at infinite N between x (N, D) and y (M, D), and its standard error.

    halvings: the number of random halvings that are averaged; None: 8 up to 256 dimensions, else 1. One halving costs
    at most three distances. windows: those of y; None if its examples are
    independent. sample_windows: those of x.

    Raises ValueError for fewer than 4 D examples on a side.

    The standard error is that of the distance itself (`frechet_distance_with_error`): to first order, halving adds
    none. The residuals of the line would not do, since sub-samples of one set do not show how other sets differ.
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
    whole = frechet_estimate(x, y, whole_x.gaussian(), whole_y.gaussian(), windows, sample_windows)
    # a half has half as many examples on both sides, so its bias is twice that of the whole
    return whole._replace(value=2 * whole.value - torch.stack(halves).mean())


@dataclass(frozen=True)
class _Moments:
    """Statistics of a set of features."""

    count: int
    """Number of examples."""
    mean: Float[Tensor, " dim"]
    """Mean, float64."""
    scatter: Float[Tensor, "dim dim"]
    """Sum of (x - mean)(x - mean)ᵀ, float64."""

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
    """The metric `frechet_infinity`."""
    name = "frechet_infinity"
    if (obstacle := feature_obstacle(inputs, needed=1)) is None:
        obstacle = feature_obstacle(inputs, needed=examples_needed(inputs.sample_features.shape[1]))
    if obstacle is not None:
        return without_value([name], inputs, obstacle)
    found = frechet_infinity(
        inputs.sample_features,
        inputs.reference_features,
        inputs.generator(),
        windows=inputs.reference_windows,
        sample_windows=inputs.sample_windows,
    )
    return [estimated_value(name, inputs, found)]
