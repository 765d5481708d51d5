"""Whether a job that was run again came out the same, and what differs around it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from genbench.records.job import Job
from genbench.records.result import MetricValue, Result
from genbench.records.run_folder import Run

Sameness = Literal["identical", "rounding", "within errors", "different"]
"""How two values compare, from the best to the worst."""
_ORDER: tuple[Sameness, ...] = ("identical", "rounding", "within errors", "different")
ROUNDING = 1e-6
"""The relative difference up to which two values are equal to rounding."""
_MIN_SEEDS = 3
"""With fewer seeds nothing is known of how much values vary over them."""
_FALSE_ALARMS = 0.05
"""The probability that any value of an unchanged row is called different."""
NOT_RECORDED = "not recorded"


@dataclass(frozen=True)
class ValueChange:
    """One value, then and now."""

    name: str
    """The metric; for values of checkpoints with the share of the training."""
    then: MetricValue | None
    """The recorded value; None where the record has none."""
    now: MetricValue | None
    """The value of the second run."""
    sameness: Sameness
    """How they compare."""
    errors: float | None
    """The difference in units of its standard error; None where that is not known."""


@dataclass(frozen=True)
class Difference:
    """Something around the job that is not as it was."""

    what: str
    """As in "package numpy"."""
    then: str
    """What the record says. Not trusted."""
    now: str
    """What is found now."""


@dataclass(frozen=True)
class RecordChanges:
    """A record, and the record of the same job that was run again."""

    then: Result
    """The stored record."""
    now: Result
    """The new one."""
    values: tuple[ValueChange, ...]
    """Every value that one of them has."""
    has_same_samples: bool | None
    """Whether the samples are the same, byte for byte; None where one record names none."""
    differences: tuple[Difference, ...]
    """Versions, packages, hardware and settings that are not what they were."""

    @property
    def is_repeatable(self) -> bool:
        """Whether the budget ends training at the same step each time."""
        return self.then.job.training_budget.is_repeatable

    @property
    def sameness(self) -> Sameness:
        """The worst of all values; for failed jobs whether they ended in the same way."""
        if self.then.status != self.now.status:
            return "different"
        worst = max((_ORDER.index(value.sameness) for value in self.values), default=0)
        return _ORDER[max(worst, 1 if self.has_same_samples is False else 0)]

    @property
    def is_same(self) -> bool:
        """Whether the job came out as it should: equal to rounding where the budget is repeatable, else within what
        values vary."""
        allowed: tuple[Sameness, ...] = ("identical", "rounding")
        return self.sameness in (allowed if self.is_repeatable else (*allowed, "within errors"))


def compare_records(then: Result, now: Result, spread: Mapping[str, float] | None = None) -> RecordChanges:
    """Compare a record with that of the same job run again.

    spread: the standard deviation of values over seeds, by metric, where it is known (`spread_over_seeds`).
    """
    checksums = [result.parts.get("samples.safetensors") for result in (then, now)]
    return RecordChanges(
        then,
        now,
        tuple(_value_changes(_values(then), _values(now), spread or {})),
        None if None in checksums else checksums[0] == checksums[1],
        tuple(_differences(then, now)),
    )


def spread_over_seeds(run: Run, job: Job) -> dict[str, float]:
    """The standard deviation of each metric over the other seeds of the job's row; empty with fewer than three."""

    def row(each: Job) -> Job:
        return msgspec.structs.replace(each, seed=0)

    results = [run.result(other) for other in run.plan.jobs if row(other) == row(job)]
    found: dict[str, list[float]] = {}
    for result in results:
        for metric in result.metrics if result is not None else ():
            if metric.value is not None:
                found.setdefault(metric.name, []).append(metric.value)
    return {name: statistics.stdev(values) for name, values in found.items() if len(values) >= _MIN_SEEDS}


# ---- values


def _values(result: Result) -> dict[str, MetricValue]:
    """Those of the test split, then those of the checkpoints on the validation split, by name."""
    found = {metric.name: metric for metric in reversed(result.metrics)}
    for number, point in enumerate(result.curve, 1):
        found |= {f"{metric.name} at checkpoint {number}": metric for metric in point.metrics}
    return found


