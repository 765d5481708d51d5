"""Peak memory of a phase: of this process and, on a GPU, of torch's allocator, of the process, and of the device.

No peak is sampled, so no short one is missed:
    rss                 the kernel's own high-water mark (VmHWM); writing 5 to /proc/self/clear_refs resets it for each
                        phase (man 5 proc). It may lag by some tens of pages per core, which the kernel counts
                        separately. On systems without it, the mark of the process's whole life is used (getrusage),
                        which can only be too high. It includes the pages of library code that the phase is the first
                        to run: for a first operation 1.4 MiB with torch's CPU build, 7 MiB with its CUDA build.
    allocated, reserved torch's own marks
    process, device     NVML has no marks, only present values, to which the difference between the highest and the
                        present reserved memory of torch is added
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import torch

from genbench.measure.nvidia import CountersUnavailable, GpuCounters, GpuProcesses

_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class MemoryPeak:
    """Peaks in bytes above the baseline. Those of the GPU are None without one."""

    rss_bytes: int
    """Resident memory of this process."""
    cuda_allocated_bytes: int | None = None
    """GPU memory that torch had allocated."""
    cuda_reserved_bytes: int | None = None
    """GPU memory that torch had reserved."""
    device_bytes: int | None = None
    """GPU memory of all processes on the device; None without NVML."""
    process_device_bytes: int | None = None
    """GPU memory of this process; None without NVML."""
    reserved_bytes_by_gpu: dict[str, int] = field(default_factory=dict)
    """GPU memory that torch had reserved on each GPU that this process sees, by its UUID."""


class PeakMemory:
    """The peak memory of a phase. Make it when the baseline is reached; call `reset` when a phase starts and `peak`
    when it ends.

    gpu, processes: NVML's counters of the device; None without NVML.
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
        """Start a phase. Memory that is still in use counts for it; earlier peaks do not."""
        self._give_back()
        with contextlib.suppress(OSError):
            _CLEAR_REFS.write_text("5")
        if self.device.type == "cuda":
            for place in range(torch.cuda.device_count()):
                torch.cuda.reset_peak_memory_stats(place)

    def peak(self) -> MemoryPeak:
        """The peaks since `reset`."""
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
            {
                _uuid(place): torch.cuda.max_memory_reserved(place)
                for place in range(torch.cuda.device_count())
            },
        )

    def free_bytes(self, limit_bytes: int) -> int:
        """The memory that may still be used: within `limit_bytes` above the baseline, and of what the system has
        free."""
        if self.device.type == "cuda":
            return int(torch.cuda.mem_get_info(self.device)[0])
        held = psutil.Process().memory_info().rss - self.baseline_bytes
        return min(limit_bytes - held, psutil.virtual_memory().available)

    def _give_back(self) -> None:
        _return_free_memory()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _held_on_device(self) -> tuple[int | None, int | None]:
        """Bytes in use on the (device, by this process), from NVML."""
        if self._gpu is None:
            return None, None
        try:
            device: int | None = self._gpu.used_bytes()
        except CountersUnavailable:
            device = None
        return device, self._processes.own_bytes() if self._processes else None


def larger(a: MemoryPeak | None, b: MemoryPeak) -> MemoryPeak:
    """The peak of a phase that was paused, from the peaks of its two parts."""
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
        reserved_bytes_by_gpu=larger_by_gpu(a.reserved_bytes_by_gpu, b.reserved_bytes_by_gpu),
    )


def larger_by_gpu(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    """The larger of two peaks on each GPU."""
    return {gpu: max(a.get(gpu, 0), b.get(gpu, 0)) for gpu in {**a, **b}}


def _uuid(place: int) -> str:
    """As NVML writes it, without its prefix; the place of the GPU where torch does not tell it."""
    return str(getattr(torch.cuda.get_device_properties(place), "uuid", place))


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
    """Give freed heap back to the system, so that it does not count for the next phase."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
