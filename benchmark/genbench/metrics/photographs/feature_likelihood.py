"""Feature likelihood divergence, FLD (Jiralerspong et al. 2023).

Features are standardised by the test features. A Gaussian of its own width stands at the features of each sample, and
the widths are fitted to the training features. The divergence is the mean negative log-likelihood of the test features
under that mixture, per feature, less the same with one half of the training examples in place of the samples and the
other half to fit to; times 100. A copy of a training example gets a width near 0, which explains no test example, so
that copying is worse than being a little wrong.

Widths, learning rate and the wide component that keeps the fit stable are those of the authors' code. At most
MAX_TRAIN training examples are used, so that memory stays below a gigabyte.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from genbench.metrics.metric_values import feature_obstacle, metric_value, without_value
from genbench.metrics.numerics.feature_arrays import Estimate
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.mean_errors import Windows, mean_error

MAX_TRAIN = 10_000
_EPOCHS, _LEARNING_RATE = 50, 0.5
_WIDE_SHRINKAGE = 0.9
"""Distances from the mean of the training features count this much in the wide component."""
_SMALLEST_DISTANCE = 1e-3
_MAX_LOG_VARIANCE = 40.0
_CONVERGED_NATS, _LOOKS_BACK = 5e-4, 5
"""The fit ends where the last so many losses, in nats per feature, differ by less than this."""
_ROWS = 1000
MIN_EXAMPLES = 4


def feature_likelihood_divergence(
    train: Float[Tensor, "m dim"],
    test: Float[Tensor, "t dim"],
    samples: Float[Tensor, "n dim"],
    generator: torch.Generator,
    windows: Windows | None = None,
) -> Estimate:
    """FLD of samples (N, D) from training features (M, D) and test features (T, D). generator: halves the training
    features. Its standard error is that of the mean over test examples. windows: those of the test features."""
    order = torch.randperm(len(train), generator=generator)[:MAX_TRAIN]
    train, test, samples = _standardised(train[order], test, samples)
    half = min(len(samples), len(train) // 2)
    of_samples = _nats_per_feature(samples, train, test)
    of_training = _nats_per_feature(train[:half], train[half:], test)
    each = 100 * (of_samples - of_training)
    found = mean_error(each, windows)
    stderr = each.new_tensor(found.stderr)
    return Estimate(each.mean(), stderr, stderr, found.is_rough)


def _standardised(train: Tensor, test: Tensor, samples: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """By mean and standard deviation of the test features; features that never change are left out."""
    mean, deviation = test.double().mean(0), test.double().std(0)
    kept = deviation > 0
    if not kept.any():
        raise ValueError("feature likelihood divergence: all test features are equal")
    scaled = [((x.double() - mean) / deviation)[:, kept].float() for x in (train, test, samples)]
    return scaled[0], scaled[1], scaled[2]


def _nats_per_feature(centres: Tensor, fitted_to: Tensor, test: Tensor) -> Float[Tensor, " t"]:
    """The negative log-likelihood of each test example under Gaussians around the centres, divided by D."""
    log_variances = _fitted(centres, fitted_to)
    dimension = centres.shape[1]
    parts = []
    for rows in test.split(_ROWS):
        logs = _log_densities(_squared_distances(rows, centres), log_variances, dimension)
        parts.append(logs.double().logsumexp(1) - math.log(len(centres)))
    return -torch.cat(parts) / dimension


def _fitted(centres: Tensor, x: Tensor) -> Float[Tensor, " n"]:
    """The logarithm of the variance of the Gaussian at each centre."""
    dimension = x.shape[1]
    distances = torch.cat([_squared_distances(rows, centres) for rows in x.split(_ROWS)])
    from_mean = _WIDE_SHRINKAGE**2 * _squared_distances(x, x.mean(0, keepdim=True))
    log_variances = ((distances.min(0).values + _SMALLEST_DISTANCE) / dimension).log().requires_grad_()
    wide = torch.zeros((), requires_grad=True)
    optimiser = torch.optim.Adam([log_variances, wide], lr=_LEARNING_RATE)
    losses: list[float] = []
    for _ in range(_EPOCHS):
        optimiser.zero_grad()
        losses.append(0.0)
        for near, far in zip(distances.split(_ROWS), from_mean.split(_ROWS), strict=True):
            logs = _log_densities(near, log_variances, dimension) - math.log(len(centres))
            both = torch.cat([logs, _log_densities(far, wide, dimension)], 1)
            loss = -both.logsumexp(1).sum() / (dimension * len(x))
            loss.backward()
            losses[-1] += float(loss.detach())
        optimiser.step()
        with torch.no_grad():
            log_variances.clamp_(-_MAX_LOG_VARIANCE, _MAX_LOG_VARIANCE)
        last = losses[-_LOOKS_BACK:]
        if (
            len(losses) > 1 + _LOOKS_BACK
            and max(last[-1] - min(last), max(last) - last[-1]) < _CONVERGED_NATS
        ):
            break
    return log_variances.detach()


def _log_densities(squared: Tensor, log_variances: Tensor, dimension: int) -> Tensor:
    """(rows, N): the log-density of each row under the Gaussian at each centre."""
    constant = dimension / 2 * (log_variances + math.log(2 * math.pi))
    return -0.5 * squared / log_variances.exp() - constant


def _squared_distances(x: Tensor, y: Tensor) -> Tensor:
    return torch.cdist(x, y).square()


def score_fld(inputs: ScoringInputs) -> list[MetricValue]:
    """The metric `fld`."""
    obstacle = feature_obstacle(inputs, needed=2) or feature_obstacle(inputs, needed=MIN_EXAMPLES, train=True)
    if obstacle is not None:
        return without_value(["fld"], inputs, obstacle)
    found = feature_likelihood_divergence(
        torch.as_tensor(inputs.train_features),
        inputs.reference_features,
        inputs.sample_features,
        inputs.generator(),
        inputs.reference_windows,
    )
    return [
        metric_value(
            "fld",
            inputs,
            found.value,
            stderr=found.stderr,
            test_stderr=found.test_stderr,
            is_rough=found.is_rough,
        )
    ]
