"""A sampler that cannot keep its budget is found with few samples; a fast one, or a disturbed machine, is let pass."""

from __future__ import annotations

import pytest

from genbench.errors import SamplingTimeout
from genbench.samples import pace


class Sampler:
    """Takes time by a clock of its own. extra: seconds of a disturbance, by the size of the call."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, per_call: float, per_sample: float, extra: dict[int, float]
    ) -> None:
        self.now, self.sizes = 0.0, list[int]()
        self.per_call, self.per_sample, self.extra = per_call, per_sample, extra
        monkeypatch.setattr(pace.time, "perf_counter", lambda: self.now)

    def __call__(self, size: int) -> None:
        self.sizes.append(size)
        self.now += self.per_call + self.per_sample * size + self.extra.get(size, 0.0)


@pytest.mark.parametrize(
    ("per_call", "per_sample", "extra", "sizes"),
    [
        (0.001, 0.0, {}, [1]),
        (0.3, 0.0001, {}, [1, 4]),  # a call costs much and a sample nothing
        (0.0, 0.015, {}, [1]),  # within twice the budget
        (0.001, 0.0001, {1: 30.0}, [1, 4]),  # the first call compiles
        (0.03, 0.0001, {4: 0.1, 16: 0.5}, [1, 4, 16, 64]),  # others keep the machine busy
    ],
)
def test_what_is_fast_enough(
    monkeypatch: pytest.MonkeyPatch,
    per_call: float,
    per_sample: float,
    extra: dict[int, float],
    sizes: list[int],
) -> None:
    sampler = Sampler(monkeypatch, per_call, per_sample, extra)
    if extra.get(1):
        monkeypatch.setattr(pace, "PATIENCE", 4.0)
    pace.check_pace(sampler, 1000, 10.0)
    assert sampler.sizes == sizes


@pytest.mark.parametrize(
    ("per_sample", "budget_seconds", "sizes", "reason"),
    [
        (
            30.0,
            10.0,
            [1],
            "30 s per sample: 1000 samples would take about 3e\\+04 s, the sampling budget is 10 s",
        ),
        (0.7, 2.0, [1, 4], "0.7 s per sample: 1000 samples would take about 700 s"),
        (0.1, 10.0, [1, 4, 16, 64], "0.1 s per sample: 1000 samples would take about 100 s"),
    ],
)
def test_what_is_too_slow_is_said_with_its_pace(
    monkeypatch: pytest.MonkeyPatch, per_sample: float, budget_seconds: float, sizes: list[int], reason: str
) -> None:
    sampler = Sampler(monkeypatch, 0.0, per_sample, {})
    with pytest.raises(SamplingTimeout, match=reason):
        pace.check_pace(sampler, 1000, budget_seconds)
    assert sampler.sizes == sizes


def test_few_samples_are_simply_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = Sampler(monkeypatch, 0.0, 5.0, {})
    pace.check_pace(sampler, 1, 1.0)
    assert sampler.sizes == []
