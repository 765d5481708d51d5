"""How fast a model samples: latency one at a time, and throughput in bulk.

Both are taken after a warm-up, and wait for the device before the clock is read.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

LATENCY_REPEATS = 20
LATENCY_SECONDS = 0.5


def synchronised_clock(device: torch.device) -> float:
    """Seconds, after everything queued on the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def sample_latency_seconds(sample_one: Callable[[], Tensor], device: torch.device) -> float:
    """Median seconds of a call after one warm-up: 20 calls, or as many as fit in half a second (at least one)."""
    sample_one()
    durations: list[float] = []
    while len(durations) < LATENCY_REPEATS and sum(durations) < LATENCY_SECONDS:
        began = synchronised_clock(device)
        sample_one()
        durations.append(synchronised_clock(device) - began)
    return statistics.median(durations)
