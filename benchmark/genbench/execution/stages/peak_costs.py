"""The peak memory of a phase under the names that `Cost` has for it."""

from __future__ import annotations

from typing import Literal

from genbench.measure.memory import MemoryPeak


def peak_costs(peak: MemoryPeak, phase: Literal["train", "sample"]) -> dict[str, int | None]:
    """Fields of `Cost`, in bytes."""
    return {
        f"{phase}_peak_rss_bytes": peak.rss_bytes,
        f"{phase}_peak_cuda_bytes": peak.cuda_allocated_bytes,
        f"{phase}_peak_cuda_reserved_bytes": peak.cuda_reserved_bytes,
        f"{phase}_peak_device_bytes": peak.device_bytes,
        f"{phase}_peak_process_device_bytes": peak.process_device_bytes,
    }
