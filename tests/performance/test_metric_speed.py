"""Metrics against the usual ways of computing them: time as a ratio within one run, and peak memory.

Both sides use the same number of threads, as OMP_NUM_THREADS sets it (prdc starts eight of its own
whatever it says). Run one alone to read its figures:

    python -m pytest tests/performance/test_metric_speed.py -m "slow or not slow"
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pytest
import scipy.linalg
import torch
from prdc import compute_prdc
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from genbench.metrics.frechet import frechet_distance
from genbench.metrics.neighbours import precision_recall_density_coverage

Result = TypeVar("Result")


def timed(function: Callable[[], Result]) -> tuple[Result, float]:
    began = time.perf_counter()
    result = function()
    return result, time.perf_counter() - began


def measure(benchmark: BenchmarkFixture, function: Callable[[], Result], rounds: int) -> tuple[Result, float]:
    """The result, and the median seconds of `rounds` calls."""
    calls: list[tuple[Result, float]] = []
    benchmark.pedantic(lambda: calls.append(timed(function)), rounds=rounds)
    return calls[0][0], float(np.median([seconds for _, seconds in calls]))


def draw(count: int, dim: int, seed: int) -> Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


@pytest.mark.slow  # the matrix square root takes its time
def test_frechet_distance_against_the_matrix_square_root(benchmark: BenchmarkFixture) -> None:
    """10,000 x 2048 with correlated features, as Inception's pool3 has."""
    dim = 2048
    mixing = draw(dim, dim, 0) / dim**0.5
    x, y = draw(10_000, dim, 1) @ mixing, draw(10_000, dim, 2) @ mixing * 1.1 + 0.1

    def by_matrix_square_root() -> float:
        a, b = x.double().numpy(), y.double().numpy()
        s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
        root = scipy.linalg.sqrtm(s @ t)
        return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s + t) - 2 * np.trace(root).real)

    expected, peer_seconds = timed(by_matrix_square_root)
    found, seconds = measure(benchmark, lambda: frechet_distance(x, y).item(), rounds=1)
    benchmark.extra_info["times_faster_than_sqrtm"] = peer_seconds / seconds
    assert found == pytest.approx(expected, rel=1e-6)
    assert peer_seconds / seconds >= 3, f"{peer_seconds:.1f} s against {seconds:.1f} s"


def test_neighbours_against_prdc(benchmark: BenchmarkFixture) -> None:
    """10,000 x 10,000 x 512, k = 5."""
    samples, reference = draw(10_000, 512, 1) * 0.97, draw(10_000, 512, 2)
    with contextlib.redirect_stdout(io.StringIO()):
        # In float64: in float32 its distances are rounded so far that some of them tie.
        a, b = reference.double().numpy(), samples.double().numpy()
        expected, peer_seconds = timed(lambda: compute_prdc(a, b, 5))
    found, seconds = measure(
        benchmark, lambda: precision_recall_density_coverage(samples, reference, 5), rounds=1
    )
    benchmark.extra_info["times_faster_than_prdc"] = peer_seconds / seconds
    for name in ("precision", "recall", "coverage"):
        assert float(getattr(found, name)) == float(expected[name])
    assert round(float(found.density) * 50_000) == round(float(expected["density"]) * 50_000)
    assert peer_seconds / seconds >= 2, f"{peer_seconds:.1f} s against {seconds:.1f} s"


PEAK_MEMORY = """
import re, sys
import torch
from genbench.metrics.neighbours import precision_recall_density_coverage

def kibibytes(field):
    return int(re.search(rf"{field}:\\s+(\\d+) kB", open("/proc/self/status").read())[1])

count = int(sys.argv[1])
x, y = (torch.randn(count, 64, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
precision_recall_density_coverage(x[:3000], y[:3000])  # libraries load, threads start
open("/proc/self/clear_refs", "w").write("5")  # the peak starts again from here
before = kibibytes("VmRSS")
found = precision_recall_density_coverage(x, y)
assert 0.9 < found.density < 1.1
print((kibibytes("VmHWM") - before) / 1024)
"""


def peak_mebibytes(count: int) -> float:
    """Above what the process held before the call."""
    command = [sys.executable, "-c", PEAK_MEMORY, str(count)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")


@on_linux
def test_memory_of_neighbours_is_linear() -> None:
    """Four times the examples: a whole matrix of distances would take sixteen times the memory."""
    small, large = peak_mebibytes(4_000), peak_mebibytes(16_000)
    assert large < 16_000**2 * 8 / 2**20 / 10, "a tenth of one matrix of distances"
    assert large < 6 * max(small, 16.0)


@on_linux
@pytest.mark.slow  # 7.5 thousand million distances
def test_memory_of_neighbours_at_fifty_thousand(benchmark: BenchmarkFixture) -> None:
    """50,000 x 50,000 x 64 in less than 1 GB; one whole matrix would be 20 GB."""
    peaks: list[float] = []
    benchmark.pedantic(lambda: peaks.append(peak_mebibytes(50_000)), rounds=1)
    benchmark.extra_info["peak_mebibytes"] = peaks[0]
    assert peaks[0] < 1e9 / 2**20
