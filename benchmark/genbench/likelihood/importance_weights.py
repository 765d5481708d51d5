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


def summarise(draw: Callable[[int], Float[Tensor, "n some"]], k: int, at_once: int) -> WeightSummary:
    """The bounds from k log-weights of each example.

    draw: returns j new log-weights of each example, (N, j). It is called with j up to `at_once` until there are k. No
    weight is computed outside the logarithm, so that the result is as exact as from all k at once.
    """
    total: Tensor | None = None
    log_total: Tensor | None = None
    drawn = 0
    while drawn < k:
        some = min(at_once, k - drawn)
        weights = draw(some).double()
        part, log_part = weights.sum(1), torch.logsumexp(weights, 1)
        total = part if total is None else total + part
        log_total = log_part if log_total is None else torch.logaddexp(log_total, log_part)
        drawn += some
    assert total is not None
    assert log_total is not None
    return WeightSummary(total / k, log_total - math.log(k), k)
