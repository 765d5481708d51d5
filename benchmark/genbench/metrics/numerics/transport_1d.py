"""Optimal transport on the line, by sorting: the distance, and the influence of each example on it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def wasserstein_of_sorted(
    x: Float[Tensor, "p n"], y: Float[Tensor, "p m"], power: int
) -> Float[Tensor, " p"]:
    """W_power to the power `power` between rows of sorted values, exact for all N and M.

    The quantile functions are step functions with steps at multiples of 1/N and 1/M. Their difference is summed over
    the intervals between steps, whose ends are integers in units of 1/NM.
    """
    n, m = x.shape[1], y.shape[1]
    if n == m:
        return (x - y).abs().pow(power).mean(1)
    steps = torch.cat([torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n])
    ends: Tensor = torch.unique(steps).to(x.device)
    starts = torch.cat([ends.new_zeros(1), ends[:-1]])
    widths = (ends - starts).double() / (n * m)
    return ((x[:, starts // m] - y[:, starts // n]).abs().pow(power) * widths).sum(1)


def potentials_of_sorted(
    x: Float[Tensor, "p n"], y: Float[Tensor, "p m"], power: int
) -> Float[Tensor, "p n"]:
    """Kantorovich's potential of W_power^power at each of the sorted xs, up to a constant per row.

    It is the influence of an example on the distance: the variance of the distance between sets of xs is the
    potential's variance over N (del Barrio and Loubes 2019). Its slope at x is that of the cost between x and the y of
    equal rank.
    """
    n, m = x.shape[1], y.shape[1]
    ranks = ((torch.arange(n, device=x.device, dtype=torch.float64) + 0.5) * (m / n)).long()
    apart = x - y[:, ranks.clamp_(max=m - 1)]
    slopes = power * apart.abs().pow(power - 1) * apart.sign()
    rises = (slopes[:, 1:] + slopes[:, :-1]) / 2 * x.diff(dim=1)
    return torch.nn.functional.pad(rises.cumsum(1), (1, 0))
