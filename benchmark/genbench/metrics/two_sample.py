"""Classifier two-sample tests: can a classifier tell samples from real data? (Lopez-Paz and Oquab 2017)

An accuracy of 1/2 is best: the classifier cannot tell them apart. There are two classifiers.

The nearest neighbour, leaving out one example at a time (Xu et al. 2018). Its accuracy is near 1 where samples are near
other samples only, and *below* 1/2 where samples are nearer to real examples than these are to each other, as copies of
the reference are.

A network with one hidden layer, whose first layer is random and whose last is fitted by logistic regression (Rahimi and
Recht 2008), cross-validated in five folds. The problem is convex, so that it has one solution.

Both need as many samples as real examples: of the larger set, evenly spaced examples are used.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genbench.metrics.metric_values import feature_obstacle, metric_value, without_value
from genbench.metrics.numerics.distances import centred, nearest_neighbours, tie_slack
from genbench.metrics.numerics.feature_arrays import Estimate, evenly_spaced, of_two_feature_sets
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.mean_errors import share_error

FOLDS = 5
HIDDEN = 128
# λ of the logistic regression, which adds ½ λ |w|² to the sum of log losses, on features of unit variance.
PENALTY = 1.0
_NEWTON_STEPS = 50
# The spread of the cross-validated accuracy over its binomial error, where the sets cannot be told apart.
_SHARED_FOLDS = 1.3
# Both sides have equally many examples, and an equal part in the variance.
_BOTH_SIDES = 2**0.5
# Closer to 1/2 than so many standard errors, the distance from 1/2 has an error that is rough.
_MIN_ERRORS_FROM_HALF = 2.0


@of_two_feature_sets
def nearest_neighbour_accuracy(x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]) -> Estimate:
    """Leave-one-out accuracy of the nearest neighbour at telling x from y. Raises ValueError for fewer than 2 of each.

    An example whose nearest neighbours in both sets are equally far counts as half a hit. The standard error says how
    much the accuracy varies between sets of examples on both sides. It includes the covariance of hits that share a
    neighbour.
    """
    x, y = _balanced(x, y, 2)
    a, b = centred(x, y)
    own = torch.arange(len(a), device=a.device)
    slack = tie_slack(x.shape[1])
    hits, neighbours = [], []
    for these, others, first, first_other in ((a, b, 0, len(a)), (b, a, len(a), 0)):
        own_at, to_own = nearest_neighbours(these, these, own=own)
        other_at, to_other = nearest_neighbours(these, others)
        norms = these.square().sum(1)
        rounding = slack * (2 * norms + these[own_at].square().sum(1) + others[other_at].square().sum(1))
        apart = to_other - to_own
        hits.append(torch.where(apart.abs() <= rounding, 0.5, (apart > 0).double()))
        neighbours.append(torch.where(apart > 0, own_at + first, other_at + first_other))
    return _with_shared_neighbours(torch.cat(hits), torch.cat(neighbours))


def _with_shared_neighbours(hits: Float[Tensor, " n"], neighbours: Int[Tensor, " n"]) -> Estimate:
    """The mean of hits and its standard error. Hits of an example and its neighbour, and of two examples with the same
    neighbour, are correlated."""
    accuracy = hits.mean()
    deviations = hits - accuracy
    together = torch.zeros_like(hits).index_add_(0, neighbours, deviations).square().sum()  # and itself
    mutual = neighbours[neighbours] == torch.arange(len(hits), device=hits.device)
    products = deviations * deviations[neighbours] * torch.where(mutual, 1.0, 2.0)
    variance = (together + products.sum()).clamp_min(0.0) / len(hits) ** 2
    error = share_error(float(accuracy), len(hits))
    stderr = variance.sqrt().clamp_min(error.stderr / 2)
    return Estimate(accuracy, stderr, stderr / _BOTH_SIDES, error.is_rough)


@of_two_feature_sets
def classifier_accuracy(
    x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"], generator: torch.Generator
) -> Estimate:
    """Cross-validated accuracy of the network at telling x from y. Raises ValueError for fewer than 5 of each.

    The standard error is the binomial one for that many held-out examples, times `_SHARED_FOLDS`, since folds share
    examples that they are fitted to.
    """
    x, y = _balanced(x, y, FOLDS)
    labels = torch.cat([torch.ones(len(x)), torch.zeros(len(y))]).double().to(x.device)
    order = torch.randperm(len(x), generator=generator, device=generator.device).to(x.device)
    folds = torch.cat([order % FOLDS, order.flip(0) % FOLDS])  # as many of x as of y in each
    inputs = _hidden_features(torch.cat([x, y]).double(), generator)
    hits = torch.zeros_like(labels)
    for fold in range(FOLDS):
        held_out = folds == fold
        weights = fit_logistic_regression(inputs[~held_out], labels[~held_out], PENALTY)
        scores = inputs[held_out] @ weights
        hits[held_out] = torch.where(scores == 0, 0.5, ((scores > 0) == (labels[held_out] > 0)).double())
    accuracy = hits.mean()
    error = share_error(float(accuracy), len(hits))
    stderr = accuracy.new_tensor(error.stderr * _SHARED_FOLDS)
    return Estimate(accuracy, stderr, stderr / _BOTH_SIDES, error.is_rough)


def _hidden_features(x: Float[Tensor, "n dim"], generator: torch.Generator) -> Float[Tensor, "n inputs"]:
    """The standardised features, the hidden layer's outputs, and a constant 1. Labels are not used."""
    spread = x.std(0)
    varies = spread > 0
    z = (x[:, varies] - x[:, varies].mean(0)) / spread[varies]
    device = generator.device
    mixing = torch.randn(z.shape[1], HIDDEN, generator=generator, device=device, dtype=torch.float64)
    offsets = torch.randn(HIDDEN, generator=generator, device=device, dtype=torch.float64)
    hidden = (z @ (mixing.to(x.device) / max(1, z.shape[1]) ** 0.5) + offsets.to(x.device)).relu_()
    return torch.cat([z, hidden, z.new_ones(len(z), 1)], dim=1)


