"""Checks on a space that is small enough to enumerate: probabilities sum to 1, and samples have these frequencies.

log_prob, data with levels     the sum of exp(log_prob) over all possible examples is 1
log_prob, real values          the integral of exp(log_prob) is 1; Gauss-Legendre panels are placed where samples are
log_weights                    the sum or integral of (1/k) sum_i exp(log_weights_i), which is an unbiased estimate of
                               p(x) (Burda et al. 2016), is 1 up to its error
log_density of integers, elbo  the sum or integral of the lower bound on p(x) is at most 1
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from genbench.api.model import GenerativeModel
from genbench.api.spec import DataSpec
from genbench.likelihood.audit.e_values import chi_square_p_value
from genbench.likelihood.audit.likelihood_values import LikelihoodValues
from genbench.records.audit import FALSE_ALARM_RATE, AuditCheck

MAX_SPACE = 20_000
"""The largest space, in examples, that is enumerated."""
SUM_TOLERANCE = 1e-3  # rounding errors of up to 20,000 log-probabilities in float32
INTEGRAL_TOLERANCE = 0.02  # errors of Gauss-Legendre quadrature for densities with jumps
WEIGHTS_TOLERANCE = 0.05  # the expectation may be a little too small, where q misses mass

_COARSE, _FINE = 24, 96  # panels per axis where the samples are; about as many lie beyond them
_WEIGHT_CALLS = 200_000  # examples x importance samples in total
_MIN_K, _MAX_K = 16, 512
_PLACING_SAMPLES = 4096
_MIN_EFFECTIVE_SHARE = (
    0.5  # share of the draws that count; where fewer do, a standard error of few draws means little
)
_ERRORS = 4.5  # standard errors that are allowed


def is_auditable(spec: DataSpec) -> bool:
    """Whether the space can be enumerated: levels ** dimension <= 20,000, or one or two real values."""
    if spec.levels is None:
        return spec.dimension <= 2
    return spec.dimension * math.log(spec.levels) <= math.log(MAX_SPACE) + 1e-9


@dataclass(frozen=True)
class Census:
    """The log-likelihood of every possible example, or of the nodes of a quadrature."""

    x: Tensor
    """The P examples or nodes, (P, *event_shape)."""
    volume: Float64[Tensor, " points"]
    """The volume that each stands for; 1 for integers."""
    log_p: Float64[Tensor, " points"]
    """Log-likelihood: exact, or the logarithm of the mean weight."""
    errors: Float64[Tensor, " points"]
    """Standard errors of exp(log_p); 0 where it is exact."""
    k: int
    """Importance samples per point."""
    effective: float = 1.0
    """The effective share of the importance samples, (sum w)^2 / (k sum w^2), mean over points (Kong 1992)."""

    @property
    def total(self) -> float:
        """The sum or integral of the likelihood."""
        return float((self.log_p.exp() * self.volume).sum())

    @property
    def stderr(self) -> float:
        """Standard error of `total`."""
        return float((self.errors * self.volume).square().sum().sqrt())


def check_normalisation(likelihood: LikelihoodValues, samples: Tensor) -> tuple[AuditCheck, Census]:
    """Whether the likelihood sums or integrates to 1, and the census from which this was computed.

    samples: of the model, by which the panels of a quadrature are placed. An integral that fails is computed again on a
    finer grid, which narrow densities need.
    """
    census = take_census(likelihood, samples, _COARSE)
    check = _judge_total(likelihood, census)
    if not check.passed and likelihood.spec.levels is None:
        census = take_census(likelihood, samples, _FINE)
        check = _judge_total(likelihood, census)
    return check, census


def check_frequencies(likelihood: LikelihoodValues, census: Census, samples: Tensor) -> AuditCheck:
    """For integers: whether the frequencies of samples are their probabilities (Pearson's chi-square test, with rare
    cells pooled). Probabilities are normalised first, since `check_normalisation` checks their sum."""
    levels = likelihood.spec.levels
    assert levels is not None
    # in the census the last number varies fastest
    place = levels ** torch.arange(likelihood.spec.dimension - 1, -1, -1)
    counts = torch.bincount((samples.flatten(1) * place).sum(1), minlength=len(census.x)).double()
    p = census.log_p.exp()
    normaliser = float(p.sum())
    name = "frequencies"
    if not 0 < normaliser < math.inf:
        return AuditCheck(name=name, passed=None, detail="probabilities have no finite sum")
    if census.effective < _MIN_EFFECTIVE_SHARE:
        detail = f"of {census.k} draws per example {census.effective:.0%} count: too few for a standard error"
        return AuditCheck(name=name, passed=None, detail=detail)
    impossible = int(counts[p == 0].sum())
    if impossible:
        detail = f"{impossible} of {len(samples)} samples have probability 0"
        return AuditCheck(name=name, passed=False, detail=detail, value=impossible, expected=0.0, p_value=0.0)
    p_value, cells = chi_square_p_value(counts, p / normaliser, census.errors / normaliser)
    return AuditCheck(
        name=name,
        passed=p_value > FALSE_ALARM_RATE,
        detail=f"{len(samples):,} samples in {cells} cells against their probabilities:"
        f" p = {p_value:.2g}, expected more than {FALSE_ALARM_RATE:g}",
        p_value=p_value,
    )


def check_entropy(census: Census, log_p: Float64[Tensor, " n"]) -> AuditCheck:
    """For integers with exact likelihoods: whether the mean of -log p over samples is the entropy, the sum of -p log p.

    log_p: of the samples. The variance of -log p is known: the sum of p (log p)^2 less the square of the entropy.
    """
    p, logs = census.log_p.exp(), census.log_p.clamp(min=-1e4)  # p log p -> 0
    p = p / p.sum()
    entropy = float(-(p * logs).sum())
    error = math.sqrt(max(0.0, float((p * logs.square()).sum()) - entropy**2) / len(log_p))
    mean = float(-log_p.mean())
    # float32 log-probabilities of two batches differ by rounding
    excess = max(0.0, abs(mean - entropy) - 1e-5 * (1 + entropy))
    p_value = math.erfc(excess / error / math.sqrt(2)) if error > 0 else float(excess == 0)
    return AuditCheck(
        name="entropy",
        passed=p_value > FALSE_ALARM_RATE,
        detail=f"-log p averages to {mean:.5g} over {len(log_p):,} samples, and over p to"
        f" {entropy:.5g} ± {error:.2g}; p = {p_value:.2g}, expected more than {FALSE_ALARM_RATE:g}",
        value=mean,
        expected=entropy,
        p_value=p_value,
    )


def take_census(likelihood: LikelihoodValues, samples: Tensor, panels: int) -> Census:
    """The likelihood of the whole space. samples: of the model, by which panels are placed. panels: per axis."""
    if likelihood.is_exact:
        x, volume = _space(likelihood.spec, samples, panels, order=4)
        return Census(x, volume, likelihood.log_prob(x), torch.zeros(len(x), dtype=torch.float64), 1)
    x, volume = _space(likelihood.spec, samples, panels // 3, order=3)
    k = max(_MIN_K, min(_MAX_K, _WEIGHT_CALLS // len(x)))
    if likelihood.method == "elbo":
        log_p = replace(likelihood, k=k).log_prob(x, "census")
        return Census(x, volume, log_p, torch.zeros(len(x), dtype=torch.float64), k)
    weights = likelihood.log_weights(x, k, "census").exp()  # points, k
    errors = (weights.var(1) / k).sqrt()
    mean, mean_square = weights.mean(1), weights.square().mean(1)
    effective = torch.where(mean_square > 0, mean.square() / mean_square, 1.0)
    return Census(x, volume, mean.log(), errors, k, float(effective.mean()))


def _judge_total(likelihood: LikelihoodValues, census: Census) -> AuditCheck:
    total, stderr = census.total, census.stderr
    discrete = likelihood.spec.is_discrete
    what = "sum" if discrete else "integral"
    if likelihood.is_exact:
        tolerance = SUM_TOLERANCE if discrete else INTEGRAL_TOLERANCE
        passed = abs(total - 1) <= tolerance  # NaN does not pass
        detail = f"{what} of p over {len(census.x):,} points is {total:.5g}, expected 1 ± {tolerance:g}"
    elif likelihood.falls_short:
        passed = total <= 1 + WEIGHTS_TOLERANCE + _ERRORS * stderr and stderr <= WEIGHTS_TOLERANCE
        detail = (
            f"{what} of what {likelihood.method} makes of {len(census.x):,} points ({census.k} draws) is"
            f" {total:.5g} ± {stderr:.2g}, expected 1 at most"
        )
    else:
        # a proposal that misses mass makes the total too small, and a wrong weight makes it too large; a standard error
        # above the tolerance could hide either
        passed = abs(total - 1) <= WEIGHTS_TOLERANCE + _ERRORS * stderr and stderr <= WEIGHTS_TOLERANCE
        detail = (
            f"{what} of importance weights (k={census.k}) over {len(census.x):,} points is"
            f" {total:.5g} ± {stderr:.2g}, expected 1 ± {WEIGHTS_TOLERANCE:g}"
        )
    value = total if math.isfinite(total) else None
    return AuditCheck(name="total", passed=passed, detail=detail, value=value, expected=1.0)


# ---- the points of the space and their volumes


def visit_space(model: GenerativeModel, *, coarse: bool) -> tuple[Tensor, Float64[Tensor, " points"]]:
    """Every possible example, or the nodes of a quadrature, and the volume that each stands for.

    coarse: with fewer nodes, for likelihoods that are random and are drawn several times at each node.
    """
    samples = model.sample(_PLACING_SAMPLES, torch.Generator(model.device).manual_seed(0)).cpu()
    return _space(model.spec, samples, _COARSE // 3 if coarse else _COARSE, 3 if coarse else 4)


def _space(
    spec: DataSpec, samples: Tensor, panels: int, order: int
) -> tuple[Tensor, Float64[Tensor, " points"]]:
    """Every possible example, with volume 1, or the nodes and weights of a quadrature."""
    if spec.levels is not None:
        axis = torch.arange(spec.levels)
        grid = torch.cartesian_prod(*[axis] * spec.dimension).reshape(-1, *spec.event_shape)
        return grid, torch.ones(len(grid), dtype=torch.float64)
    flat = samples.flatten(1)
    axes = [quadrature(flat[:, i], panels, order) for i in range(spec.dimension)]
    grid = torch.cartesian_prod(*[nodes for nodes, _ in axes]).reshape(-1, *spec.event_shape)
    volumes = torch.cartesian_prod(*[volume for _, volume in axes]).reshape(len(grid), -1)
    return grid.float(), volumes.prod(1)


def quadrature(
    samples: Float[Tensor, " n"], panels: int, order: int
) -> tuple[Float64[Tensor, " nodes"], Float64[Tensor, " nodes"]]:
    """Nodes and weights of a Gauss-Legendre rule on the line, dense where the samples are.

    Panels hold equal shares of the samples. Beyond the outermost samples their widths double, up to a distance of 250
    times the samples' range, so that mass far from the samples is found.
    """
    values = samples.double()
    inner = torch.quantile(values, torch.linspace(0, 1, panels + 1, dtype=torch.float64))
    spread = max(float(inner[-1] - inner[0]), 1e-6 * (1 + float(values.abs().max())))
    # and no panel is wider than a share of the range, since the density may be large where samples are few
    filling = torch.linspace(float(inner[0]), float(inner[0]) + spread, panels // 2 + 1, dtype=torch.float64)
    steps = spread * 2.0 ** torch.arange(-6, 9, dtype=torch.float64)
    edges = torch.cat([inner[0] - steps, inner, filling, inner[-1] + steps]).unique()
    nodes, weights = (torch.from_numpy(array) for array in np.polynomial.legendre.leggauss(order))
    half = (edges[1:] - edges[:-1]).unsqueeze(1) / 2
    centre = (edges[1:] + edges[:-1]).unsqueeze(1) / 2
    return (centre + half * nodes).flatten(), (half * weights).flatten()
