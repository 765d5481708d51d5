"""What a job spent until a metric reached a value, read from its checkpoints, on the validation split.

Nothing was measured between checkpoints, so nothing is interpolated: the first checkpoint that is good enough counts
in full. A job that never reached the value, or that failed, took infinitely long (Dahl et al. 2023, "Benchmarking
Neural Network Training Algorithms", section 4.3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from genbench.api import Better
from genbench.errors import UsageError
from genbench.records.result import CurvePoint, Result


@dataclass(frozen=True)
class TimeToTarget:
    """What a job spent on training until its metric reached a target; infinite where it never did."""

    seconds: float
    """Training time."""
    steps: float
    """Training steps."""
    flops: float
    """Training FLOPs."""
    best: float | None
    """The best value on the curve; None where the metric is not on it."""

    @property
    def reached(self) -> bool:
        return math.isfinite(self.seconds)


def time_to_target(result: Result, metric: str, target: float, better: Better) -> TimeToTarget:
    """better: the better direction of the metric. Raises UsageError for "neither", which has no target."""
    if better == "neither":
        raise UsageError(f"{metric} has no better direction, so it cannot be a target")
    sign = 1.0 if better == "lower" else -1.0
    values = [(point, value) for point in result.curve if (value := _value(point, metric)) is not None]
    best = min((value for _, value in values), key=lambda value: sign * value, default=None)
    for point, value in values:
        if sign * value <= sign * target:
            return TimeToTarget(point.seconds, point.steps, point.flops, best)
    return TimeToTarget(math.inf, math.inf, math.inf, best)


def _value(point: CurvePoint, metric: str) -> float | None:
    return next((each.value for each in point.metrics if each.name == metric), None)
