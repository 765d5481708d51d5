"""What must not be compared, and why: other data, other compute, other hardware, another kind of value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from genbench_reports.gate.baseline import Baseline, Group, Machine, StoredValue

MAX_PROBE_RATIO = 1.5
"""Ratio of two probes. Machines whose probes differ by more are so different that one factor does not convert their
times."""
MAX_OTHERS_CORES = 0.3
"""Where other processes kept more than this many of the cores busy that the workers need, times are not compared."""
_DATA = ("protocol", "dataset_version", "samples", "ranking", "budget")
_RESOURCES = ("device", "threads", "gpus")
_PACKAGES = ("torch", "numpy", "scipy", "torchmetrics", "scikit-learn")


@dataclass(frozen=True)
class Pairing:
    """A group of the baseline with its current counterpart, and what must not be compared of the two."""

    baseline: Group
    """The group in the baseline."""
    current: Group
    """The group in the current run."""
    everything: str | None
    """Why nothing can be compared; None where something can."""
    times: str | None
    """Why times cannot be compared; None where they can."""
    memory: str | None
    """Why memory cannot be compared; None where it can."""
    deterministic: bool
    """Equal seeds give values that are equal to rounding, unless the code changed."""
    speed: float
    """By which factor the current machine is faster than the baseline's, by their probes; 1 where that is unknown."""

    def refusal(self, one: StoredValue, other: StoredValue) -> str | None:
        """Why the two values cannot be compared; None where they can."""
        if self.everything is not None:
            return self.everything
        if one.group in ("speed", "memory"):
            return self.times if one.group == "speed" else self.memory
        for what, before, now in (
            ("kind", one.kind, other.kind),
            ("extractor", one.extractor, other.extractor),
            ("N", one.n, other.n),
            ("unit", one.unit, other.unit),
            ("direction", one.better, other.better),
        ):
            if before != now:
                return f"{what} {before} in the baseline, {now} now"
        if None not in (one.version, other.version) and one.version != other.version:
            return "the metric changed"
        if one.kind is not None and one.kind.startswith("AIS"):
            return _differences(self.baseline, self.current, ("ais_examples", "ais_chains", "ais_steps"))
        return None


def pair(baseline: Baseline, one: Group, current: Baseline, other: Group) -> Pairing:
    """What can be compared in two groups that have equal names."""
    before, now = _machines(baseline, one), _machines(current, other)
    hardware = _hardware(before, now, one, other)
    timed = not one.job.training_budget.is_repeatable
    everything = _differences(one, other, _DATA)
    if everything is None and timed and hardware is not None:
        everything = f"trained for seconds, and {hardware}"
    probes = _probe(before), _probe(now)
    times = hardware or _probe_refusal(before, now, probes) or _disturbed(before, now, one.job.threads)
    speed = 1.0 if times or probes[0] is None or probes[1] is None else probes[0] / probes[1]
    # a GPU adds numbers in a different order each time
    deterministic = (
        hardware is None
        and not timed
        and one.job.device == other.job.device == "cpu"
        and _software(before) == _software(now)
        and len(_software(before)) == 1
    )
    memory = _differences(one, other, _RESOURCES)
    if memory is None and {m.gpu for m in before} != {m.gpu for m in now}:
        memory = "another GPU"
    return Pairing(one, other, everything, times, memory, deterministic, speed)


def _differences(one: Group, other: Group, fields: Iterable[str]) -> str | None:
    unlike = [
        f"{field.replace('_', ' ')} {getattr(one.job, field)} in the baseline, {getattr(other.job, field)} now"
        for field in fields
        if getattr(one.job, field) != getattr(other.job, field)
    ]
    return "; ".join(unlike) or None


def _machines(side: Baseline, group: Group) -> list[Machine]:
    """The machines where jobs of the group finished. Indices that do not exist come from a file that was edited."""
    places = sorted({state.machine for state in group.jobs if state.status == "ok"})
    return [side.machines[place] for place in places if 0 <= place < len(side.machines)]


def _hardware(before: list[Machine], now: list[Machine], one: Group, other: Group) -> str | None:
    if (unlike := _differences(one, other, _RESOURCES)) is not None:
        return unlike
    hardware = [sorted({_hardware_text(machine) for machine in side}) for side in (before, now)]
    if hardware[0] == hardware[1] and len(hardware[0]) == 1 and None not in (before[0].cpu, now[0].cpu):
        return None
    words = [" and ".join(side) or "unknown" for side in hardware]
    return f"hardware {words[0]} in the baseline, {words[1]} now"


def _hardware_text(machine: Machine) -> str:
    cpu, cores, gpu, workers = machine.hardware
    parts = [str(cpu or "unknown CPU"), f"{cores} cores", f"{workers} workers"]
    return ", ".join([*parts, str(gpu)] if gpu else parts)


def _software(machines: list[Machine]) -> set[tuple[object, ...]]:
    return {(m.python, *(m.packages.get(name) for name in _PACKAGES)) for m in machines}


def _probe(machines: list[Machine]) -> float | None:
    known = [m.probe_seconds for m in machines if m.probe_seconds]
    return min(known) if known and len(known) == len(machines) else None


def _disturbed(before: list[Machine], now: list[Machine], threads: int) -> str | None:
    """Cores that the workers do not need may be busy. A machine that was not observed counts as idle."""
    for side, name in ((before, "the baseline"), (now, "the current run")):
        for machine in side:
            spare = max(0, (machine.cores or 0) - (machine.workers or 1) * threads)
            if machine.others_cores is not None and machine.others_cores - spare > MAX_OTHERS_CORES:
                return f"other processes kept {machine.others_cores:.1f} of {machine.cores} cores busy around {name}"
    return None


def _probe_refusal(
    before: list[Machine], now: list[Machine], probes: tuple[float | None, float | None]
) -> str | None:
    for side, name in zip(probes, ("the baseline", "the current run"), strict=True):
        if side is None:
            return f"{name} has no probe of its machine's speed"
    if {m.probe_version for m in before} != {m.probe_version for m in now}:
        return "the probes of the machines are of different versions"
    assert probes[0] is not None
    assert probes[1] is not None
    factor = probes[1] / probes[0]
    if not 1 / MAX_PROBE_RATIO <= factor <= MAX_PROBE_RATIO:
        slower = f"{factor:.2g} times slower" if factor > 1 else f"{1 / factor:.2g} times faster"
        return f"the machine ran its probe {slower} than the baseline's"
    return None
