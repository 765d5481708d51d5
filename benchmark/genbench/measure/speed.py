"""How fast a model samples: the latency of one sample, and the throughput at the best batch size.

Clocks are read after the device has finished its work. Measurements that take too long are cut short, and the record
has the number of calls that were timed.
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

MAX_LATENCY_REPEATS = 100
"""The number of calls for one sample that are timed, if there is time."""
MIN_P95_REPEATS = 20
"""The 95th percentile of fewer calls than this is the slowest of them."""
_MIN_THROUGHPUT_REPEATS, _MAX_THROUGHPUT_REPEATS = 3, 50
_THROUGHPUT_SECONDS = 0.03
"""Calls at one batch size are repeated until they took this long together."""
_MIN_IMPROVEMENT = 1.02
"""A batch size counts as better if it gives this many times as many samples per second."""


def synchronised_clock(device: torch.device) -> float:
    """Seconds, read after the device has finished all queued work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def timed_calls(
    call: Callable[[], object], device: torch.device, *, min_calls: int, max_calls: int, seconds: float
) -> list[float]:
    """The time of each of `min_calls` calls, and of more, up to `max_calls`, while they take less than `seconds`
    together."""
    durations: list[float] = []
    began = synchronised_clock(device)
    while len(durations) < min_calls or (len(durations) < max_calls and sum(durations) < seconds):
        call()
        ended = synchronised_clock(device)
        durations.append(ended - began)
        began = ended
    return durations


@dataclass(frozen=True)
class Latency:
    """The time of a call for one sample."""

    p50_seconds: float
    """The median."""
    p95_seconds: float | None
    """The 95th percentile; None if there are too few repeats for one."""
    repeats: int
    """How many calls were timed."""

    @classmethod
    def of(cls, durations: list[float]) -> Latency:
        """The latency from the times of single calls."""
        ordered, count = sorted(durations), len(durations)
        p95 = ordered[math.ceil(0.95 * count) - 1] if count >= MIN_P95_REPEATS else None
        return cls(statistics.median(ordered), p95, count)


def sample_latency(sample_one: Callable[[], Tensor], device: torch.device, seconds: float) -> Latency:
    """Times 100 calls after a warm-up call, or as many as fit in `seconds`, at least one. If the warm-up call takes
    all of `seconds`, it is the only one, and its time is the result."""
    first = timed_calls(sample_one, device, min_calls=1, max_calls=1, seconds=0.0)
    if first[0] >= seconds:
        return Latency.of(first)
    return Latency.of(
        timed_calls(sample_one, device, min_calls=1, max_calls=MAX_LATENCY_REPEATS, seconds=seconds)
    )


@dataclass
class ThroughputSearch:
    """Searches the powers of two, from `start` on, for the batch size with the most samples per second.

    Larger ones are tried first; if none is better, smaller ones. The search ends if two batch sizes in a row are no
    better, at `largest`, when its time is used up, or if the next batch might not fit into memory.
    """

    sample: Callable[[int], Tensor]
    """Draws so many samples in one call."""
    device: torch.device
    """Where the model is."""
    memory: PeakMemory
    """The memory of the worker."""
    limit_bytes: int
    """The memory above the baseline that the process may use."""
    start: int
    """The first batch size."""
    largest: int
    """The largest batch size to try."""
    seconds: float
    """The time for the search."""
    points: list[ThroughputPoint] = field(default_factory=list)
    """What was measured, in that order."""
    note: str = ""
    """Why the search ended; empty if two batch sizes in a row were no better."""
    _deadline: float = 0.0
    _call_seconds: float = 0.0
    _call_bytes: int = 0

    def run(self, call_seconds: float) -> None:
        """Search. call_seconds: about the time of a call at the batch size `start`."""
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
        """The point with the most samples per second so far."""
        return max(self.points, key=lambda point: point.samples_per_second)

    def _climb(self, factor: float) -> None:
        batch, worse = self.start, 0
        while worse < 2:
            batch = int(batch * factor)
            if batch < 1:
                return
            if batch > self.largest:
                self.note = f"{self.largest} is the largest batch that may be drawn at once"
                return
            best = self.best.samples_per_second
            if not (self._fits(batch, factor) and self._measure(batch)):
                return
            worse = 0 if self.points[-1].samples_per_second > _MIN_IMPROVEMENT * best else worse + 1

    def _fits(self, batch: int, factor: float) -> bool:
        """Whether there is time and memory for a warm-up call and a timed one. factor: how much larger the batch is
        than the last one."""
        left = self._deadline - synchronised_clock(self.device)
        if 2 * factor * self._call_seconds > left:
            self.note = f"{self.seconds:.2g} s were too short to try a batch of {batch}"
            return False
        # twice as much, for models whose memory grows faster than the batch
        if 2 * factor * self._call_bytes > self.memory.free_bytes(self.limit_bytes):
            self.note = f"a batch of {batch} might not have fitted into memory"
            return False
        return True

    def _measure(self, batch: int) -> bool:
        """Time calls at one batch size. False if a call failed, which ends the search and not the job."""
        self.memory.reset()
        held = _bytes(self.memory)
        try:
            (warm_up,) = timed_calls(
                lambda: self.sample(batch), self.device, min_calls=1, max_calls=1, seconds=0.0
            )
            left = self._deadline - synchronised_clock(self.device)
            durations = timed_calls(
                lambda: self.sample(batch),
                self.device,
                min_calls=_MIN_THROUGHPUT_REPEATS if _MIN_THROUGHPUT_REPEATS * warm_up < left else 1,
                max_calls=_MAX_THROUGHPUT_REPEATS,
                seconds=min(_THROUGHPUT_SECONDS, left),
            )
        except Exception as error:  # raised by a plugin, or because memory ran out
            self.note = f"{type(error).__name__} at a batch of {batch}"
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
