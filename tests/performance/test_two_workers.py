"""Workers that do not get in each other's way: two of them on two cores against one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture


def seconds_of_the_quick_suite(workers: int, folder: Path) -> float:
    """Wall time of every job of the suite, with a tenth of its budget, on `workers` workers of one thread."""
    command = [
        sys.executable,
        "-m",
        "genbench",
        "run",
        "--suite",
        "quick",
        "--budget",
        "1s",
        "--threads",
        "1",
    ]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "--jobs", str(workers), "--out", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-1000:]
    return time.perf_counter() - began


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.benchmark(group="two workers")
def test_two_workers_are_nearly_twice_as_fast_as_one(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """At least 1.7 times. Everything that is not training counts: starting, loading, sampling, scoring."""
    if (os.cpu_count() or 1) < 2:
        pytest.skip("needs two cores")
    two: list[float] = []
    benchmark.pedantic(lambda: two.append(seconds_of_the_quick_suite(2, tmp_path / "two")), rounds=1)
    one = seconds_of_the_quick_suite(1, tmp_path / "one")
    benchmark.extra_info["ratio"] = one / two[0]
    assert one / two[0] > 1.7
