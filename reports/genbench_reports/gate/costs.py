"""Which costs the gate and the history look at, and how each is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from genbench.api import Better
from genbench.records.result import Cost

CostGroup = Literal["speed", "memory", "cost"]


@dataclass(frozen=True)
class ComparedCost:
    """group: speed is measured by a clock, memory by the system; what `cost` holds is counted, and has no noise."""

    name: str
    unit: str
    better: Better
    group: CostGroup
    read: Callable[[Cost], float | None]


def _cost(name: str, unit: str, better: Better, group: CostGroup) -> ComparedCost:
    return ComparedCost(name, unit, better, group, lambda cost: getattr(cost, name))


COMPARED_COSTS = (
    _cost("train_examples_per_second", "1/s", "higher", "speed"),
    _cost("samples_per_second", "1/s", "higher", "speed"),
    _cost("sample_latency_seconds", "s", "lower", "speed"),
    _cost("train_peak_rss_bytes", "bytes", "lower", "memory"),
    _cost("sample_peak_rss_bytes", "bytes", "lower", "memory"),
    _cost("train_peak_cuda_bytes", "bytes", "lower", "memory"),
    _cost("sample_peak_cuda_bytes", "bytes", "lower", "memory"),
    _cost("flops_per_step", "FLOPs", "lower", "cost"),
    _cost("flops_per_sample", "FLOPs", "lower", "cost"),
    _cost("parameters", "parameters", "lower", "cost"),
)
