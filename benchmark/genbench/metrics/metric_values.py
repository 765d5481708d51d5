"""Records of metrics: unit and direction come from the card, N and extractor from the inputs."""

from __future__ import annotations

from collections.abc import Iterable, Sized

from torch import Tensor

from genbench.errors import FeatureError
from genbench.metrics.cards import METRIC_CARDS
from genbench.metrics.numerics.feature_arrays import Estimate
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue, finite_or_none

_CARDS = {card.name: card for card in METRIC_CARDS}


def metric_value(
    name: str,
    inputs: ScoringInputs,
    value: float | Tensor | None,
    *,
    stderr: float | Tensor | None = None,
    test_stderr: float | Tensor | None = None,
    is_rough: bool = False,
    n: int | None = None,
    k: int | None = None,
    note: str | None = None,
    real: float | Tensor | None = None,
    real_stderr: float | Tensor | None = None,
) -> MetricValue:
    """The record of the metric `name`, which was computed from `inputs.samples`, or from their features if its card
    says so.

    value: None, with a note, where there is none. stderr: its standard error. test_stderr: the part of it that comes
    from the reference. is_rough: whether it is an order of magnitude only. n: the number of samples, if not all of
    `inputs.samples`. k: neighbours, cells or draws, where the metric has such a number. real: the value of held-out
    real data. real_stderr: its standard error.
    """
    card = _CARDS[name]
    number = None if value is None else finite_or_none(float(value))
    if value is not None and number is None and note is None:
        note = f"came out as {float(value)}"
    return MetricValue(
        name=name,
        value=number,
        unit=card.unit,
        better=card.better,
        stderr=_finite(stderr, number),
        test_stderr=_finite(test_stderr, number),
        is_rough=is_rough,
        n=len(inputs.samples) if n is None else n,
        dimension=_feature_dimension(inputs) if card.extractor else inputs.spec.dimension,
        k=k,
        extractor=inputs.extractor.identity if card.extractor else None,
        note=note,
        real=_finite(real, number),
        real_stderr=_finite(real_stderr, number),
    )


def _finite(of: float | Tensor | None, value: float | None) -> float | None:
    """`of` where it is finite and there is a value."""
    return None if of is None or value is None else finite_or_none(float(of))


def estimated_value(
    name: str,
    inputs: ScoringInputs,
    found: Estimate,
    *,
    n: int | None = None,
    k: int | None = None,
    note: str | None = None,
    real: Estimate | None = None,
) -> MetricValue:
    """`metric_value` of an estimate and its errors. n: the number of samples, if not all of `inputs.samples`. real: the
    estimate of held-out real data."""
    return metric_value(
        name,
        inputs,
        found.value,
        stderr=found.stderr,
        test_stderr=found.test_stderr,
        is_rough=found.is_rough,
        n=n,
        k=k,
        note=note,
        real=None if real is None else real.value,
        real_stderr=None if real is None else real.stderr,
    )


def without_value(
    names: Iterable[str], inputs: ScoringInputs, note: str, k: int | None = None
) -> list[MetricValue]:
    """Records of metrics without a value. note: why they have none."""
    return [metric_value(name, inputs, None, k=k, note=note) for name in names]


def feature_obstacle(inputs: ScoringInputs, needed: int, *, train: bool = False) -> str | None:
    """Why a metric cannot be computed from the features: fewer than `needed` examples, features of unequal width, or
    features that are not finite. None where it can be computed.

    train: compare the samples with the training examples in place of the reference.
    """
    sides: dict[str, Sized] = {"samples": inputs.samples, "reference examples": inputs.reference}
    if train:
        sides = {"samples": inputs.samples, "training examples": inputs.train}
    for side, examples in sides.items():
        if len(examples) < needed:
            return f"{len(examples)} {side}, needs at least {needed}"
    other = "training examples" if train else "reference examples"
    try:
        features = {
            "samples": inputs.sample_features,
            other: inputs.train_features if train else inputs.reference_features,
        }
    except FeatureError as error:
        return str(error)
    widths = [found.shape[1] for found in features.values()]
    if widths[0] != widths[1]:
        return f"features of unequal width: {widths[0]} for samples, {widths[1]} for {other}"
    for side, found in features.items():
        if not found.isfinite().all():
            return f"the features of the {side} are not all finite"
    return None


def _feature_dimension(inputs: ScoringInputs) -> int | None:
    if not len(inputs.samples):
        return None
    try:
        return inputs.sample_features.shape[1]
    except FeatureError:  # the note says so
        return None
