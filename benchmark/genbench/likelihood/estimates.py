"""From a model to its likelihood and the likelihood's kind, which says what it may be compared with.

These likelihoods come from the model's own methods: exact ones from `log_prob`, dequantised ones from `log_density`,
bounds from `log_weights` and `elbo`. Those of `decode` and `energy` need annealing: `genbench.likelihood.ais`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from genbench.api.model import GenerativeModel, HasElbo, HasLogDensity, HasLogProb, HasLogWeights
from genbench.api.spec import DataSpec
from genbench.errors import PluginError
from genbench.likelihood.batching import ExampleBatches, batches, checked, max_draws_per_call
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


def estimate_likelihood(
    model: object, spec: DataSpec, x: Tensor, *, k: int, lengths: Tensor | None = None
) -> list[LikelihoodEstimate]:
    """The model's best likelihood, and then its looser bounds; empty for a model that has none without annealing.

    x: (N, *event_shape) in the working type, on the model's device. k: importance samples per example. lengths: of
    pieces of different lengths, (N,); the likelihoods are those of whole pieces without their padding. Random numbers
    come from torch's global generator.
    """
    with torch.no_grad():
        if isinstance(model, HasLogProb):
            log_prob = _each(model.log_prob, "log_prob", x, spec, lengths)
            return [LikelihoodEstimate(log_prob, kinds.EXACT)]
        if isinstance(model, HasLogDensity):
            return _from_density(model, spec, x, min(k, MAX_DRAWS), lengths)
        if isinstance(model, HasElbo):
            lower = _each(model.elbo, "elbo", x, spec, lengths)
            return [LikelihoodEstimate(lower, kinds.ELBO)]
        if isinstance(model, HasLogWeights):
            fixed = isinstance(model, GenerativeModel) and model.fixed_observation_variance
            bounds = _from_weights(model, spec, x, k, lengths)
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
    *,
    lengths: Tensor | None = None,
    step: str | None = None,
    truth_log_prob: Tensor | None = None,
) -> list[MetricValue]:
    """The metrics negative_log_likelihood, nats_per_step, bits_per_step and bits_per_dim of the first estimate, and
    negative_elbo of an ELBO among the others; kl_from_truth where the truth's log-likelihoods of the same examples are
    known.

    nats_per_step exists for sequences; its unit is "nats/frame" or the like. bits_per_step exists for tokens:
    "bits/character". bits_per_dim exists only for data with levels: for a density it would depend on the unit of
    measure. All three are totals over totals: all nats or bits over all steps, and all bits over all numbers.

    prefix: of the names, such as "decoder_". windows: those of the examples (`Split.windows`). lengths: of pieces of
    different lengths, (N,). step: what a step is, in one word (`DatasetCard.step_name`); None leaves both values per
    step out. truth_log_prob: (N,) nats.

    The standard errors are those of a mean over examples. They include the Monte Carlo noise of the estimate, which is
    part of the spread over examples; `test_stderr` does not.
    """
    if not estimates:
        return []
    best = estimates[0]
    metrics = [_metric_value(f"{prefix}negative_log_likelihood", "nats", best, 1.0, windows)]
    steps = torch.full((len(best.log_prob),), spec.event_shape[0]) if lengths is None else lengths.cpu()
    if step is not None and spec.is_sequence and not prefix:
        metrics.append(_metric_value("nats_per_step", f"nats/{step}", best, 1.0, windows, steps))
        if spec.modality == "tokens":
            per_bit = 1 / math.log(2)
            metrics.append(_metric_value("bits_per_step", f"bits/{step}", best, per_bit, windows, steps))
    if spec.is_discrete:
        bits = f"{prefix}bits_per_dim"
        if lengths is None:
            per_dimension = 1 / (spec.dimension * math.log(2))
            metrics.append(_metric_value(bits, "bits/dim", best, per_dimension, windows))
        else:
            per_number = spec.event_shape[0] / (spec.dimension * math.log(2))
            metrics.append(_metric_value(bits, "bits/dim", best, per_number, windows, steps))
    if truth_log_prob is not None:
        # example by example, so that what makes an example improbable under both costs no precision
        excess = replace(best, log_prob=best.log_prob.double().cpu() - truth_log_prob.double().cpu())
        metrics.append(_metric_value("kl_from_truth", "nats", excess, 1.0, windows))
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


def _each(
    method: Callable[..., object], name: str, x: Tensor, spec: DataSpec, lengths: Tensor | None
) -> Tensor:
    """One value per example, (N,)."""
    batched = ExampleBatches.of(x, spec, 1, lengths)
    values = [checked(method(some, **more), (len(some),), name) for some, more in batched.parts]
    return batched.in_order(torch.cat(values))


def _from_density(
    model: HasLogDensity, spec: DataSpec, x: Tensor, k: int, lengths: Tensor | None
) -> list[LikelihoodEstimate]:
    if not spec.is_discrete:
        return [LikelihoodEstimate(_each(model.log_density, "log_density", x, spec, lengths), kinds.EXACT)]
    if lengths is not None:
        raise PluginError("a density of integers is not dequantised for pieces of different lengths")

    def log_density(some: Tensor) -> Tensor:
        return checked(model.log_density(some), (len(some),), "log_density")

    bounds = _joined(
        [dequantised_summary(log_density, some, k, max_draws_per_call(spec)) for some in batches(x, spec, k)]
    )
    plain = LikelihoodEstimate(bounds.elbo, kinds.DEQUANTISED, k, noise=bounds.elbo_noise)
    mean = LikelihoodEstimate(bounds.log_mean, kinds.dequantised(k), k, noise=bounds.log_mean_noise)
    return [plain] if k == 1 else [mean, plain]


def _from_weights(
    model: HasLogWeights, spec: DataSpec, x: Tensor, k: int, lengths: Tensor | None
) -> WeightSummary:
    method: Callable[..., object] = model.log_weights

    def log_weights(some: Tensor, more: dict[str, Tensor], draws: int) -> Tensor:
        return checked(method(some, draws, **more), (len(some), draws), "log_weights")

    at_once = max_draws_per_call(spec)
    batched = ExampleBatches.of(x, spec, k, lengths)
    joined = _joined(
        [summarise(partial(log_weights, some, more), k, at_once) for some, more in batched.parts]
    )
    return replace(joined, elbo=batched.in_order(joined.elbo), log_mean=batched.in_order(joined.log_mean))


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


def per_step_values(values: Tensor, steps: Tensor) -> Tensor:
    """(N,) numbers whose mean is the ratio of totals, sum of `values` over sum of `steps`, and whose standard error is
    that of the ratio, to first order (Cochran 1977, Sampling Techniques, section 2.11): r + (v_i - r n_i) / mean n."""
    steps = steps.double()
    ratio = values.sum() / steps.sum()
    return ratio + (values - ratio * steps) / steps.mean()


def _metric_value(
    name: str,
    unit: str,
    estimate: LikelihoodEstimate,
    factor: float,
    windows: Windows | None,
    steps: Tensor | None = None,
) -> MetricValue:
    """steps: of each example, (N,); the value is then a total over the total of steps."""
    negative = -estimate.log_prob.double() * factor
    if steps is not None:
        negative = per_step_values(negative, steps)
        factor /= float(steps.double().mean())
    n = len(negative)
    infinite = int((~estimate.log_prob.isfinite()).sum())
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
