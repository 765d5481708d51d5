"""From a model to its likelihood and the likelihood's kind, which says what it may be compared with.

These likelihoods come from the model's own methods: exact ones from `log_prob`, dequantised ones from `log_density`,
bounds from `log_weights` and `elbo`. Those of `decode` and `energy` need annealing: `genbench.likelihood.ais`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from genbench.api.model import GenerativeModel, HasElbo, HasLogDensity, HasLogProb, HasLogWeights
from genbench.api.spec import DataSpec
from genbench.likelihood.batching import batches, checked, max_draws_per_call
from genbench.likelihood.dequantisation import MAX_DRAWS, dequantised_summary
from genbench.likelihood.importance_weights import WeightSummary, summarise
from genbench.records import likelihood_kinds as kinds
from genbench.records.result import MetricValue, finite_or_none
from genbench.util.mean_errors import Windows, mean_error

# Above this error of log Z, in nats, few of the chains have all of the weight, and the error is rough.
_MAX_SHARED_STDERR = 0.3


@dataclass(frozen=True)
class LikelihoodEstimate:
    """Log-likelihoods of N examples."""

    log_prob: Tensor
    """Log-likelihood of each example, a bound on it or an estimate of it, (N,) nats."""
    kind: str
    """What the values are (`genbench.records.likelihood_kinds`)."""
    k: int | None = None
    """Number of importance samples, draws or chains per example; None where there are none."""
    note: str | None = None
    """How the values were computed, where the kind does not say everything."""
    shared_stderr: float = 0.0
    """Standard error, in nats, of what all values share and the examples do not show: the partition function."""
    noise: float = 0.0
    """The Monte Carlo part of the variance of a value, in nats squared, mean over examples."""


def estimate_likelihood(model: object, spec: DataSpec, x: Tensor, *, k: int) -> list[LikelihoodEstimate]:
    """The model's best likelihood, and then its looser bounds; empty for a model that has none without annealing.

    x: (N, *event_shape) in the working type, on the model's device. k: importance samples per example. Random numbers
    come from torch's global generator.
    """
    with torch.no_grad():
        if isinstance(model, HasLogProb):
            return [LikelihoodEstimate(_log_prob(model, spec, x), kinds.EXACT)]
        if isinstance(model, HasLogDensity):
            return _from_density(model, spec, x, min(k, MAX_DRAWS))
        if isinstance(model, HasElbo):
            lower = [checked(model.elbo(batch), (len(batch),), "elbo") for batch in batches(x, spec, 1)]
            return [LikelihoodEstimate(torch.cat(lower), kinds.ELBO)]
        if isinstance(model, HasLogWeights):
            fixed = isinstance(model, GenerativeModel) and model.fixed_observation_variance
            bounds = _from_weights(model, spec, x, k)
            elbo = LikelihoodEstimate(
                bounds.elbo, kinds.elbo(fixed_variance=fixed), k, noise=bounds.elbo_noise
            )
            iwae = LikelihoodEstimate(
                bounds.log_mean, kinds.iwae(k, fixed_variance=fixed), k, noise=bounds.log_mean_noise
            )
            return [elbo] if k == 1 else [iwae, elbo]
    return []


def likelihood_metrics(
    estimates: list[LikelihoodEstimate],
    spec: DataSpec,
    prefix: str = "",
    windows: Windows | None = None,
) -> list[MetricValue]:
    """The metrics negative_log_likelihood and bits_per_dim of the first estimate, and negative_elbo of an ELBO among
    the others.

    bits_per_dim exists only for data with levels: for a density it would depend on the unit of measure. prefix: of the
    names of the first two metrics, such as "decoder_". windows: those of the examples (`Split.windows`).

    The standard errors are those of a mean over examples. They include the Monte Carlo noise of the estimate, which is
    part of the spread over examples; `test_stderr` does not.
    """
    if not estimates:
        return []
    best = estimates[0]
    metrics = [_metric_value(f"{prefix}negative_log_likelihood", "nats", best, 1.0, windows)]
    if spec.is_discrete:
        metrics.append(
            _metric_value(
                f"{prefix}bits_per_dim", "bits/dim", best, 1 / (spec.dimension * math.log(2)), windows
            )
        )
    metrics += [
        _metric_value("negative_elbo", "nats", other, 1.0, windows)
        for other in estimates[1:]
        if kinds.is_elbo(other.kind)
    ]
    return metrics


def without_likelihood(spec: DataSpec, note: str, prefix: str = "") -> list[MetricValue]:
    """The metrics negative_log_likelihood and bits_per_dim without values. note: why they have none."""
    names = [(f"{prefix}negative_log_likelihood", "nats")]
    if spec.is_discrete:
        names.append((f"{prefix}bits_per_dim", "bits/dim"))
    return [MetricValue(name=name, value=None, unit=unit, better="lower", note=note) for name, unit in names]


def _log_prob(model: HasLogProb, spec: DataSpec, x: Tensor) -> Tensor:
    return torch.cat(
        [checked(model.log_prob(some), (len(some),), "log_prob") for some in batches(x, spec, 1)]
    )


def _from_density(model: HasLogDensity, spec: DataSpec, x: Tensor, k: int) -> list[LikelihoodEstimate]:
    def log_density(some: Tensor) -> Tensor:
        return checked(model.log_density(some), (len(some),), "log_density")

    if not spec.is_discrete:
        values = [log_density(some) for some in batches(x, spec, 1)]
        return [LikelihoodEstimate(torch.cat(values), kinds.EXACT)]
    bounds = _joined(
        [dequantised_summary(log_density, some, k, max_draws_per_call(spec)) for some in batches(x, spec, k)]
    )
    plain = LikelihoodEstimate(bounds.elbo, kinds.DEQUANTISED, k, noise=bounds.elbo_noise)
    mean = LikelihoodEstimate(bounds.log_mean, kinds.dequantised(k), k, noise=bounds.log_mean_noise)
    return [plain] if k == 1 else [mean, plain]


def _from_weights(model: HasLogWeights, spec: DataSpec, x: Tensor, k: int) -> WeightSummary:
    def log_weights(some: Tensor, draws: int) -> Tensor:
        return checked(model.log_weights(some, draws), (len(some), draws), "log_weights")

    at_once = max_draws_per_call(spec)
    return _joined([summarise(partial(log_weights, some), k, at_once) for some in batches(x, spec, k)])


def _joined(parts: list[WeightSummary]) -> WeightSummary:
    elbo = torch.cat([part.elbo for part in parts])
    shares = [len(part.elbo) / len(elbo) for part in parts]
    return WeightSummary(
        elbo,
        torch.cat([part.log_mean for part in parts]),
        parts[0].k,
        sum(share * part.elbo_noise for share, part in zip(shares, parts, strict=True)),
        sum(share * part.log_mean_noise for share, part in zip(shares, parts, strict=True)),
    )


def _metric_value(
    name: str, unit: str, estimate: LikelihoodEstimate, factor: float, windows: Windows | None
) -> MetricValue:
    negative = -estimate.log_prob.double() * factor
    n = len(negative)
    infinite = int((~negative.isfinite()).sum())
    sampled = mean_error(negative, windows)
    noise = estimate.noise * factor**2 / n
    return MetricValue(
        name=name,
        value=finite_or_none(negative.mean().item()),
        stderr=finite_or_none(math.hypot(sampled.stderr, estimate.shared_stderr * factor)),
        test_stderr=finite_or_none(math.sqrt(max(0.0, sampled.stderr**2 - noise))),
        is_rough=sampled.is_rough or estimate.shared_stderr > _MAX_SHARED_STDERR,
        unit=unit,
        better="lower",
        kind=estimate.kind,
        n=n,
        k=estimate.k,
        note=f"not finite for {infinite} of {n} examples" if infinite else estimate.note,
    )
