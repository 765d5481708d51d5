"""Tests of a likelihood by e-values: bets that cannot be won on average if the likelihood is right.

An e-value is a number >= 0 whose expectation is at most 1 if the hypothesis holds. It exceeds 1/alpha with a
probability of at most alpha, for any number of examples and any tails (Markov; Ville 1939), so that 1/e is a valid
p-value. Products over independent examples and averages of e-values are e-values (Vovk & Wang 2021, "E-values:
calibration, combination and applications", https://arxiv.org/abs/1912.06116; Waudby-Smith & Ramdas 2024, "Estimating
means of bounded random variables by betting", https://arxiv.org/abs/2010.09686). All values are logarithms in float64.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float64
from torch import Tensor
from torch.nn import functional as F

# Shares of the capital that are staked, in separate bets: large stakes win fast where every ratio is too large, small
# ones where most ratios are small and few are huge.
_STAKES = (0.003, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 0.95)
# Temperatures of alternative samplers, where 1 is the right one and infinity ignores the likelihood.
_TEMPERATURES = (0.25, 0.5, 0.67, 0.8, 0.9, 1.1, 1.25, 1.5, 2.0, 4.0, math.inf)
# The share of samples from elsewhere, under another alternative; both examples of their pair are equally likely.
_CONTAMINATION = 0.1
_MIN_EXPECTED_COUNT = 10.0


def p_value(log_e_values: float) -> float:
    """The largest probability of such an e-value under a right likelihood."""
    return math.exp(-max(0.0, log_e_values))


def pooled_log_e_value(*log_e_values: float) -> float:
    """The logarithm of the mean of several e-values, which need not be independent."""
    values = torch.tensor(log_e_values, dtype=torch.float64)
    return float(values.logsumexp(0)) - math.log(len(log_e_values))


def log_e_value_of_mean_above_one(log_ratios: Float64[Tensor, " n"]) -> float:
    """The logarithm of an e-value against the hypothesis that the ratios, independent and >= 0, have means of at most
    1.

    It is the mean over stakes s of prod_i (1 + s (ratio_i - 1)).
    """
    stakes = torch.tensor(_STAKES, dtype=torch.float64).unsqueeze(1)
    fortunes = torch.logaddexp(torch.log1p(-stakes), stakes.log() + log_ratios).sum(1)
    return pooled_log_e_value(*fortunes.tolist())


def log_e_value_of_picks(log_odds: Float64[Tensor, " n"]) -> float:
    """The logarithm of an e-value against the hypothesis that in each of n independent pairs the first example is the
    sample with probability sigmoid(log_odds).

    The alternatives are samplers at other temperatures t, with probability sigmoid(log_odds / t), and a share of
    samples from elsewhere.
    """
    claimed = F.logsigmoid(log_odds)
    fortunes = [F.logsigmoid(log_odds / t) - claimed for t in _TEMPERATURES]
    elsewhere = math.log(_CONTAMINATION / 2) - claimed
    fortunes.append(torch.logaddexp(torch.full_like(claimed, math.log1p(-_CONTAMINATION)), elsewhere))
    return pooled_log_e_value(*(float(fortune.sum()) for fortune in fortunes))


def chi_square_p_value(
    counts: Float64[Tensor, " cells"],
    probabilities: Float64[Tensor, " cells"],
    errors: Float64[Tensor, " cells"] | None = None,
) -> tuple[float, int]:
    """The p-value of Pearson's test that `counts` were drawn with `probabilities`, which sum to 1, and the number of
    cells.

    The rarest cells are pooled until each has an expected count of ten. errors: standard errors of the probabilities,
    where they are estimates. With fewer than two cells p is 1.
    """
    from scipy.special import chdtrc

    total = float(counts.sum())
    expected = total * probabilities
    variance = expected if errors is None else expected + (total * errors).square()
    pooled = _pool(torch.stack([counts, expected, variance], 1)[probabilities.argsort()])
    if len(pooled) < 2:
        return 1.0, len(pooled)
    observed, expected, variance = pooled.unbind(1)
    statistic = float(((observed - expected).square() / variance).sum())
    return float(chdtrc(len(pooled) - 1, statistic)), len(pooled)


def rank_sum_p_value(
    first: Float64[Tensor, "cases n"],
    second: Float64[Tensor, "cases m"],
    tolerance: Float64[Tensor, " cases"],
) -> float:
    """The p-value of the hypothesis that in every case both sides were drawn from one distribution (Mann & Whitney
    1947).

    tolerance: smaller differences count as none. The test is two-sided; the p-value is the smallest of all cases times
    their number (Bonferroni). The normal approximation has heavier tails, so that p is too large rather than too small.
    """
    difference = first.unsqueeze(2) - second.unsqueeze(1)  # cases, n, m
    allowed = tolerance.reshape(-1, 1, 1)
    above = (difference > allowed).double().sum((1, 2))
    below = (difference < -allowed).double().sum((1, 2))
    n, m = first.shape[1], second.shape[1]
    scale = math.sqrt(n * m * (n + m + 1) / 12)
    excess = float((torch.maximum(above, below) - n * m / 2).max()) / scale
    return min(1.0, len(first) * math.erfc(excess / math.sqrt(2)))


def _pool(cells: Float64[Tensor, "cells 3"]) -> Float64[Tensor, "pooled 3"]:
    """Count, expectation and variance of each cell, rarest first -> those of pooled cells with large enough
    expectations."""
    pooled: list[list[float]] = []
    pending = [0.0, 0.0, 0.0]
    for cell in cells.tolist():
        pending = [part + more for part, more in zip(pending, cell, strict=True)]
        if pending[1] >= _MIN_EXPECTED_COUNT:
            pooled.append(pending)
            pending = [0.0, 0.0, 0.0]
    rest = pooled.pop() if pooled else [0.0, 0.0, 0.0]
    pooled.append([part + more for part, more in zip(rest, pending, strict=True)])
    return torch.tensor(pooled, dtype=torch.float64)
