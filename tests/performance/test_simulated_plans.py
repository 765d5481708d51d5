"""The simulation behind docs/planning-100000-jobs.md, against what can be computed by hand."""

from __future__ import annotations

import math

import pytest
from simulate_many_jobs import Setting, simulate


def test_equal_jobs_without_failures_fill_the_workers() -> None:
    found = simulate(Setting(jobs=103, workers=10, budget=10, harness=0, besides=0))
    assert found.seconds == pytest.approx(11 * 10)
    assert found.busy_share == pytest.approx(103 / 110)
    assert (found.failures, found.lost_seconds) == (0, 0.0)


def test_failures_lose_what_a_restart_loses() -> None:
    """A job that is begun anew after each failure takes (exp(rate x length) - 1) / rate of work on average."""
    setting = Setting(
        jobs=20_000, workers=100, budget=100, harness=0, besides=0, failures_per_hour=6, repair=0, seed=1
    )
    found = simulate(setting)
    rate = 6 / 3600
    expected = (math.exp(rate * 100) - 1) / rate
    assert (20_000 * 100 + found.lost_seconds) / 20_000 == pytest.approx(expected, rel=0.01)
    assert found.failures / 20_000 == pytest.approx(math.exp(rate * 100) - 1, rel=0.04)


def test_the_tail_is_one_long_job() -> None:
    found = simulate(Setting(jobs=5_000, workers=50, spread=1.0))
    assert 0 < found.tail_seconds < 200
    assert found.busy_share > 0.9