def fit_logistic_regression(
    x: Float[Tensor, "n inputs"], labels: Float[Tensor, " n"], penalty: float
) -> Float[Tensor, " inputs"]:
    """The weights w that minimise the sum of log losses and ½ penalty |w|², by Newton's method. labels: 0 or 1."""
    weights = x.new_zeros(x.shape[1])

    def loss(weights: Tensor) -> Tensor:
        scores = x @ weights
        return (
            torch.nn.functional.softplus(scores) - labels * scores
        ).sum() + penalty / 2 * weights @ weights

    now = loss(weights)
    for _ in range(_NEWTON_STEPS):
        shares = torch.sigmoid(x @ weights)
        gradient = x.T @ (shares - labels) + penalty * weights
        hessian = x.T @ (x * (shares * (1 - shares))[:, None])
        hessian.diagonal().add_(penalty)
        step = torch.cholesky_solve(gradient[:, None], torch.linalg.cholesky(hessian))[:, 0]
        size = 1.0
        while (moved := loss(weights - size * step)) > now and size > 1e-6:
            size /= 2
        weights = weights - size * step
        gained, now = now - moved, moved
        if gained <= 1e-9 * (1 + now.abs()):
            break
    return weights


def _balanced(x: Tensor, y: Tensor, needed: int) -> tuple[Tensor, Tensor]:
    count = min(len(x), len(y))
    if count < needed:
        raise ValueError(
            f"a two-sample test of {len(x)} and {len(y)} examples: needs at least {needed} of each"
        )
    return evenly_spaced(x, count), evenly_spaced(y, count)


def score_two_sample(inputs: ScoringInputs) -> list[MetricValue]:
    """The metrics `two_sample_neighbour` and `two_sample_classifier`."""
    names = ("two_sample_neighbour", "two_sample_classifier")
    if (obstacle := feature_obstacle(inputs, needed=FOLDS)) is not None:
        return without_value(names, inputs, obstacle)
    samples, reference = inputs.sample_features, inputs.reference_features
    found = (
        nearest_neighbour_accuracy(samples, reference),
        classifier_accuracy(samples, reference, inputs.generator()),
    )
    return [
        metric_value(
            name,
            inputs,
            (accuracy.value - 0.5).abs(),
            stderr=accuracy.stderr,
            test_stderr=accuracy.test_stderr,
            is_rough=accuracy.is_rough or inputs.reference_windows is not None or _near_half(accuracy),
            note=_below_a_coin_toss(accuracy),
        )
        for name, accuracy in zip(names, found, strict=True)
    ]


def _near_half(accuracy: Estimate) -> bool:
    return bool((accuracy.value - 0.5).abs() < _MIN_ERRORS_FROM_HALF * accuracy.stderr)


def _below_a_coin_toss(accuracy: Estimate) -> str | None:
    """A note where the accuracy is below 1/2 by more than its error. The metric is the distance from 1/2, which does
    not say on which side the accuracy lies."""
    if float(accuracy.value) >= 0.5 - 2 * float(accuracy.stderr):
        return None
    return f"accuracy {float(accuracy.value):.2f}, below 1/2: the nearest neighbours are of the other set"
