"""Does a likelihood mean what it says? On a space small enough to visit, probabilities sum to 1.

log_prob, data with levels     the sum of exp(log_prob) over every example that there is
log_prob, real values          its integral, by Gauss-Legendre panels laid where the model's samples are
log_weights, either            the same of (1/k) sum_i exp(log_weights_i), which is an unbiased estimate
                               of p(x) (Burda et al. 2016): the total may fall short of 1 by its error
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from genbench.model import GenerativeModel, HasLogProb, HasLogWeights
from genbench.spec import DataSpec

MAX_SPACE = 20_000
SUM_TOLERANCE = 1e-3  # rounding: float32 log-probabilities, up to 20,000 of them
INTEGRAL_TOLERANCE = 0.02  # densities with jumps are not what Gauss-Legendre is best at
WEIGHTS_TOLERANCE = 0.05  # a bound may be a little loose even in expectation, where q misses mass
BATCH_TOLERANCE = 1e-3  # relative to 1 + |log p|: float32 sums in another order

_COARSE, _FINE = 24, 96  # panels an axis, where the samples are; as many again reach past them
_SAMPLES = 4096
_CALL_NUMBERS = 2**21  # examples x importance samples x dimension in one call
_WEIGHT_CALLS = 200_000  # examples x importance samples in all
_MIN_K, _MAX_K = 16, 512
_ERRORS = 4.0  # standard errors that chance may account for

AuditKind = Literal[
    "sum of probabilities",
    "integral of the density",
    "sum of importance weights",
    "integral of importance weights",
]


@dataclass(frozen=True)
class LikelihoodAudit:
    """passed: the likelihood is what it says. kind: what was added up. total: what it came to; 1 is right.

    stderr: of the total; 0 where nothing was drawn. points: how many x were visited. batch_gap: the largest
    difference between an example's log_prob alone and among others, relative to 1 + |log p|; None for
    log_weights, which are random. detail: one line for the reader.
    """

    passed: bool
    kind: AuditKind
    total: float
    stderr: float
    points: int
    batch_gap: float | None
    detail: str


def is_auditable(spec: DataSpec) -> bool:
    """Whether the space is small enough: levels ** dimension <= 20,000, or one or two real values."""
    if spec.levels is None:
        return spec.dimension <= 2
    return spec.dimension * math.log(spec.levels) <= math.log(MAX_SPACE) + 1e-9


def audit_likelihood(
    model: GenerativeModel, likelihood: Literal["log_prob", "log_weights"], *, seed: int = 0
) -> LikelihoodAudit:
    """Add up what the model says of every x. The model should be in evaluation mode.

    An integral that fails is taken once more on a finer grid: narrow densities need it, wrong ones stay wrong.

    seed: of the samples that place the panels; importance weights draw from torch's global generator.
    Raises ValueError where the space is too large, or the model has no such likelihood.
    """
    spec = model.spec
    if not is_auditable(spec):
        raise ValueError(
            f"{spec.name}: {spec.event_shape} with levels={spec.levels} cannot be audited;"
            f" expected levels ** dimension <= {MAX_SPACE:,}, or at most two real values"
        )
    audit = _audit(model, likelihood, seed, _COARSE)
    if not audit.passed and spec.levels is None:
        audit = _audit(model, likelihood, seed, _FINE)
    return audit


@torch.no_grad()
def _audit(model: GenerativeModel, likelihood: str, seed: int, panels: int) -> LikelihoodAudit:
    if likelihood == "log_prob" and isinstance(model, HasLogProb):
        return _audit_log_prob(model, *_space(model, seed, panels, order=4))
    if likelihood == "log_weights" and isinstance(model, HasLogWeights):
        return _audit_log_weights(model, *_space(model, seed, panels // 3, order=3))
    raise ValueError(f"{type(model).__name__} has no {likelihood}")


# ---- what is added up


def _audit_log_prob(model: HasLogProb, x: Tensor, volume: Float64[Tensor, " points"]) -> LikelihoodAudit:
    log_prob = _in_batches(lambda batch: model.log_prob(batch), x, 1)
    total = float((log_prob.exp() * volume).sum())
    likely = log_prob.argsort(descending=True)[:8]
    alone = torch.cat([model.log_prob(x[i : i + 1]).double() for i in likely.tolist()])
    gap = float(((alone - log_prob[likely]).abs() / (1 + alone.abs())).max())
    discrete = not x.is_floating_point()
    tolerance = SUM_TOLERANCE if discrete else INTEGRAL_TOLERANCE
    normalised, independent = abs(total - 1) <= tolerance, gap <= BATCH_TOLERANCE  # NaN passes neither
    kind: AuditKind = "sum of probabilities" if discrete else "integral of the density"
    detail = f"{kind} over {len(x):,} points is {total:.5g}, expected 1 ± {tolerance:g}"
    if not independent:
        detail += f"; log_prob of an example changes by {gap:.2g} (relative) with the batch it is in"
    return LikelihoodAudit(normalised and independent, kind, total, 0.0, len(x), gap, detail)


def _audit_log_weights(
    model: HasLogWeights, x: Tensor, volume: Float64[Tensor, " points"]
) -> LikelihoodAudit:
    k = max(_MIN_K, min(_MAX_K, _WEIGHT_CALLS // len(x)))
    weights = _in_batches(lambda batch: model.log_weights(batch, k), x, k).exp()  # points, k
    total = float((weights.mean(1) * volume).sum())
    stderr = math.sqrt(float((weights.var(1) / k * volume.square()).sum()))
    # a proposal that misses mass shows as a total below 1, a wrong weight as one above it: neither may
    # hide behind an error as large as the tolerance
    passed = abs(total - 1) <= WEIGHTS_TOLERANCE + _ERRORS * stderr and stderr <= WEIGHTS_TOLERANCE
    kind: AuditKind = (
        "integral of importance weights" if x.is_floating_point() else "sum of importance weights"
    )
    detail = (
        f"{kind} (k={k}) over {len(x):,} points is {total:.5g} ± {stderr:.2g},"
        f" expected 1 ± {WEIGHTS_TOLERANCE:g}"
    )
    return LikelihoodAudit(passed, kind, total, stderr, len(x), None, detail)


def _in_batches(
    log_likelihood: Callable[[Tensor], Tensor], x: Tensor, k: int
) -> Float64[Tensor, "points *k"]:
    size = max(1, _CALL_NUMBERS // (k * x[0].numel()))
    return torch.cat([log_likelihood(batch).double() for batch in x.split(size)])


# ---- the space, and how much of it each point stands for


def visit_space(model: GenerativeModel, *, coarse: bool) -> tuple[Tensor, Float64[Tensor, " points"]]:
    """Every example there is, or the nodes of a quadrature; and how much of the space each stands for.
    coarse: for what is random, and has to be drawn at each node."""
    return _space(model, 0, _COARSE // 3, 3) if coarse else _space(model, 0, _COARSE, 4)


def _space(
    model: GenerativeModel, seed: int, panels: int, order: int
) -> tuple[Tensor, Float64[Tensor, " points"]]:
    """Every example there is, volume 1 each; or the nodes and weights of a quadrature."""
    spec = model.spec
    if spec.levels is not None:
        axis = torch.arange(spec.levels)
        grid = torch.cartesian_prod(*[axis] * spec.dimension).reshape(-1, *spec.event_shape)
        return grid, torch.ones(len(grid), dtype=torch.float64)
    samples = model.sample(_SAMPLES, torch.Generator().manual_seed(seed)).reshape(_SAMPLES, -1)
    axes = [quadrature(samples[:, i], panels, order) for i in range(spec.dimension)]
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
