"""How fast a model samples: latency one at a time, and throughput at the batch that suits it best.

Every clock waits for the device before it is read. What takes too long is cut short, and the record says how
many calls a figure is from.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from genbench.measure.memory import PeakMemory
from genbench.records.result import ThroughputPoint

LATENCY_REPEATS = 100
# A 95th percentile of fewer calls than this is no more than the slowest of them.
P95_REPEATS = 20
_THROUGHPUT_REPEATS = (3, 50)
# Calls of one batch are repeated until this much time was measured.
_THROUGHPUT_SECONDS = 0.03
# A batch that is not better by this factor is no better.
_IMPROVEMENT = 1.02


def synchronised_clock(device: torch.device) -> float:
    """Seconds, after everything queued on the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def timed_calls(
    call: Callable[[], object], device: torch.device, *, least: int, most: int, seconds: float
) -> list[float]:
    """Seconds of each of `least` calls, and of more while they took less than `seconds` together."""
    durations: list[float] = []
    began = synchronised_clock(device)
    while len(durations) < least or (len(durations) < most and sum(durations) < seconds):
        call()
        ended = synchronised_clock(device)
        durations.append(ended - began)
        began = ended
    return durations


@dataclass(frozen=True)
class Latency:
    """Seconds of a call. p95: None where `repeats` are too few to say."""

    p50_seconds: float
    p95_seconds: float | None
    repeats: int

    @classmethod
    def of(cls, durations: list[float]) -> Latency:
        ordered, count = sorted(durations), len(durations)
        p95 = ordered[math.ceil(0.95 * count) - 1] if count >= P95_REPEATS else None
        return cls(statistics.median(ordered), p95, count)


def sample_latency(sample_one: Callable[[], Tensor], device: torch.device, seconds: float) -> Latency:
    """After one call that does not count: 100 calls, or as many as fit in `seconds` (at least one). A first call
    that takes all of `seconds` is the only one, and counts."""
    first = timed_calls(sample_one, device, least=1, most=1, seconds=0.0)
    if first[0] >= seconds:
        return Latency.of(first)
    return Latency.of(timed_calls(sample_one, device, least=1, most=LATENCY_REPEATS, seconds=seconds))


@dataclass
class ThroughputSearch:
    """Climbs over powers of two from `start` towards the batch with the most samples a second.

    Upwards first; downwards where that brings nothing. It ends where two batches running are no better, at
    `largest`, when its time is used up, or when the next batch might not fit in memory.

    sample: draws a batch. limit_bytes: what the process may hold above its baseline.
    points: what was measured, in that order. note: what ended the search.
    """

    sample: Callable[[int], Tensor]
    device: torch.device
    memory: PeakMemory
    limit_bytes: int
    start: int
    largest: int
    seconds: float
    points: list[ThroughputPoint] = field(default_factory=list)
    note: str = ""
    _deadline: float = 0.0
    _call_seconds: float = 0.0
    _call_bytes: int = 0

    def run(self, call_seconds: float) -> None:
        """call_seconds: about what a call of the batch `start` takes."""
        self._deadline = synchronised_clock(self.device) + self.seconds
        self._call_seconds = call_seconds
        if self._fits(self.start, 1.0) and self._measure(self.start):
            self._climb(2.0)
            if self.best.batch == self.start:
                first = next(point for point in self.points if point.batch == self.start)
                self._call_seconds = first.batch / first.samples_per_second
                self._climb(0.5)

    @property
    def best(self) -> ThroughputPoint:
        return max(self.points, key=lambda point: point.samples_per_second)

    def _climb(self, factor: float) -> None:
        batch, worse = self.start, 0
        while worse < 2:
            batch = int(batch * factor)
            if batch < 1:
                return
            if batch > self.largest:
                self.note = f"the largest batch that is asked for is {self.largest}"
                return
            best = self.best.samples_per_second
            if not (self._fits(batch, factor) and self._measure(batch)):
                return
            worse = 0 if self.points[-1].samples_per_second > _IMPROVEMENT * best else worse + 1

    def _fits(self, batch: int, factor: float) -> bool:
        """Whether a call that does not count and one that does can be had. A call grows at most by `factor`."""
        left = self._deadline - synchronised_clock(self.device)
        if 2 * factor * self._call_seconds > left:
            self.note = f"{self.seconds:.2g} s were too short to try {batch}"
            return False
        # twice over, for a model that grows faster than its batch
        if 2 * factor * self._call_bytes > self.memory.free_bytes(self.limit_bytes):
            self.note = f"{batch} might not have fitted in memory"
            return False
        return True

    def _measure(self, batch: int) -> bool:
        """False where a call failed: the samples that count were drawn before, so it costs no more than this."""
        least, most = _THROUGHPUT_REPEATS
        self.memory.reset()
        held = _bytes(self.memory)
        try:
            (warm_up,) = timed_calls(lambda: self.sample(batch), self.device, least=1, most=1, seconds=0.0)
            left = self._deadline - synchronised_clock(self.device)
            durations = timed_calls(
                lambda: self.sample(batch),
                self.device,
                least=least if least * warm_up < left else 1,
                most=most,
                seconds=min(_THROUGHPUT_SECONDS, left),
            )
        except Exception as error:  # of a plugin, or for want of memory
            self.note = f"{type(error).__name__} at {batch}"
            return False
        self._call_seconds = statistics.median(durations)
        self._call_bytes = _bytes(self.memory) - held
        self.points.append(
            ThroughputPoint(
                batch=batch, repeats=len(durations), samples_per_second=batch / self._call_seconds
            )
        )
        return True


def _bytes(memory: PeakMemory) -> int:
    peak = memory.peak()
    return peak.rss_bytes if peak.cuda_reserved_bytes is None else peak.cuda_reserved_bytes
