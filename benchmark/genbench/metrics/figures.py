"""From a computed number to its record: unit and direction from the card, N and extractor from the inputs."""

from __future__ import annotations

from collections.abc import Iterable, Sized

from torch import Tensor

from genbench.metrics.cards import METRIC_CARDS
from genbench.result import MetricValue, finite_or_none
from genbench.scoring import ScoringInputs

_CARDS = {card.name: card for card in METRIC_CARDS}


def figure(
    name: str,
    inputs: ScoringInputs,
    value: float | Tensor | None,
    *,
    stderr: float | Tensor | None = None,
    k: int | None = None,
    note: str | None = None,
    real: float | Tensor | None = None,
) -> MetricValue:
    """The record of metric `name`, computed from `inputs.samples` (and their features, if its card says so)."""
    card = _CARDS[name]
    number = None if value is None else finite_or_none(float(value))
    if value is not None and number is None and note is None:
        note = f"came out as {float(value)}"
    return MetricValue(
        name=name,
        value=number,
        unit=card.unit,
        better=card.better,
        stderr=None if stderr is None or number is None else finite_or_none(float(stderr)),
        n=len(inputs.samples),
        dimension=_feature_dimension(inputs) if card.extractor else inputs.spec.dimension,
        k=k,
        extractor=inputs.extractor.identity if card.extractor else None,
        note=note,
        real=None if real is None or number is None else finite_or_none(float(real)),
    )


def without_value(
    names: Iterable[str], inputs: ScoringInputs, note: str, k: int | None = None
) -> list[MetricValue]:
    """Records that keep their rows and say why there is nothing in them."""
    return [figure(name, inputs, None, k=k, note=note) for name in names]


def feature_obstacle(inputs: ScoringInputs, needed: int, *, train: bool = False) -> str | None:
    """Why a metric cannot be computed from the features: fewer than `needed` examples on a side, or values
    that are not finite. None where it can. The sides are samples and reference (with `train`: and train)."""
    sides: dict[str, Sized] = {"samples": inputs.samples, "reference examples": inputs.reference}
    if train:
        sides = {"samples": inputs.samples, "training examples": inputs.train}
    for side, examples in sides.items():
        if len(examples) < needed:
            return f"{len(examples)} {side}, needs at least {needed}"
    if not inputs.sample_features.isfinite().all():
        return "the features of the samples are not all finite"
    return None


def _feature_dimension(inputs: ScoringInputs) -> int | None:
    return inputs.sample_features.shape[1] if len(inputs.samples) else None
