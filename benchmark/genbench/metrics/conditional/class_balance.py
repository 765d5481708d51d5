"""Class balance: metrics of the classes that the extractor's classifier predicts for the samples.

With p(k|x) the softmax of the classifier's logits and p̄ its mean over the samples,

    class balance        ½ Σ_k |q_k - r_k|, q and r the shares of samples and real data whose likeliest class is k
    class entropy        H(p̄)
    predictive entropy   mean over x of H(p(·|x))
    class information    H(p̄) - mean H(p(·|x)), whose exponential is the Inception Score (Salimans et al. 2016)

in nats. None of them says that samples are good, since a classifier is certain about much that is noise. Compare them
with `real`, the value of real data. They exist only for extractors with a classifier.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import torch
from jaxtyping import Float, Int
from torch import Tensor

from genbench.metrics.metric_values import estimated_value, feature_obstacle, without_value
from genbench.metrics.numerics.feature_arrays import Estimate, of_one_feature_set, of_two_feature_sets
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.mean_errors import mean_error

BOOTSTRAPS = 1000
_NAMES = ("class_balance", "class_entropy", "predictive_entropy", "class_information")


@dataclass(frozen=True)
class ClassEntropies:
    """Entropies in nats, as defined in the module's text."""

    class_entropy: Estimate
    """Entropy of the mean prediction."""
    predictive_entropy: Estimate
    """Mean entropy of the predictions."""
    class_information: Estimate
    """The difference of the two."""


def class_counts(logits: Float[Tensor, "n classes"]) -> Int[Tensor, " classes"]:
    """Logits to statistics: the number of examples for which each class is the likeliest."""
    return logits.argmax(1).bincount(minlength=logits.shape[1])


def total_variation(
    a: Int[Tensor, "*batch classes"], b: Int[Tensor, "*batch classes"]
) -> Float[Tensor, "*batch"]:
    """Statistics to metric: ½ Σ |a_k/Σa - b_k/Σb| of counts a and b, float64 in [0, 1]."""
    shares = [counts.double() / counts.sum(-1, keepdim=True) for counts in (a, b)]
    return (shares[0] - shares[1]).abs().sum(-1) / 2


@of_two_feature_sets
def class_balance(
    samples: Float[Tensor, "n classes"], reference: Float[Tensor, "m classes"], generator: torch.Generator
) -> Estimate:
    """The class balance of two sets of logits, and its standard error by the bootstrap over the examples of both
    sides."""
    a, b = class_counts(samples), class_counts(reference)
    samples_drawn, reference_drawn = (_resampled(side, int(side.sum()), generator) for side in (a, b))
    drawn = total_variation(samples_drawn, reference_drawn)
    other_references = total_variation(a.expand_as(reference_drawn), reference_drawn)
    return Estimate(total_variation(a, b), drawn.std(), other_references.std())


def expected_balance(
    counts: Int[Tensor, " classes"], n: int, generator: torch.Generator
) -> Float[Tensor, ""]:
    """The mean class balance between two sets of `n` examples, both drawn with the reference's shares: the value of
    real data."""
    return total_variation(_resampled(counts, n, generator), _resampled(counts, n, generator)).mean()


@of_one_feature_set
def class_entropies(logits: Float[Tensor, "n classes"]) -> ClassEntropies:
    """The entropies of at least 2 examples, with standard errors by the delta method."""
    log_p = logits.double().log_softmax(1)
    p = log_p.exp()
    # a share of 0 has the logarithm 0 here, since it is only multiplied by 0
    log_mean = torch.where(p.mean(0) > 0, p.mean(0), 1.0).log()
    surprise = -(p * log_mean).sum(1)
    own = -(p * log_p.nan_to_num(neginf=0.0)).sum(1)
    return ClassEntropies(_mean(surprise), _mean(own), _mean(surprise - own))


def score_class_balance(inputs: ScoringInputs) -> list[MetricValue]:
    """The metrics of class balance; none where the extractor has no classifier."""
    if inputs.extractor.classify is None:
        return []
    if (obstacle := feature_obstacle(inputs, needed=2)) is not None:
        return without_value(_NAMES, inputs, obstacle)
    samples = inputs.extractor.logits(inputs.sample_features)
    reference = inputs.extractor.logits(inputs.reference_features)
    assert samples is not None
    assert reference is not None
    if samples.shape[1] != reference.shape[1]:
        widths = f"{samples.shape[1]} for samples, {reference.shape[1]} for reference examples"
        return without_value(_NAMES, inputs, f"the head gives logits of unequal width: {widths}")
    if not (samples.isfinite().all() and reference.isfinite().all()):
        return without_value(_NAMES, inputs, "the head's logits are not all finite")
    balance = class_balance(samples, reference, inputs.generator())
    floor = expected_balance(class_counts(reference), len(samples), inputs.generator())
    found, real = class_entropies(samples), class_entropies(reference)
    metric_values = [_metric_value("class_balance", inputs, balance, floor)]
    for name in _NAMES[1:]:
        estimate: Estimate = getattr(found, name)
        metric_values.append(_metric_value(name, inputs, estimate, getattr(real, name).value))
    return metric_values


def _metric_value(name: str, inputs: ScoringInputs, found: Estimate, real: Float[Tensor, ""]) -> MetricValue:
    value = estimated_value(name, inputs, found)
    return msgspec.structs.replace(value, real=float(real))


def _mean(x: Float[Tensor, " n"]) -> Estimate:
    """The mean over samples, whose error has no part of the reference."""
    error = mean_error(x)
    return Estimate(x.mean(), x.new_tensor(error.stderr), x.new_zeros(()), error.is_rough)


def _resampled(
    counts: Int[Tensor, " classes"], n: int, generator: torch.Generator
) -> Int[Tensor, "bootstraps classes"]:
    """Counts of `n` draws with the shares of `counts`, BOOTSTRAPS times."""
    drawn = torch.multinomial(counts.double(), BOOTSTRAPS * n, replacement=True, generator=generator)
    rows = torch.arange(BOOTSTRAPS).repeat_interleave(n)
    flat = torch.bincount(rows * len(counts) + drawn, minlength=BOOTSTRAPS * len(counts))
    return flat.reshape(BOOTSTRAPS, len(counts))
