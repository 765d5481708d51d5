"""Metrics against the usual ways of computing them: time as a ratio within one run, and peak memory.

Both sides use the same number of threads, as OMP_NUM_THREADS sets it (prdc starts eight of its own
whatever it says). Numpy's and scipy's OpenBLAS choose their kernels by OPENBLAS_CORETYPE where that is set,
which moves the peers' side; docs/metrics.md says how far. Run one alone to read its figures:

    python -m pytest tests/performance/test_metric_speed.py -m "slow or not slow"
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import io
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import scipy.linalg
import torch
from prdc import compute_prdc
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from genbench.metrics.frechet import frechet_distance
from genbench.metrics.frechet_infinity import frechet_infinity
from genbench.metrics.neighbours import precision_recall_density_coverage

Result = TypeVar("Result")


def timed(function: Callable[[], Result]) -> tuple[Result, float]:
    began = time.perf_counter()
    result = function()
    return result, time.perf_counter() - began


def measure(benchmark: BenchmarkFixture, function: Callable[[], Result], rounds: int) -> tuple[Result, float]:
    """The result, and the least seconds of `rounds` calls."""
    calls: list[tuple[Result, float]] = []
    benchmark.pedantic(lambda: calls.append(timed(function)), rounds=rounds)
    return calls[0][0], float(min(seconds for _, seconds in calls))


def draw(count: int, dim: int, seed: int) -> Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


def correlated(count: int, dim: int) -> tuple[Tensor, Tensor]:
    """Two sets whose features go together, as Inception's pool3 has them."""
    mixing = draw(dim, dim, 0) / dim**0.5
    return draw(count, dim, 1) @ mixing, draw(count, dim, 2) @ mixing * 1.1 + 0.1


def pytorch_fids_function() -> Callable[..., float]:
    """`calculate_frechet_distance` out of its file: the package's other modules import torchvision."""
    package = importlib.util.find_spec("pytorch_fid")
    if package is None or package.submodule_search_locations is None:
        pytest.skip("needs pytorch-fid; CONTRIBUTING.md says how to install it without torchvision")
    path = Path(package.submodule_search_locations[0]) / "fid_score.py"
    (function,) = (
        node
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name == "calculate_frechet_distance"
    )
    names: dict[str, Any] = {"np": np, "linalg": scipy.linalg}
    exec(compile(ast.Module([function], []), path, "exec"), names)
    found: Callable[..., float] = names[function.name]
    return found


@pytest.mark.slow  # the matrix square root takes its time
@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # sqrtm's `disp`
def test_frechet_distance_against_pytorch_fid(benchmark: BenchmarkFixture) -> None:
    """10,000 x 2048, from features to the distance on both sides."""
    x, y = correlated(10_000, 2048)
    peer = pytorch_fids_function()

    def by_peer() -> float:
        a, b = x.numpy(), y.numpy()
        # as its get_activations has them: float64 statistics of float32 features
        return peer(a.mean(0), np.cov(a, rowvar=False), b.mean(0), np.cov(b, rowvar=False))

    found, seconds = measure(benchmark, lambda: frechet_distance(x, y).item(), rounds=2)
    expected, peer_seconds = timed(by_peer)
    benchmark.extra_info["times_faster_than_pytorch_fid"] = peer_seconds / seconds
    benchmark.extra_info["scipy"] = scipy.__version__
    assert found == pytest.approx(expected, rel=1e-6)
    # Not reached on one thread of the machine in docs/metrics.md (3.8 to 4.7): there the covariances, at MKL's
    # full speed, are 1.7 of the 2.7 s. The figure asked for stays.
    assert peer_seconds / seconds >= 5, f"{peer_seconds:.1f} s against {seconds:.1f} s"


class Identity(torch.nn.Module):
    """Features that are the input: torchmetrics' distance without its network."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features


@pytest.mark.slow  # the eigenvalues of a matrix that is not symmetric
@pytest.mark.timeout(1800)
def test_frechet_distance_against_torchmetrics(benchmark: BenchmarkFixture) -> None:
    """10,000 x 2048, from features to the distance on both sides; in float64, as ours."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    x, y = correlated(10_000, 2048)

    def by_peer() -> float:
        metric = FrechetInceptionDistance(feature=Identity(2048)).set_dtype(torch.float64)
        metric.update(x.double(), real=True)
        metric.update(y.double(), real=False)
        return float(metric.compute())

    found, seconds = measure(benchmark, lambda: frechet_distance(x, y).item(), rounds=2)
    expected, peer_seconds = timed(by_peer)
    benchmark.extra_info["times_faster_than_torchmetrics"] = peer_seconds / seconds
    assert found == pytest.approx(expected, rel=1e-6)
    assert peer_seconds / seconds >= 2, f"{peer_seconds:.1f} s against {seconds:.1f} s"


@pytest.mark.slow  # half a minute
@pytest.mark.timeout(1800)
def test_frechet_infinity_costs_three_distances_at_most(benchmark: BenchmarkFixture) -> None:
    """10,000 x 2048, with its standard error; the two taken in turn, and the least of each."""
    x, y = correlated(10_000, 2048)
    generator = torch.Generator().manual_seed(0)
    ours: list[float] = []
    one: list[float] = []

    def both() -> None:
        one.append(timed(lambda: frechet_distance(x, y))[1])
        ours.append(timed(lambda: frechet_infinity(x, y, generator))[1])

    benchmark.pedantic(both, rounds=3)
    benchmark.extra_info["distances"] = min(ours) / min(one)
    assert min(ours) / min(one) <= 3, f"{min(ours):.1f} s against {min(one):.1f} s"


