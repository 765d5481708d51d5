"""Peak memory of a phase: of this process, and on a GPU of torch's allocator, the process, and the device.

No figure is sampled, so no short spike is missed:
    rss                 the kernel's own high-water mark (VmHWM); writing 5 to /proc/self/clear_refs starts it
                        anew for each phase (man 5 proc). It may lag by some tens of pages a core, which the
                        kernel counts apart. Where it is not to be had, the mark of the process's whole life is
                        used (getrusage), which can only be too high. It holds what is resident, and so besides
                        the data the pages of library code that the phase is the first to run: for a first
                        operation 1.4 MiB with torch's CPU build, 7 MiB with its CUDA build.
    allocated, reserved torch's own marks
    process, device     NVML has no marks, only the present; what torch has reserved at its highest beyond what
                        it holds at the look is added
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from genbench.measure.nvidia import CountersUnavailable, GpuCounters, GpuProcesses

_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class MemoryPeak:
    """Bytes above the baseline; None without a GPU, and the last two without NVML."""

    rss_bytes: int
    cuda_allocated_bytes: int | None = None
    cuda_reserved_bytes: int | None = None
    device_bytes: int | None = None
    process_device_bytes: int | None = None


class PeakMemory:
    """Watches one phase: make it when the baseline is reached, `reset` at a phase's start, `peak` at its end.

    gpu, processes: what NVML says of the device, where there is NVML.
    """

    def __init__(
        self,
        device: torch.device,
        gpu: GpuCounters | None = None,
        processes: GpuProcesses | None = None,
    ) -> None:
        self.device = device
        self._gpu = gpu
        self._processes = processes
        self._give_back()
        self.baseline_bytes = psutil.Process().memory_info().rss
        self._device_baseline, self._process_baseline = self._held_on_device()
        self.reset()

    def reset(self) -> None:
        """Begin a phase: what came before does not count, but what is still held does."""
        self._give_back()
        with contextlib.suppress(OSError):
            _CLEAR_REFS.write_text("5")
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)

    def peak(self) -> MemoryPeak:
        """The highest since `reset`."""
        rss = max(0, _high_water_mark_bytes() - self.baseline_bytes)
        if self.device.type != "cuda":
            return MemoryPeak(rss)
        reserved = torch.cuda.max_memory_reserved(self.device)
        given_back = reserved - torch.cuda.memory_reserved(self.device)
        device, process = self._held_on_device()
        return MemoryPeak(
            rss,
            torch.cuda.max_memory_allocated(self.device),
            reserved,
            _above(device, self._device_baseline, given_back),
            _above(process, self._process_baseline, given_back),
        )

    def free_bytes(self, limit_bytes: int) -> int:
        """What may still be taken of `limit_bytes` above the baseline, and of what the system has."""
        if self.device.type == "cuda":
            return int(torch.cuda.mem_get_info(self.device)[0])
        held = psutil.Process().memory_info().rss - self.baseline_bytes
        return min(limit_bytes - held, psutil.virtual_memory().available)

    def _give_back(self) -> None:
        _return_free_memory()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _held_on_device(self) -> tuple[int | None, int | None]:
        """(device, process), by NVML."""
        if self._gpu is None:
            return None, None
        try:
            device: int | None = self._gpu.used_bytes()
        except CountersUnavailable:
            device = None
        return device, self._processes.own_bytes() if self._processes else None


def larger(a: MemoryPeak | None, b: MemoryPeak) -> MemoryPeak:
    """The peak of two stretches of one phase."""
    if a is None:
        return b

    def largest(x: int | None, y: int | None) -> int | None:
        return y if x is None else x if y is None else max(x, y)

    return MemoryPeak(
        rss_bytes=max(a.rss_bytes, b.rss_bytes),
        cuda_allocated_bytes=largest(a.cuda_allocated_bytes, b.cuda_allocated_bytes),
        cuda_reserved_bytes=largest(a.cuda_reserved_bytes, b.cuda_reserved_bytes),
        device_bytes=largest(a.device_bytes, b.device_bytes),
        process_device_bytes=largest(a.process_device_bytes, b.process_device_bytes),
    )


def _above(now: int | None, baseline: int | None, given_back: int) -> int | None:
    return None if now is None or baseline is None else max(0, now + given_back - baseline)


def _high_water_mark_bytes() -> int:
    with contextlib.suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _return_free_memory() -> None:
    """Give freed heap back to the system, so that one phase's leftovers do not count for the next."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
