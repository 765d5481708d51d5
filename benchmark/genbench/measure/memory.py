"""Peak memory of a phase: resident memory of this process, and a GPU's allocated and reserved memory.

The kernel keeps the high-water mark of resident memory (VmHWM), so no allocation is missed between two
looks; writing 5 to /proc/self/clear_refs starts it anew for each phase (man 5 proc). Where that is not to
be had, the mark of the process's whole life is used (getrusage), which can only be too high.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class MemoryPeak:
    """Bytes. rss_bytes: above the baseline. cuda: None without a GPU."""

    rss_bytes: int
    cuda_allocated_bytes: int | None = None
    cuda_reserved_bytes: int | None = None


class PeakMemory:
    """Watches one phase: make it when the baseline is reached, `reset` at a phase's start, `peak` at its end."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        _return_free_memory()
        self.baseline_bytes = psutil.Process().memory_info().rss
        self.reset()

    def reset(self) -> None:
        """Begin a phase: what came before does not count, but what is still held does."""
        _return_free_memory()
        with contextlib.suppress(OSError):
            _CLEAR_REFS.write_text("5")
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)

    def peak(self) -> MemoryPeak:
        """The highest since `reset`."""
        rss = max(0, _high_water_mark_bytes() - self.baseline_bytes)
        if self.device.type != "cuda":
            return MemoryPeak(rss)
        return MemoryPeak(
            rss,
            torch.cuda.max_memory_allocated(self.device),
            torch.cuda.max_memory_reserved(self.device),
        )


def larger(a: MemoryPeak | None, b: MemoryPeak) -> MemoryPeak:
    """The peak of two stretches of one phase."""
    if a is None:
        return b

    def largest(x: int | None, y: int | None) -> int | None:
        return y if x is None else x if y is None else max(x, y)

    return MemoryPeak(
        max(a.rss_bytes, b.rss_bytes),
        largest(a.cuda_allocated_bytes, b.cuda_allocated_bytes),
        largest(a.cuda_reserved_bytes, b.cuda_reserved_bytes),
    )


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
