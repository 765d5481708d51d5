"""What it took a job to reach a figure: read off its curve of checkpoints, on the validation split.

Between checkpoints nothing was measured, so nothing is interpolated: the first checkpoint that is good enough counts
whole. A job that never got there, or that failed, took forever (Dahl et al. 2023, "Benchmarking Neural Network
Training Algorithms", section 4.3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from genbench.api import Better
from genbench.errors import UsageError
from genbench.records.result import CurvePoint, Result


@dataclass(frozen=True)
class TimeToTarget:
    """seconds, steps, flops: of training; infinite where the target was not reached. best: the best value of the curve,
    None where the metric is not on it."""

    seconds: float
    steps: float
    flops: float
    best: float | None

    @property
    def reached(self) -> bool:
        return math.isfinite(self.seconds)


def time_to_target(result: Result, metric: str, target: float, better: Better) -> TimeToTarget:
    """better: which direction is; "neither" has no target (UsageError)."""
    if better == "neither":
        raise UsageError(f"{metric}: neither more nor less of it is better, so it cannot be a target")
    sign = 1.0 if better == "lower" else -1.0
    values = [(point, value) for point in result.curve if (value := _value(point, metric)) is not None]
    best = min((value for _, value in values), key=lambda value: sign * value, default=None)
    for point, value in values:
        if sign * value <= sign * target:
            return TimeToTarget(point.seconds, point.steps, point.flops, best)
    return TimeToTarget(math.inf, math.inf, math.inf, best)


def _value(point: CurvePoint, metric: str) -> float | None:
    return next((figure.value for figure in point.metrics if figure.name == metric), None)
