"""The distance of two means, and its standard error."""

from collections.abc import Iterable

import torch

from genbench import MetricValue, ScoringInputs
from mean_gap import CARD


def mean_gap(samples: torch.Tensor, real: torch.Tensor) -> tuple[float, float]:
    """samples (N, D), real (M, D) -> the distance of their means, and its standard error by the delta method."""
    difference = samples.mean(0) - real.mean(0)
    distance = difference.norm()
    direction = difference / distance.clamp_min(1e-12)
    variance = (samples @ direction).var() / len(samples) + (real @ direction).var() / len(real)
    return float(distance), float(variance.sqrt())


def score_mean_gap(inputs: ScoringInputs) -> Iterable[MetricValue]:
    """Called in the worker, for every model alike. Cards that share this factory are computed in one call."""
    samples, real = (x.flatten(1).double() for x in (inputs.samples, inputs.reference))
    value, stderr = mean_gap(samples, real)
    yield MetricValue(
        name=CARD.name,
        value=value,
        stderr=stderr,
        unit=CARD.unit,
        better=CARD.better,
        n=len(samples),
        dimension=samples.shape[1],
    )
