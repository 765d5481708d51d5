"""From a model to its likelihood, with the kind that says what may be compared with what.

exact                  `log_prob`
lower bound (ELBO)     mean of `log_weights(x, 1)`
lower bound (IWAE-k)   logsumexp over k weights - log k (Burda et al. 2016, eq. 8); never below the ELBO in
                       expectation, never above the truth
From `log_density`, of real data exact, and of integers dequantised (`dequantisation`, `kinds`); from `elbo`, as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from genbench.errors import PluginError
from genbench.likelihood import kinds
from genbench.likelihood.dequantisation import MOST_DRAWS, dequantised_summary
from genbench.model import HasElbo, HasLogDensity, HasLogProb, HasLogWeights
from genbench.result import MetricValue, finite_or_none
from genbench.spec import DataSpec

EXACT = "exact"
ELBO = "lower bound (ELBO)"
# Numbers one call may hold: examples x importance samples x dimension.
_CALL_NUMBERS = 2_000_000
_MAX_BATCH = 500


@dataclass(frozen=True)
class LikelihoodEstimate:
    """log_prob: (N,) nats, each example's log-likelihood or a bound on it. k: importance samples."""

    log_prob: Tensor
    kind: str
    k: int | None = None


def estimate_likelihood(model: object, spec: DataSpec, x: Tensor, *, k: int) -> list[LikelihoodEstimate]:
    """The best likelihood first, then weaker bounds; empty for a model that has none.

    x: (N, *event_shape) in the working dtype, on the model's device. Chance is torch's global generator.
    """
    with torch.no_grad():
        if isinstance(model, HasLogProb):
            values = [_checked(model.log_prob(batch), (len(batch),)) for batch in _batches(x, spec, 1)]
            return [LikelihoodEstimate(torch.cat(values), EXACT)]
        if isinstance(model, HasLogDensity):
            return _from_density(model, spec, x, min(k, MOST_DRAWS))
        if isinstance(model, HasElbo):
            bounds = [_checked(model.elbo(batch), (len(batch),)) for batch in _batches(x, spec, 1)]
            return [LikelihoodEstimate(torch.cat(bounds), ELBO)]
        if isinstance(model, HasLogWeights):
            weights = torch.cat(
                [_checked(model.log_weights(batch, k), (len(batch), k)) for batch in _batches(x, spec, k)]
            )
            elbo = LikelihoodEstimate(weights.mean(1), ELBO, k)
            if k == 1:
                return [elbo]
            bound = torch.logsumexp(weights, 1) - math.log(k)
            return [LikelihoodEstimate(bound, f"lower bound (IWAE-{k})", k), elbo]
    return []


def _from_density(model: HasLogDensity, spec: DataSpec, x: Tensor, k: int) -> list[LikelihoodEstimate]:
    def log_density(some: Tensor) -> Tensor:
        return _checked(model.log_density(some), (len(some),))

    if not spec.is_discrete:
        values = [log_density(batch) for batch in _batches(x, spec, 1)]
        return [LikelihoodEstimate(torch.cat(values), EXACT)]
    at_once = max(1, _CALL_NUMBERS // spec.dimension)
    parts = [dequantised_summary(log_density, batch, k, at_once) for batch in _batches(x, spec, k)]
    plain = LikelihoodEstimate(torch.cat([part.elbo for part in parts]), kinds.DEQUANTISED, k)
    if k == 1:
        return [plain]
    return [LikelihoodEstimate(torch.cat([part.log_mean for part in parts]), kinds.dequantised(k), k), plain]


def likelihood_metrics(estimates: list[LikelihoodEstimate], spec: DataSpec) -> list[MetricValue]:
    """negative_log_likelihood and bits_per_dim of the best estimate, and negative_elbo where it is another.

    bits_per_dim is given for data with levels only: of a density it would depend on the unit of measure.
    """
    if not estimates:
        return []
    best = estimates[0]
    metrics = [_figure("negative_log_likelihood", "nats", best, 1.0)]
    if spec.is_discrete:
        metrics.append(_figure("bits_per_dim", "bits/dim", best, 1 / (spec.dimension * math.log(2))))
    metrics += [_figure("negative_elbo", "nats", other, 1.0) for other in estimates[1:] if other.kind == ELBO]
    return metrics


def _figure(name: str, unit: str, estimate: LikelihoodEstimate, factor: float) -> MetricValue:
    negative = -estimate.log_prob.double() * factor
    n = len(negative)
    infinite = int((~negative.isfinite()).sum())
    return MetricValue(
        name=name,
        value=finite_or_none(negative.mean().item()),
        stderr=finite_or_none((negative.std() / math.sqrt(n)).item()) if n > 1 else None,
        unit=unit,
        better="lower",
        kind=estimate.kind,
        n=n,
        k=estimate.k,
        note=f"not finite for {infinite} of {n} examples" if infinite else None,
    )


def _batches(x: Tensor, spec: DataSpec, k: int) -> Iterator[Tensor]:
    size = max(1, min(_MAX_BATCH, _CALL_NUMBERS // (spec.dimension * k)))
    return iter(torch.split(x, size))


def _checked(values: Tensor, shape: tuple[int, ...]) -> Tensor:
    if tuple(values.shape) != shape:
        raise PluginError(f"likelihood has shape {tuple(values.shape)}, expected {shape}")
    return values.detach().cpu()
