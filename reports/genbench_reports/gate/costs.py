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
    """A cost that the gate and the history compare."""

    name: str
    """Field of `Cost`."""
    unit: str
    """Its unit."""
    better: Better
    """The better direction."""
    group: CostGroup
    """Speed is measured by a clock and memory by the system; costs of the group "cost" are counted and have no
    noise."""
    read: Callable[[Cost], float | None]
    """The value of a job, or None."""


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
