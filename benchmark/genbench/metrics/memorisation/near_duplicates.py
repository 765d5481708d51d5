"""Metrics of memorisation: does the model return its training set?

Copied share: the share of samples that equal a training example in every number. It does not see copies with the
slightest change.

Authenticity (Alaa et al. 2022, section 4.3): a sample is authentic if it is farther from its nearest training example
than that example is from its own nearest other training example. The value of real data is about a half or more, that
of a copier 0. Ties count as copies.

Near-duplicate share: the ratio of the two distances of authenticity is the sample's closeness to the training set.
Unlike a plain distance, it does not depend on the density of the data around the sample (nor do the ratios of Carlini
et al. 2023, section 4.2, and Yoon et al. 2023). A near-duplicate is a sample that is closer than all but 1 % of
held-out real data. So the value of real data is 1 %, and where a share s of the samples is copied, it is about s + 1 %
of the rest. Where real data repeat the training set, as strings of sixteen bits do, their value is higher: `real` is
that value, and `excess_share` subtracts it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from genbench.api.data import storage_dtype
from genbench.metrics.memorisation.data_copying import score_data_copying
from genbench.metrics.memorisation.nearest_training import NearestTraining, nearest_training
from genbench.metrics.metric_values import feature_obstacle, metric_value, without_value
from genbench.metrics.numerics.feature_arrays import FeatureArray, of_two_feature_sets
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.mean_errors import share_error
from genbench.util.tensor_cache import cached_tensors

HELD_OUT_QUANTILE = 0.01
"""Share of held-out real data that counts as near-duplicates if no two distances are equal."""
_FEATURE_NAMES = ("authenticity", "near_duplicate_share")
_NEAREST_VERSION = "1"


# ---- authenticity


def authentic(found: NearestTraining) -> Bool[Tensor, " n"]:
    """Statistics to metric: whether each sample is authentic."""
    return found.to_sample > found.to_train + found.rounding


@of_two_feature_sets
def authenticity(samples: Float[Tensor, "n dim"], train: Float[Tensor, "m dim"]) -> Float[Tensor, ""]:
    """Share of authentic samples (N, D), given the training examples (M, D)."""
    return authentic(nearest_training(samples, train)).double().mean()


# ---- near-duplicates


@dataclass(frozen=True)
class NearDuplicates:
    """Shares of near-duplicates."""

    value: Float[Tensor, ""]
    """Share among the samples."""
    real: Float[Tensor, ""]
    """Share among held-out real data."""
    stderr: Float[Tensor, ""]
    """Standard error of `value` between sets of samples and of held-out data (`near_duplicates_from_closeness`)."""
    held_out_stderr: Float[Tensor, ""]
    """The part of it that comes from the held-out data."""

    @property
    def excess_share(self) -> Float[Tensor, ""]:
        """An estimate of the share of copies: the share by which `value` exceeds that of real data. It may be
        negative."""
        return (self.value - self.real) / (1 - self.real).clamp(min=torch.finfo(torch.float64).eps)


def closeness(found: NearestTraining) -> Float[Tensor, " n"]:
    """The squared distance from each sample to its nearest training example, divided by that from this example to its
    nearest other one. 0 for copies; infinite where the training example occurs twice."""
    copied = found.to_sample <= found.rounding
    ratio = found.to_sample / found.to_train.clamp(min=torch.finfo(torch.float64).tiny)
    return torch.where(copied, 0.0, ratio)


def near_duplicates_from_closeness(
    samples: Float[Tensor, " n"], held_out: Float[Tensor, " m"], quantile: float = HELD_OUT_QUANTILE
) -> NearDuplicates:
    """Statistics to metric.

    The threshold is the order statistic of rank max(1, floor(quantile * M)) of the held-out examples' closeness; ties
    count. The standard error has a binomial part for the samples, and one for the threshold: with a share s of copies,
    another held-out set changes the value by (1 - s) times the change of real data's share.
    """
    rank = max(1, int(quantile * len(held_out)))
    threshold = held_out.kthvalue(rank).values
    value, real = (part.le(threshold).double().mean() for part in (samples, held_out))
    others = ((1 - value) / (1 - real).clamp(min=1 / len(held_out))).clamp(max=1.0)
    of_samples = share_error(float(value), len(samples)).stderr
    of_held_out = others * share_error(float(real), len(held_out)).stderr
    return NearDuplicates(value, real, (of_samples**2 + of_held_out.square()).sqrt(), of_held_out)


def near_duplicates(
    samples: FeatureArray,
    held_out: FeatureArray,
    train: FeatureArray,
    quantile: float = HELD_OUT_QUANTILE,
) -> NearDuplicates:
    """The share of near-duplicates of features: samples (N, D), held-out (K, D) and training examples (M, D).

    Raises ValueError as `genbench.metrics.numerics.feature_arrays.of_two_feature_sets` does.
    """
    ours, theirs = (closeness(_nearest_training(part, train)) for part in (samples, held_out))
    return near_duplicates_from_closeness(ours, theirs, quantile)


_nearest_training = of_two_feature_sets(nearest_training)


# ---- exact copies


def copied_share(samples: Shaped[Tensor, "n *event"], train: Shaped[Tensor, "m *event"]) -> float:
    """Share of samples that equal a training example in every number; -0.0 equals 0.0. Both must have one type."""
    return _share_of(samples, set(_digests(train)))


def _share_of(samples: Tensor, known: set[bytes]) -> float:
    return sum(digest in known for digest in _digests(samples)) / len(samples)


def _digests(x: Tensor) -> Iterator[bytes]:
    """A hash of 128 bits of each example."""
    signed = x.is_floating_point()
    for row in x.cpu().numpy():
        # + 0: so that -0.0 becomes 0.0
        yield hashlib.blake2b((row + 0 if signed else row).tobytes(), digest_size=16).digest()


# ---- the factory


def score_memorisation(inputs: ScoringInputs) -> list[MetricValue]:
    """The metrics `copied_share`, `authenticity`, `near_duplicate_share` and `data_copying_z`."""
    metric_values = [_copied_value(inputs)]
    if (
        inputs.spec.modality != "tokens"
    ):  # distances between features of text windows say nothing about copying
        metric_values += [*_neighbour_values(inputs), *score_data_copying(inputs)]
    return metric_values


def _neighbour_values(inputs: ScoringInputs) -> list[MetricValue]:
    if (obstacle := feature_obstacle(inputs, needed=2, train=True)) is not None:
        return without_value(_FEATURE_NAMES, inputs, obstacle)
    found = nearest_training(inputs.sample_features, inputs.train_features)
    share = float(authentic(found).double().mean())
    error = share_error(share, len(inputs.samples))
    authenticity_value = metric_value(
        "authenticity", inputs, share, stderr=error.stderr, test_stderr=0.0, is_rough=error.is_rough
    )
    if len(inputs.reference) == 0:
        note = "0 reference examples, needs at least 1"
        return [authenticity_value, metric_value("near_duplicate_share", inputs, None, note=note)]
    real = _nearest_to_reference(inputs)
    copies = near_duplicates_from_closeness(closeness(found), closeness(real))
    return [
        _with_real(authenticity_value, float(authentic(real).double().mean()), len(inputs.reference)),
        _with_real(
            metric_value(
                "near_duplicate_share",
                inputs,
                copies.value,
                stderr=copies.stderr,
                test_stderr=copies.held_out_stderr,
                is_rough=_is_rough(copies, inputs),
            ),
            float(copies.real),
            len(inputs.reference),
        ),
    ]


def _nearest_to_reference(inputs: ScoringInputs) -> NearestTraining:
    """`nearest_training` of the reference; cached, since it does not depend on the model."""
    what = (
        _NEAREST_VERSION,
        inputs.extractor.identity,
        inputs.train_fingerprint,
        inputs.reference_fingerprint,
    )
    cached = cached_tensors(
        "nearest", what, lambda: vars(nearest_training(inputs.reference_features, inputs.train_features))
    )
    return NearestTraining(**cached)


def _copied_value(inputs: ScoringInputs) -> MetricValue:
    if len(inputs.samples) == 0:
        return metric_value("copied_share", inputs, None, note="0 samples, needs at least 1")
    stored = storage_dtype(inputs.spec)
    known = set(_digests(inputs.train.x))
    share = _share_of(inputs.samples.to(stored), known)
    error = share_error(share, len(inputs.samples))
    found = metric_value(
        "copied_share", inputs, share, stderr=error.stderr, test_stderr=0.0, is_rough=error.is_rough
    )
    if len(inputs.reference) == 0:
        return found
    # where there are few possible examples, as with sixteen bits, real data repeat the training set too
    return _with_real(found, _share_of(inputs.reference.to(stored), known), len(inputs.reference))


def _with_real(found: MetricValue, real: float, count: int) -> MetricValue:
    """The record with the share of `count` real examples."""
    return msgspec.structs.replace(found, real=real, real_stderr=share_error(real, count).stderr)


def _is_rough(copies: NearDuplicates, inputs: ScoringInputs) -> bool:
    """Whether few samples, or few held-out examples, are near-duplicates, or held-out examples depend on each other."""
    return (
        inputs.reference_windows is not None
        or share_error(float(copies.value), len(inputs.samples)).is_rough
        or share_error(float(copies.real), len(inputs.reference)).is_rough
    )
