"""Probabilities of integers from a continuous density, as a lower bound.

Integer i is the interval [i, i + 1): P(x) = integral over u in [0, 1)^D of p(x + u). With u uniform, Jensen's
inequality gives E log p(x + u) <= log P(x) (Theis et al. 2016, "A note on the evaluation of generative models",
section 3.1), and the log of a mean over k draws is tighter (Hoogeboom et al. 2020, "Learning discrete
distributions by dequantization", eq. 7).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genbench.likelihood.importance_weights import WeightSummary, summarise

MAX_DRAWS = 20
"""Of u: the integrand is smooth over a bin, so that more hardly move the bound, and each costs a density."""


def spread_over_bins(x: Int[Tensor, "n *event"], k: int) -> Float[Tensor, "nk *event"]:
    """Each example k times in a row, each time at another place of its bin; chance is torch's global generator."""
    repeated = x.repeat_interleave(k, 0).float()
    # float32 would round i + u up to i + 1 for u next to 1: the next integer's bin
    return torch.minimum(repeated + torch.rand_like(repeated), torch.nextafter(repeated + 1, repeated))


def dequantised_summary(
    log_density: Callable[[Float[Tensor, "m *event"]], Float[Tensor, " m"]],
    x: Int[Tensor, "n *event"],
    k: int,
    at_once: int,
) -> WeightSummary:
    """Both bounds, from k draws of u for each example; chance is torch's global generator."""

    def draw(some: int) -> Tensor:
        values: Tensor = log_density(spread_over_bins(x, some)).unflatten(0, (len(x), some))
        return values

    return summarise(draw, k, at_once)
