"""A metric that a plugin might bring after a run: imported by the tests' workers."""

from __future__ import annotations

import sys

from genbench.api.cards import MetricCard
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue

CARD = MetricCard(
    name="sample_mean",
    summary="mean of all numbers of all samples",
    unit="data units",
    better="neither",
    group="quality",
    modalities=("points", "image"),
    factory="extra_metrics:score_mean",
)


BROKEN = MetricCard(
    name="broken_mean",
    summary="raises",
    unit="data units",
    better="neither",
    group="quality",
    modalities=("points", "image"),
    factory="extra_metrics:raise_error",
)


def raise_error(inputs: ScoringInputs) -> list[MetricValue]:
    raise RuntimeError(f"no mean of {len(inputs.samples)} samples today")


def score_mean(inputs: ScoringInputs) -> list[MetricValue]:
    value = float(inputs.samples.double().mean())
    return [
        MetricValue(name=CARD.name, value=value, unit=CARD.unit, better=CARD.better, n=len(inputs.samples))
    ]


def count_model_modules(inputs: ScoringInputs) -> list[MetricValue]:
    loaded = float("reaching_models" in sys.modules)
    return [MetricValue(name="model_modules", value=loaded, unit="modules", better="neither", n=1)]
