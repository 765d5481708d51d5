"""A metric that a plugin might bring after a run: imported by the tests' workers."""

from __future__ import annotations

import os
import signal
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


def card(name: str, factory: str, **limits: float) -> MetricCard:
    return MetricCard(
        name=name,
        summary="",
        unit="",
        better="lower",
        group="quality",
        modalities=("points",),
        factory=f"extra_metrics:{factory}",
        **limits,
    )


NEGATIVE = card("negative_distance", "negative", minimum=0.0)
RAISING = card("raising", "raise_error")
LEAVING = card("leaving", "leave")
UNANNOUNCED = card("announced", "unannounced")


def negative(inputs: ScoringInputs) -> list[MetricValue]:
    return [MetricValue(name="negative_distance", value=-1.5, unit="", better="lower", stderr=0.1)]


def leave(inputs: ScoringInputs) -> list[MetricValue]:
    sys.exit(3)


def unannounced(inputs: ScoringInputs) -> list[MetricValue]:
    return [MetricValue(name="surprise", value=1.0, unit="", better="lower")]


def exit_at_once(inputs: ScoringInputs) -> list[MetricValue]:
    os._exit(3)


def crash(inputs: ScoringInputs) -> list[MetricValue]:
    os.kill(os.getpid(), signal.SIGSEGV)
    return []
