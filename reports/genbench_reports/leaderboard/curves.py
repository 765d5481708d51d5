"""Brings the checkpoints of a row's seeds together into one curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genbench.api import CHECKPOINT_FRACTIONS
from genbench.records.likelihood_kinds import comparable
from genbench.records.result import CurvePoint, Result
from genbench_reports.statistics.seeds import Estimate

CURVE_AXES = ("seconds", "steps", "examples", "flops")
"""The fields of `CurvePoint` that say what had been spent."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Curve:
    """Validation metrics of one row at the checkpoints of its training, which lie at fixed fractions of the budget."""

    axes: Mapping[str, tuple[float, ...]]
    """What was spent by each checkpoint, mean over seeds, by name of the `CurvePoint` field."""
    means: Mapping[str, tuple[float | None, ...]]
    """Mean over seeds at each checkpoint, by metric; None where a seed has no value."""
    errors: Mapping[str, tuple[float | None, ...]]
    """Standard errors of `means`."""
    kinds: Mapping[str, str]
    """Likelihood kinds by metric, for the likelihoods among them."""


def make_curve(results: Sequence[Result]) -> Curve | None:
    """From the finished seeds of one row. A checkpoint is taken at a fixed fraction of the budget or one step later;
    checkpoints that some seed lacks are left out."""
    by_fraction: dict[float, dict[int, CurvePoint]] = {}
    for result in results:
        for point in result.curve:
            planned = 1.0 if point is result.curve[-1] else _planned(point.fraction)
            by_fraction.setdefault(planned, {})[result.job.seed] = point
    checkpoints = [points for _, points in sorted(by_fraction.items()) if len(points) == len(results)]
    names = dict.fromkeys(
        metric.name for points in checkpoints for point in points.values() for metric in point.metrics
    )
    if not checkpoints or not names:
        return None
    estimates = {name: [_estimate(points, name) for points in checkpoints] for name in names}
    return Curve(
        axes={
            axis: tuple(
                Estimate({seed: float(getattr(point, axis)) for seed, point in points.items()}).mean
                for points in checkpoints
            )
            for axis in CURVE_AXES
        },
        means={
            name: tuple(None if each is None else each.mean for each in found)
            for name, found in estimates.items()
        },
        errors={
            name: tuple(None if each is None else each.stderr for each in found)
            for name, found in estimates.items()
        },
        kinds=_kinds(results),
    )


def _planned(fraction: float) -> float:
    """The fraction at which the checkpoint was due: it is taken as soon as that much has been used."""
    return max((each for each in CHECKPOINT_FRACTIONS if each <= fraction + _ROUNDING), default=0.0)


def _estimate(points: Mapping[int, CurvePoint], name: str) -> Estimate | None:
    values = {
        seed: metric.value
        for seed, point in points.items()
        for metric in point.metrics
        if metric.name == name and metric.value is not None
    }
    return Estimate(values) if len(values) == len(points) else None


def _kinds(results: Sequence[Result]) -> dict[str, str]:
    kinds: dict[str, set[str]] = {}
    for result in results:
        for point in result.curve:
            for metric in point.metrics:
                if metric.kind is not None:
                    kinds.setdefault(metric.name, set()).add(comparable(metric.kind))
    return {name: " or ".join(sorted(found)) for name, found in kinds.items()}
