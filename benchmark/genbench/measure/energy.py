"""Energy that a stretch of work took, from the hardware's own counters.

    a GPU   NVML's total energy counter: the whole GPU, its idle power included
    a CPU   RAPL through Linux's powercap (/sys/class/powercap): the whole processor package and, where it is
            metered, its memory; idle power and every other program included

Neither knows processes, so where workers run side by side there is no figure of one job, and none is made up.
Since 2020 most systems let only root read RAPL (CVE-2020-8694).
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch

from genbench.measure.nvidia import CountersUnavailable, GpuCounters

POWERCAP = Path("/sys/class/powercap")
# RAPL wraps after some minutes at full power; a look this often misses none.
_LOOK_SECONDS = 20.0
# A stretch must be this many times as long as the counter's own period, for its edges not to matter.
_PERIODS = 20


@runtime_checkable
class EnergyCounter(Protocol):
    """A counter that only grows. source: what it is and what it includes. period_seconds: how often the
    hardware brings it up to date."""

    source: str
    period_seconds: float

    def joules(self) -> float:
        """Since some moment in the past. Raises CountersUnavailable."""


class GpuEnergy:
    """NVML's counter."""

    source = "NVML: the whole GPU, idle power included"
    period_seconds = 0.1

    def __init__(self, gpu: GpuCounters) -> None:
        self._gpu = gpu
        gpu.energy_joules()  # a GPU older than Volta has no counter: say so now

    def joules(self) -> float:
        return self._gpu.energy_joules()


@dataclass
class _Zone:
    """One powercap zone. total: microjoules since the first reading, wraps made good."""

    name: str
    counter: Path
    range_microjoules: int
    last: int
    total: int = 0

    def read(self) -> int:
        now = _number(self.counter)
        self.total += now - self.last if now >= self.last else now - self.last + self.range_microjoules
        self.last = now
        return self.total


class PackageEnergy:
    """RAPL's packages and their memory, added up. root: the powercap folder.

    "psys" is left out, which holds the packages, and so are a package's cores, which it holds.
    Raises CountersUnavailable where there are none or they may not be read.
    """

    period_seconds = 0.001

    def __init__(self, root: Path = POWERCAP) -> None:
        self._zones = [_open_zone(folder) for folder in _counted_folders(root)]
        if not self._zones:
            raise CountersUnavailable(f"this machine has no RAPL counters ({root})")
        names = ", ".join(zone.name for zone in self._zones)
        self.source = f"RAPL: {names}; the whole processor, idle power and other programs included"

    def joules(self) -> float:
        return sum(zone.read() for zone in self._zones) / 1e6


def _counted_folders(root: Path) -> list[Path]:
    """Packages, and what of each is metered beside it. "intel-rapl" is the driver's name on AMD too;
    "intel-rapl-mmio" shows the same packages a second time."""
    zones = sorted(root.glob("intel-rapl:*"))
    packages = [zone for zone in zones if zone.name.count(":") == 1 and _name(zone).startswith("package")]
    memories = [
        zone
        for package in packages
        for zone in zones
        if zone.name.startswith(f"{package.name}:") and _name(zone) == "dram"
    ]
    return packages + memories


def _name(folder: Path) -> str:
    try:
        return (folder / "name").read_text().strip()
    except OSError:
        return ""


def _open_zone(folder: Path) -> _Zone:
    counter = folder / "energy_uj"
    return _Zone(_name(folder), counter, _number(folder / "max_energy_range_uj"), _number(counter))


def _number(path: Path) -> int:
    try:
        return int(path.read_text())
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise CountersUnavailable("RAPL may not be read by this user") from None
        raise CountersUnavailable(f"RAPL cannot be read: {path}: {error.strerror}") from None
    except ValueError as error:
        raise CountersUnavailable(f"RAPL cannot be read: {path}: {error}") from None


def energy_counter(
    device: torch.device, gpu: GpuCounters | None, workers: int, root: Path = POWERCAP
) -> EnergyCounter:
    """The counter for work on `device`. gpu: its counters, for a GPU. workers: how many share it.

    Raises CountersUnavailable, which says why there is none.
    """
    counter: EnergyCounter
    if gpu is not None:
        counter, what = GpuEnergy(gpu), "GPU"
    elif device.type == "cpu":
        counter, what = PackageEnergy(root), "processor"
    else:
        raise CountersUnavailable(f"the energy of {device.type} cannot be read")
    if workers > 1:
        raise CountersUnavailable(
            f"the counter is the whole {what}'s, which {workers} workers shared; with --jobs 1 it is one job's"
        )
    return counter


class EnergyMeter:
    """Adds up the energy between `start` and `stop`, over any number of stretches.

    counter: None where there is none, and then `problem` says why. clock: seconds, after all work is done.
    """

    def __init__(
        self, counter: EnergyCounter | None, clock: Callable[[], float], problem: str | None = None
    ) -> None:
        self._counter = counter
        self._clock = clock
        self._problem = problem
        self._running = False
        self._joules = self._seconds = 0.0
        self._last_joules = self._last_seconds = 0.0

    def start(self) -> None:
        self._read()
        self._running = self._problem is None

    def look(self) -> None:
        """Call this at least once a minute, so that a counter that wraps is not missed."""
        if self._running and self._clock() - self._last_seconds >= _LOOK_SECONDS:
            self._read()

    def stop(self) -> None:
        """Without a `start` it does nothing."""
        if self._running:
            self._read()
            self._running = False

    def joules(self) -> float:
        """In all stretches. Raises CountersUnavailable, which says why it is not known."""
        if self._counter is None or self._problem is not None:
            raise CountersUnavailable(self._problem or "there is no counter")
        least = _PERIODS * self._counter.period_seconds
        if self._seconds < least:
            raise CountersUnavailable(
                f"{self._seconds:.2g} s is too short for the counter, which needs {least:g} s"
            )
        return self._joules

    def _read(self) -> None:
        if self._counter is None:
            return
        now = self._clock()
        try:
            joules = self._counter.joules()
        except CountersUnavailable as error:
            self._problem, self._running = str(error), False
            return
        if self._running:
            self._joules += joules - self._last_joules
            self._seconds += now - self._last_seconds
        self._last_joules, self._last_seconds = joules, now