def against_prdc(benchmark: BenchmarkFixture, count: int, dim: int, at_least: float, rounds: int = 1) -> None:
    """count x count x dim, k = 5, of float32 features, as both document them. The best of the rounds counts, and the
    better one of prdc's two calls."""
    samples, reference = draw(count, dim, 1) * 0.97, draw(count, dim, 2)
    found, seconds = measure(
        benchmark, lambda: precision_recall_density_coverage(samples, reference, 5), rounds=rounds
    )
    with contextlib.redirect_stdout(io.StringIO()):
        _, peer_seconds = timed(lambda: compute_prdc(reference.numpy(), samples.numpy(), 5))
        # Its answers in float64: in float32 its distances are rounded so far that some of them tie.
        a, b = reference.double().numpy(), samples.double().numpy()
        expected, in_double = timed(lambda: compute_prdc(a, b, 5))
    benchmark.extra_info["times_faster_than_prdc"] = peer_seconds / seconds
    benchmark.extra_info["times_faster_than_prdc_in_float64"] = in_double / seconds
    for name in ("precision", "recall", "coverage"):
        assert float(getattr(found, name)) == float(expected[name])
    assert round(float(found.density) * 5 * count) == round(float(expected["density"]) * 5 * count)
    faster = min(peer_seconds, in_double) / seconds
    assert faster >= at_least, f"{peer_seconds:.1f} s, {in_double:.1f} s in float64, against {seconds:.1f} s"


def test_neighbours_against_prdc(benchmark: BenchmarkFixture) -> None:
    """A quick guard, 5,000 x 5,000. At this width most of prdc's time goes into sorting, and what it loses by varies
    with the processor: 3.9 on an AMD EPYC, 2.2 to 3.1 in repeats on an Intel Xeon, at 10,000. The figure that is
    claimed, 3, is that of Inception's width, below."""
    against_prdc(benchmark, 5_000, 256, at_least=1.5, rounds=2)


@pytest.mark.slow  # a minute of prdc
@pytest.mark.timeout(1800)
def test_neighbours_against_prdc_at_inceptions_width(benchmark: BenchmarkFixture) -> None:
    # 2.7 to 3.0 there with one thread of ours against prdc's eight on two cores.
    against_prdc(benchmark, 10_000, 2048, at_least=3)


PEAK_MEMORY = """
import re, sys
import torch
from genbench.metrics.neighbours import precision_recall_density_coverage
from genbench.metrics.sliced_wasserstein import sliced_wasserstein_with_error

def kibibytes(field):
    return int(re.search(rf"{field}:\\s+(\\d+) kB", open("/proc/self/status").read())[1])

def neighbours(x, y):
    assert 0.9 < precision_recall_density_coverage(x, y).density < 1.1

def sliced(x, y):
    assert 0 < sliced_wasserstein_with_error(x, y, torch.Generator()).value < 0.5

metric, count, dim = globals()[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3])
x, y = (torch.randn(count, dim, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
metric(x[:3000], y[:3000])  # libraries load, threads start
open("/proc/self/clear_refs", "w").write("5")  # the peak starts again from here
before = kibibytes("VmRSS")
metric(x, y)
print((kibibytes("VmHWM") - before) / 1024)
"""


def peak_mebibytes(metric: str, count: int, dim: int) -> float:
    """Above what the process held before the call."""
    command = [sys.executable, "-c", PEAK_MEMORY, metric, str(count), str(dim)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")


@on_linux
def test_memory_of_neighbours_is_linear() -> None:
    """Four times the examples: a whole matrix of distances would take sixteen times the memory."""
    small, large = peak_mebibytes("neighbours", 4_000, 64), peak_mebibytes("neighbours", 16_000, 64)
    assert large < 16_000**2 * 8 / 2**20 / 10, "a tenth of one matrix of distances"
    assert large < 6 * max(small, 32.0)  # the allocator keeps some tiles, or does not


@on_linux
@pytest.mark.slow  # 10 million million multiplications
@pytest.mark.timeout(1800)
def test_memory_of_neighbours_at_fifty_thousand(benchmark: BenchmarkFixture) -> None:
    """50,000 x 50,000 x 2048 in less than 1 GB above the features; one matrix of distances would be 20 GB."""
    peaks: list[float] = []
    benchmark.pedantic(lambda: peaks.append(peak_mebibytes("neighbours", 50_000, 2048)), rounds=1)
    benchmark.extra_info["peak_mebibytes"] = peaks[0]
    assert peaks[0] < 1e9 / 2**20


@on_linux
@pytest.mark.slow  # half a minute of products and sorting
@pytest.mark.timeout(1800)
def test_memory_of_sliced_wasserstein_at_fifty_thousand(benchmark: BenchmarkFixture) -> None:
    """50,000 x 2048, with its standard error, in less than 1 GB above the features."""
    peaks: list[float] = []
    benchmark.pedantic(lambda: peaks.append(peak_mebibytes("sliced", 50_000, 2048)), rounds=1)
    benchmark.extra_info["peak_mebibytes"] = peaks[0]
    assert peaks[0] < 1e9 / 2**20
