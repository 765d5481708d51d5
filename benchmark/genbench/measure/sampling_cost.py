"""What samples cost, beyond the drawing of those that are scored: latency, throughput, FLOPs.

All of it takes a share of the sampling budget, and comes after the samples that count are drawn and kept.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from genbench.api.flop_counter import flops_of
from genbench.measure.memory import PeakMemory
from genbench.measure.speed import Latency, ThroughputSearch, sample_latency
from genbench.records.result import ThroughputPoint

# Shares of the sampling budget.
_LATENCY_SHARE, _THROUGHPUT_SHARE, _FLOPS_SHARE = 1 / 60, 1 / 30, 1 / 4
# A call under the counter takes about this many times as long, and FLOPs are counted for so many samples.
_COUNTING_SLOWDOWN, FLOPS_BATCH = 10, 16


@dataclass(frozen=True)
class Drawing:
    """How the samples that are scored were drawn: so many, in calls of `batch`, in so many seconds."""

    count: int
    batch: int
    seconds: float

    @property
    def calls(self) -> int:
        return -(-self.count // self.batch)

    @property
    def call_seconds(self) -> float:
        return self.seconds * self.batch / self.count


@dataclass(frozen=True)
class SamplingBench:
    """sample: draws a batch. largest: batch that is asked for. limit_bytes: of memory above the baseline."""

    sample: Callable[[int], Tensor]
    device: torch.device
    memory: PeakMemory
    budget_seconds: float
    largest: int
    limit_bytes: int

    def latency(self) -> Latency:
        return sample_latency(lambda: self.sample(1), self.device, self.budget_seconds * _LATENCY_SHARE)

    def throughput(self, drawn: Drawing) -> ThroughputSearch:
        """Powers of two about the batch that was drawn; that one is a point of the search too."""
        search = ThroughputSearch(
            self.sample,
            self.device,
            self.memory,
            self.limit_bytes,
            start=2 ** (drawn.batch.bit_length() - 1),
            largest=self.largest,
            seconds=self.budget_seconds * _THROUGHPUT_SHARE,
        )
        search.run(drawn.call_seconds)
        if not search.points:
            search.points.append(
                ThroughputPoint(
                    batch=drawn.batch, repeats=drawn.calls, samples_per_second=drawn.count / drawn.seconds
                )
            )
        return search

    def flops_per_sample(self, call_seconds: float) -> float | None:
        """call_seconds: about what a call for a few samples takes. None where counting would take too long."""
        if _COUNTING_SLOWDOWN * call_seconds > self.budget_seconds * _FLOPS_SHARE:
            return None
        return flops_per_sample(self.sample)


def flops_per_sample(sample: Callable[[int], Tensor]) -> float | None:
    """Counted on one call for 16 samples. None where a model cannot be run under the counter."""
    try:
        with flops_of() as flops:
            sample(FLOPS_BATCH)
    except Exception:  # a plugin's: the log has it, and the job has its samples already
        traceback.print_exc()
        return None
    return flops[0] / FLOPS_BATCH
