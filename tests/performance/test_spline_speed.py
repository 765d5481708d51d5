"""The spline flow takes less time per training step on points than the library that it replaced."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture


@pytest.mark.benchmark(group="training step")
def test_a_step_on_points_is_faster_than_the_librarys(benchmark: BenchmarkFixture) -> None:
    program = Path(__file__).with_name("measure_spline_step.py")

    def measure() -> str:
        return subprocess.run([sys.executable, program], check=True, capture_output=True, text=True).stdout

    found = json.loads(benchmark.pedantic(measure, rounds=1).splitlines()[-1])
    benchmark.extra_info.update(found)
    mine, theirs = found["operations"]
    print(f"spline-flow: {found['ratio']:.3f} of the library's step, {mine} operations for {theirs}")
    assert found["ratio"] < 0.8
    assert mine < 0.5 * theirs