def _value_changes(
    then: Mapping[str, MetricValue], now: Mapping[str, MetricValue], spread: Mapping[str, float]
) -> Iterator[ValueChange]:
    names = list(dict.fromkeys([*then, *now]))
    limit = statistics.NormalDist().inv_cdf(1 - _FALSE_ALARMS / (2 * max(1, len(names))))
    for name in names:
        first, second = then.get(name), now.get(name)
        errors = _in_errors(first, second, spread.get(name, 0.0))
        yield ValueChange(name, first, second, _sameness(first, second, errors, limit), errors)


def _sameness(
    first: MetricValue | None, second: MetricValue | None, errors: float | None, limit: float
) -> Sameness:
    if first is None or second is None:
        return "different"
    a, b = first.value, second.value
    if a is None or b is None:
        return "identical" if a is b else "different"
    if a == b:
        return "identical"
    if math.isclose(a, b, rel_tol=ROUNDING):
        return "rounding"
    return "within errors" if errors is not None and errors <= limit else "different"


def _in_errors(first: MetricValue | None, second: MetricValue | None, spread: float) -> float | None:
    """The difference in standard errors: those of the samples of both, and the spread over seeds of both."""
    if first is None or second is None or first.value is None or second.value is None:
        return None
    stderrs = [metric.stderr for metric in (first, second) if metric.stderr is not None]
    error = math.hypot(*stderrs, math.sqrt(2) * spread)
    if len(stderrs) < 2 and not spread:
        return None
    difference = abs(first.value - second.value)
    return difference / error if error > 0 else math.inf if difference else 0.0


# ---- what is around them


def _differences(then: Result, now: Result) -> Iterator[Difference]:
    for field in Job.__struct_fields__:
        first, second = getattr(then.job, field), getattr(now.job, field)
        if first != second:
            yield Difference(field.replace("_", " "), str(first), str(second))
    yield from _metric_versions(then.metrics, now.metrics)
    before, after = (_surroundings(result.provenance) for result in (then, now))
    for what in dict.fromkeys([*before, *after]):
        first, second = before.get(what, NOT_RECORDED), after.get(what, NOT_RECORDED)
        if first != second:
            yield Difference(what, first, second)


def _metric_versions(then: Sequence[MetricValue], now: Sequence[MetricValue]) -> Iterator[Difference]:
    before = {metric.name: metric.version for metric in then}
    for metric in now:
        version = before.get(metric.name)
        if version is not None and metric.version is not None and version != metric.version:
            yield Difference(f"version of the metric {metric.name}", version, metric.version)


def _surroundings(provenance: Mapping[str, Any]) -> dict[str, str]:
    """Code, packages and machine in words. Records may lack any of these, or hold something else."""
    found: dict[str, str] = {}
    git = provenance.get("git")
    if isinstance(git, Mapping) and git.get("commit"):
        changed = " with uncommitted changes" if git.get("dirty") else ""
        found["commit of genbench"] = f"{str(git['commit'])[:10]}{changed}"
    if provenance.get("python"):
        found["Python"] = str(provenance["python"])
    packages = provenance.get("packages")
    if isinstance(packages, Mapping):
        found |= {f"package {name}": str(version) for name, version in packages.items() if version}
    for name, what in (("platform", "system"), ("cpu", "processor"), ("cores", "cores")):
        if provenance.get(name):
            found[what] = str(provenance[name])
    if isinstance(memory := provenance.get("memory_bytes"), int):
        found["memory"] = f"{memory / 2**30:.1f} GiB"
    gpu = provenance.get("gpu")
    if isinstance(gpu, Mapping):
        found["GPU"] = f"{gpu.get('name')}, driver {gpu.get('driver')}"
    elif "gpu" in provenance:
        found["GPU"] = "none"
    if provenance.get("workers"):
        found["workers at once"] = str(provenance["workers"])
    return found
