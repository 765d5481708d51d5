"""Lower bounds on probabilities of integers, from a continuous density.

Integer i stands for the interval [i, i + 1): P(x) = integral over u in [0, 1)^D of p(x + u). For uniform u, Jensen's
inequality gives E log p(x + u) <= log P(x) (Theis et al. 2016, "A note on the evaluation of generative models",
section 3.1). The logarithm of a mean over k draws is a tighter bound (Hoogeboom et al. 2020, "Learning discrete
distributions by dequantization", eq. 7).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genbench.likelihood.importance_weights import WeightSummary, summarise

MAX_DRAWS = 20
"""The most draws of u. The integrand is smooth over a bin, so that more draws hardly change the bound, and each draw
costs one evaluation of the density."""


def spread_over_bins(x: Int[Tensor, "n *event"], k: int) -> Float[Tensor, "nk *event"]:
    """Each example k times in a row, at random places of its bins. Random numbers come from torch's global
    generator."""
    repeated = x.repeat_interleave(k, 0).float()
    # float32 rounds i + u up to i + 1, which is in the next bin, where u is close to 1
    return torch.minimum(repeated + torch.rand_like(repeated), torch.nextafter(repeated + 1, repeated))


def dequantised_summary(
    log_density: Callable[[Float[Tensor, "m *event"]], Float[Tensor, " m"]],
    x: Int[Tensor, "n *event"],
    k: int,
    at_once: int,
) -> WeightSummary:
    """Both bounds, from k draws of u for each example. Random numbers come from torch's global generator.

    at_once: the most draws per example in one call of `log_density`.
    """

    def draw(some: int) -> Tensor:
        values: Tensor = log_density(spread_over_bins(x, some)).unflatten(0, (len(x), some))
        return values

    return summarise(draw, k, at_once)
