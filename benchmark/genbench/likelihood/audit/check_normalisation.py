"""On a space small enough to visit: probabilities sum to 1, and the samples are drawn with them.

log_prob, data with levels     the sum of exp(log_prob) over every example that there is
log_prob, real values          its integral, by Gauss-Legendre panels laid where the model's samples are
log_weights, either            the same of (1/k) sum_i exp(log_weights_i), which is an unbiased estimate
                               of p(x) (Burda et al. 2016): the total may fall short of 1 by its error
log_density of integers, elbo  the same of what bounds p(x) from below: at most 1
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
SUM_TOLERANCE = 1e-3  # rounding: float32 log-probabilities, up to 20,000 of them
INTEGRAL_TOLERANCE = 0.02  # densities with jumps are not what Gauss-Legendre is best at
WEIGHTS_TOLERANCE = 0.05  # a bound may be a little loose even in expectation, where q misses mass

_COARSE, _FINE = 24, 96  # panels an axis, where the samples are; as many again reach past them
_WEIGHT_CALLS = 200_000  # examples x importance samples in all
_MIN_K, _MAX_K = 16, 512
_PLACING_SAMPLES = 4096
_MIN_EFFECTIVE_SHARE = (
    0.5  # share of the draws that count; where fewer do, a standard error of few draws means little
)
_ERRORS = 4.5  # standard errors that chance may account for


def is_auditable(spec: DataSpec) -> bool:
    """Whether the space is small enough: levels ** dimension <= 20,000, or one or two real values."""
    if spec.levels is None:
        return spec.dimension <= 2
    return spec.dimension * math.log(spec.levels) <= math.log(MAX_SPACE) + 1e-9


@dataclass(frozen=True)
class Census:
    """Every x, or the nodes of a quadrature; how much of the space each stands for; its log-likelihood.

    log_p: (P,) exact, or the log of the mean weight. errors: (P,) standard errors of p; 0 where it is exact.
    k: importance samples. effective: the share of them that count, (sum w)^2 / (k sum w^2), the mean over points
    (Kong 1992).
    """

    x: Tensor
    volume: Float64[Tensor, " points"]
    log_p: Float64[Tensor, " points"]
    errors: Float64[Tensor, " points"]
    k: int
    effective: float = 1.0

    @property
    def total(self) -> float:
        return float((self.log_p.exp() * self.volume).sum())

    @property
    def stderr(self) -> float:
        return float((self.errors * self.volume).square().sum().sqrt())


def check_normalisation(likelihood: LikelihoodValues, samples: Tensor) -> tuple[AuditCheck, Census]:
    """samples: of the model; they place the panels of a quadrature.

    An integral that fails is taken once more on a finer grid: narrow densities need it, wrong ones stay wrong.
    """
    census = take_census(likelihood, samples, _COARSE)
    check = _judge_total(likelihood, census)
    if not check.passed and likelihood.spec.levels is None:
        census = take_census(likelihood, samples, _FINE)
        check = _judge_total(likelihood, census)
    return check, census


def check_frequencies(likelihood: LikelihoodValues, census: Census, samples: Tensor) -> AuditCheck:
    """Integers: how often each x is among the samples, against p (Pearson's chi-square, rare cells pooled).

    p is normalised first: a wrong total is for `check_normalisation` to find.
    """
    levels = likelihood.spec.levels
    assert levels is not None
    place = levels ** torch.arange(
        likelihood.spec.dimension - 1, -1, -1
    )  # the census counts the last number fastest
    counts = torch.bincount((samples.flatten(1) * place).sum(1), minlength=len(census.x)).double()
    p = census.log_p.exp()
    normaliser = float(p.sum())
    name = "frequencies"
    if not 0 < normaliser < math.inf:
        return AuditCheck(name=name, passed=None, detail="probabilities have no finite sum")
    if census.effective < _MIN_EFFECTIVE_SHARE:
        detail = (
            f"of {census.k} draws an example {census.effective:.0%} count: too few to say what chance may do"
        )
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
    """Integers, exact: the mean of -log p over samples against the sum of -p log p. log_p: of the samples.

    Its variance over samples is known: the sum of p (log p)^2, less the square of the mean.
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
        # a proposal that misses mass shows as a total below 1, a wrong weight as one above it: neither may
        # hide behind an error as large as the tolerance
        passed = abs(total - 1) <= WEIGHTS_TOLERANCE + _ERRORS * stderr and stderr <= WEIGHTS_TOLERANCE
        detail = (
            f"{what} of importance weights (k={census.k}) over {len(census.x):,} points is"
            f" {total:.5g} ± {stderr:.2g}, expected 1 ± {WEIGHTS_TOLERANCE:g}"
        )
    value = total if math.isfinite(total) else None
    return AuditCheck(name="total", passed=passed, detail=detail, value=value, expected=1.0)


# ---- the space, and how much of it each point stands for


def visit_space(model: GenerativeModel, *, coarse: bool) -> tuple[Tensor, Float64[Tensor, " points"]]:
    """Every example there is, or the nodes of a quadrature; and how much of the space each stands for.
    coarse: for what is random, and has to be drawn at each node."""
    samples = model.sample(_PLACING_SAMPLES, torch.Generator(model.device).manual_seed(0)).cpu()
    return _space(model.spec, samples, _COARSE // 3 if coarse else _COARSE, 3 if coarse else 4)


def _space(
    spec: DataSpec, samples: Tensor, panels: int, order: int
) -> tuple[Tensor, Float64[Tensor, " points"]]:
    """Every example there is, volume 1 each; or the nodes and weights of a quadrature."""
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

    Panels hold equal shares of the samples; beyond the outermost ones they double in width until they
    have gone 250 times the samples' spread, so that a density with mass elsewhere is found out.
    """
    values = samples.double()
    inner = torch.quantile(values, torch.linspace(0, 1, panels + 1, dtype=torch.float64))
    spread = max(float(inner[-1] - inner[0]), 1e-6 * (1 + float(values.abs().max())))
    # no panel wider than a share of the spread: a density may be smooth where samples are few
    filling = torch.linspace(float(inner[0]), float(inner[0]) + spread, panels // 2 + 1, dtype=torch.float64)
    steps = spread * 2.0 ** torch.arange(-6, 9, dtype=torch.float64)
    edges = torch.cat([inner[0] - steps, inner, filling, inner[-1] + steps]).unique()
    nodes, weights = (torch.from_numpy(array) for array in np.polynomial.legendre.leggauss(order))
    half = (edges[1:] - edges[:-1]).unsqueeze(1) / 2
    centre = (edges[1:] + edges[:-1]).unsqueeze(1) / 2
    return (centre + half * nodes).flatten(), (half * weights).flatten()
