"""What is measured around the phases of one worker: memory, energy, and other processes on the device."""

from __future__ import annotations

import torch

from genbench.measure.energy import EnergyCounter, EnergyMeter, energy_counter
from genbench.measure.memory import MemoryPeak, PeakMemory, larger
from genbench.measure.nvidia import CountersUnavailable, GpuCounters, GpuProcesses, gpu_counters
from genbench.measure.speed import synchronised_clock


class Gauges:
    """The gauges of one worker. Make them when the baseline is reached and before this process has used the device.

    workers: how many run at once on this machine.
    """

    def __init__(self, device: torch.device, workers: int) -> None:
        self._device = device
        gpu: GpuCounters | None = None
        self._processes: GpuProcesses | None = None
        self._counter: EnergyCounter | None = None
        self._problem: str | None = None
        try:
            try:
                gpu = gpu_counters(device) if device.type == "cuda" else None
            finally:
                synchronised_clock(device)  # creates the GPU's context, which is a part of the baseline
            self._processes = None if gpu is None else GpuProcesses(gpu)
            self._counter = energy_counter(device, gpu, workers)
        except CountersUnavailable as error:
            self._problem = str(error)
        self.memory = PeakMemory(device, gpu, self._processes)
        """The memory of this process, and of the device."""

    def energy_meter(self) -> EnergyMeter:
        """A new meter, for one phase."""
        return EnergyMeter(self._counter, lambda: synchronised_clock(self._device), self._problem)

    def joules(self, meter: EnergyMeter) -> tuple[float | None, str | None]:
        """(joules, None), or (None, why they are not known)."""
        try:
            joules = meter.joules()
        except CountersUnavailable as error:
            return None, str(error)
        return (joules, None) if self.warning() is None else (None, "other processes used the GPU")

    @property
    def energy_source(self) -> str | None:
        """What the energy counter is; None without one."""
        return None if self._counter is None else self._counter.source

    def warning(self) -> str | None:
        """One line about other processes on the device so far; None if there were none."""
        if self._processes is None:
            return None
        self._processes.look()
        return self._processes.warning()


class PhaseGauges:
    """Peak memory and energy of one phase that may be paused: only what happens between `start` and `stop` counts."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges
        self._energy = gauges.energy_meter()
        self._peak: MemoryPeak | None = None

    def start(self) -> None:
        self._gauges.memory.reset()
        self._energy.start()

    def look(self) -> None:
        """Call this at least once a minute while the phase runs, so that an energy counter that wraps is not missed."""
        self._energy.look()

    def stop(self) -> None:
        self._energy.stop()
        self._peak = larger(self._peak, self._gauges.memory.peak())

    @property
    def peak(self) -> MemoryPeak:
        """The peak of all stretches so far. `stop` must have been called."""
        assert self._peak is not None
        return self._peak

    def joules(self) -> tuple[float | None, str | None]:
        """The energy of all stretches: (joules, None), or (None, why they are not known)."""
        return self._gauges.joules(self._energy)
