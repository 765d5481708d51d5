"""The energy that a piece of work took, from the counters of the hardware.

    a GPU   NVML's total energy counter: the whole GPU, its idle power included
    a CPU   RAPL through Linux's powercap (/sys/class/powercap): the whole processor package and, if it is
            metered, its memory; idle power and all other programs included

Neither counter distinguishes processes. If several workers share the hardware, the energy of one job is unknown, and
none is reported. Since 2020 most systems allow only root to read RAPL (CVE-2020-8694).
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
_READ_INTERVAL_SECONDS = 20.0
"""How often a running meter reads its counter. RAPL wraps around after some minutes at full power."""
_MIN_PERIODS = 20
"""The shortest measurement, in periods in which the hardware updates its counter."""


@runtime_checkable
class EnergyCounter(Protocol):
    """A counter of energy that only grows."""

    source: str
    """What the counter is, and what it includes."""
    period_seconds: float
    """The time between two updates of the counter by the hardware."""

    def joules(self) -> float:
        """The energy since a fixed moment in the past. Raises CountersUnavailable."""


class GpuEnergy:
    """NVML's counter of one GPU. Raises CountersUnavailable if the GPU has none."""

    source = "NVML: the whole GPU, idle power included"
    period_seconds = 0.1

    def __init__(self, gpu: GpuCounters) -> None:
        self._gpu = gpu
        gpu.energy_joules()  # raises now if there is no counter, as on GPUs older than Volta

    def joules(self) -> float:
        return self._gpu.energy_joules()


@dataclass
class _Zone:
    """One powercap zone."""

    name: str
    """The part of the hardware, as in "package-0"."""
    counter: Path
    """The file that holds the counter."""
    range_microjoules: int
    """The value at which the counter starts at 0 again."""
    last: int
    """The latest reading, in microjoules."""
    total: int = 0
    """Microjoules since the first reading, across restarts of the counter."""

    def read(self) -> int:
        now = _number(self.counter)
        self.total += now - self.last if now >= self.last else now - self.last + self.range_microjoules
        self.last = now
        return self.total


class PackageEnergy:
    """The sum of RAPL's counters of processor packages and their memory. root: the powercap folder.

    The zone "psys" is not added, because it includes the packages; nor are the cores, which the packages include.
    Raises CountersUnavailable if there are no counters or they may not be read.
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
    """The folders of the packages and of their memory. "intel-rapl" is the name of the driver on AMD processors too;
    "intel-rapl-mmio" lists the packages a second time."""
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
    """The counter for work on `device`. gpu: the counters of the GPU, if it is one. workers: how many share the device.

    Raises CountersUnavailable with the reason if the energy cannot be measured.
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
            f"the counter is that of the whole {what}, which {workers} workers shared; --jobs 1 measures one job"
        )
    return counter


class EnergyMeter:
    """Adds up the energy between `start` and `stop`, which may be called any number of times.

    counter: None if there is none; then `problem` is the reason. clock: seconds, read after all work on the device is
    done.
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
        """Call this at least once per minute, so that no restart of the counter is missed."""
        if self._running and self._clock() - self._last_seconds >= _READ_INTERVAL_SECONDS:
            self._read()

    def stop(self) -> None:
        """Does nothing if the meter is not running."""
        if self._running:
            self._read()
            self._running = False

    def joules(self) -> float:
        """The energy so far. Raises CountersUnavailable with the reason if it is not known."""
        if self._counter is None or self._problem is not None:
            raise CountersUnavailable(self._problem or "there is no counter")
        min_seconds = _MIN_PERIODS * self._counter.period_seconds
        if self._seconds < min_seconds:
            raise CountersUnavailable(
                f"{self._seconds:.2g} s is too short for the counter, which needs {min_seconds:g} s"
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
