"""What may not be compared, and why: other data, other compute, other hardware, another kind of figure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from genbench_reports.gate.baseline import Baseline, Figure, Group, Machine

MOST_UNLIKE = 1.5
"""Probes further apart than this are of machines so unlike that one factor does not bring their times together."""
MOST_DISTURBED = 0.3
"""Cores. Where other processes kept more of those busy that the workers need, times are the neighbours' doing."""
_DATA = ("protocol", "dataset_version", "samples", "budget")
_PACKAGES = ("torch", "numpy", "scipy", "torchmetrics", "scikit-learn")


@dataclass(frozen=True)
class Pairing:
    """A group of the baseline and its current one. The reasons are None where nothing speaks against comparing.

    all_figures: why nothing can be compared. times, memory: why those cannot.
    deterministic: the same seeds give the same figures, to rounding, unless the code changed.
    speed: by how much the current machine is faster than the baseline's (probe over probe); 1 where unknown.
    """

    baseline: Group
    current: Group
    all_figures: str | None
    times: str | None
    memory: str | None
    deterministic: bool
    speed: float

    def refusal(self, one: Figure, other: Figure) -> str | None:
        """Why this figure cannot be compared."""
        if self.all_figures is not None:
            return self.all_figures
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
        if one.kind is not None and one.kind.startswith("AIS"):
            return _differences(self.baseline, self.current, ("ais_examples", "ais_chains", "ais_steps"))
        return None


def pair(baseline: Baseline, one: Group, current: Baseline, other: Group) -> Pairing:
    """What may be compared of two groups of the same name."""
    before, now = _machines(baseline, one), _machines(current, other)
    hardware = _hardware(before, now, one, other)
    timed = one.job.training_budget.seconds is not None
    everything = _differences(one, other, _DATA)
    if everything is None and timed and hardware is not None:
        everything = f"trained for seconds, and {hardware}"
    probes = _probe(before), _probe(now)
    times = hardware or _probe_refusal(before, now, probes) or _disturbed(before, now, one.job.threads)
    speed = 1.0 if times or probes[0] is None or probes[1] is None else probes[0] / probes[1]
    # a GPU adds up in another order every time
    deterministic = (
        hardware is None
        and not timed
        and one.job.device == other.job.device == "cpu"
        and _software(before) == _software(now)
        and len(_software(before)) == 1
    )
    memory = _differences(one, other, ("device", "threads"))
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
    """Those where jobs of the group went well. Places that do not exist are of a file that somebody edited."""
    places = sorted({state.machine for state in group.jobs if state.status == "ok"})
    return [side.machines[place] for place in places if 0 <= place < len(side.machines)]


def _hardware(before: list[Machine], now: list[Machine], one: Group, other: Group) -> str | None:
    if (unlike := _differences(one, other, ("device", "threads"))) is not None:
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
    """Cores that nobody needs may be busy. What was never looked at is taken to be quiet."""
    for side, name in ((before, "the baseline"), (now, "the current run")):
        for machine in side:
            spare = max(0, (machine.cores or 0) - (machine.workers or 1) * threads)
            if machine.others_cores is not None and machine.others_cores - spare > MOST_DISTURBED:
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
    if not 1 / MOST_UNLIKE <= factor <= MOST_UNLIKE:
        slower = f"{factor:.2g} times slower" if factor > 1 else f"{1 / factor:.2g} times faster"
        return f"the machine ran its probe {slower} than the baseline's"
    return None
