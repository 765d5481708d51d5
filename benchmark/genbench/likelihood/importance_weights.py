"""Bounds from importance weights: the ELBO and the IWAE bound.

With weights w_i = p(x, z_i) / q(z_i | x), z_i ~ q, the mean of log w is the ELBO, and the logarithm of the mean of k
weights is the IWAE bound (Burda et al. 2016, "Importance weighted autoencoders", eq. 8). The expectation of the IWAE
bound does not decrease with k, and approaches log p(x) from below.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class WeightSummary:
    """Bounds from the log-weights of each of N examples, float64."""

    elbo: Float[Tensor, " n"]
    """Mean of the log-weights."""
    log_mean: Float[Tensor, " n"]
    """Logarithm of the mean of the weights."""
    k: int
    """Number of weights per example."""
    elbo_noise: float
    """Variance of `elbo` over other weights, mean over examples; 0 for a single weight, which does not show it."""
    log_mean_noise: float
    """Variance of `log_mean` over other weights by the delta method, mean over examples; as above."""


def summarise(draw: Callable[[int], Float[Tensor, "n some"]], k: int, at_once: int) -> WeightSummary:
    """The bounds from k log-weights of each example.

    draw: returns j new log-weights of each example, (N, j). It is called with j up to `at_once` until there are k. No
    weight is computed outside the logarithm, so that the result is as exact as from all k at once.
    """
    total: Tensor | None = None
    log_total: Tensor | None = None
    squares: Tensor | None = None  # of log-weights
    log_squares: Tensor | None = None  # the logarithm of the sum of squared weights
    drawn = 0
    while drawn < k:
        some = min(at_once, k - drawn)
        weights = draw(some).double()
        part, log_part = weights.sum(1), torch.logsumexp(weights, 1)
        part_squares, log_part_squares = weights.square().sum(1), torch.logsumexp(2 * weights, 1)
        total = part if total is None else total + part
        squares = part_squares if squares is None else squares + part_squares
        log_squares = (
            log_part_squares if log_squares is None else torch.logaddexp(log_squares, log_part_squares)
        )
        log_total = log_part if log_total is None else torch.logaddexp(log_total, log_part)
        drawn += some
    assert total is not None
    assert log_total is not None
    assert squares is not None
    assert log_squares is not None
    spread = (squares / k - (total / k).square()) / max(1, k - 1)
    relative = (k * (log_squares - 2 * log_total).exp() - 1) / max(1, k - 1)
    return WeightSummary(total / k, log_total - math.log(k), k, _mean_noise(spread), _mean_noise(relative))


def _mean_noise(of_examples: Float[Tensor, " n"]) -> float:
    """The mean of variances; 0 where it is not finite, or negative by rounding."""
    mean = float(of_examples.mean())
    return max(0.0, mean) if math.isfinite(mean) else 0.0
