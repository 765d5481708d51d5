"""Bounds from importance weights: the ELBO and IWAE-k, in pieces of any size.

With weights w_i = p(x, z_i) / q(z_i | x), z_i ~ q: the mean of log w is the ELBO, and log of the mean of k
weights is the IWAE bound (Burda et al. 2016, "Importance weighted autoencoders", eq. 8), which never falls
with k in expectation and comes up to log p(x) from below.
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
    """What k log-weights of each example come to, float64. k: how many there were."""

    elbo: Float[Tensor, " n"]
    log_mean: Float[Tensor, " n"]
    k: int


def summarise(draw: Callable[[int], Float[Tensor, "n some"]], k: int, at_once: int) -> WeightSummary:
    """draw(j): j further log-weights of each example. Called with at most `at_once`, until there are k.

    The running log-sum-exp is as exact as one over all k: no weight is ever formed outside its logarithm.
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
