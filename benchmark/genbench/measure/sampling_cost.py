"""Latency, throughput and FLOPs of sampling, measured after the samples that are scored are drawn and stored.

Each measurement may take a share of the sampling budget.
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

_LATENCY_SHARE, _THROUGHPUT_SHARE, _FLOPS_SHARE = 1 / 60, 1 / 30, 1 / 4
"""The shares of the sampling budget that the measurements may take."""
_COUNTING_SLOWDOWN = 10
"""How many times as long a call takes while FLOPs are counted, about."""
FLOPS_BATCH = 16
"""FLOPs are counted on one call for this many samples."""


@dataclass(frozen=True)
class Drawing:
    """How the samples that are scored were drawn."""

    count: int
    """How many samples were drawn."""
    batch: int
    """Samples per call."""
    seconds: float
    """The time of all calls."""

    @property
    def calls(self) -> int:
        """How many calls were made."""
        return -(-self.count // self.batch)

    @property
    def call_seconds(self) -> float:
        """The time of a call for a whole batch."""
        return self.seconds * self.batch / self.count


@dataclass(frozen=True)
class SamplingBench:
    """Measures what sampling costs."""

    sample: Callable[[int], Tensor]
    """Draws so many samples in one call."""
    device: torch.device
    """Where the model is."""
    memory: PeakMemory
    """The memory of the worker."""
    budget_seconds: float
    """The sampling budget, of which each measurement takes a share."""
    largest: int
    """The largest batch size to try."""
    limit_bytes: int
    """The memory above the baseline that may be used."""

    def latency(self) -> Latency:
        """The time of a call for one sample."""
        return sample_latency(lambda: self.sample(1), self.device, self.budget_seconds * _LATENCY_SHARE)

    def throughput(self, drawn: Drawing) -> ThroughputSearch:
        """Samples per second at several batch sizes: powers of two around the batch size of the samples that are
        scored."""
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
        """None if counting would take too long. call_seconds: about the time of a call for a few samples."""
        if _COUNTING_SLOWDOWN * call_seconds > self.budget_seconds * _FLOPS_SHARE:
            return None
        return flops_per_sample(self.sample)


def flops_per_sample(sample: Callable[[int], Tensor]) -> float | None:
    """Counted on one call for 16 samples. None if the model raises an exception while FLOPs are counted."""
    try:
        with flops_of() as flops:
            sample(FLOPS_BATCH)
    except Exception:  # raised by a plugin; it is in the log, and the job's samples are stored already
        traceback.print_exc()
        return None
    return flops[0] / FLOPS_BATCH
