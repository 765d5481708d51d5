"""A budget of processor time gives a job the same steps, whatever else the machine does."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from jobs import make_task
from pytest_benchmark.fixture import BenchmarkFixture

from genbench.execution.local_executor import LocalExecutor

NEIGHBOURS, ROUNDS = 2, 5


@contextmanager
def busy_neighbours(count: int) -> Iterator[None]:
    """Processes that never rest."""
    neighbours = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.wait()


def steps_within(budget: str, folder: Path) -> int:
    """The steps of one job, in a worker of its own."""
    task = make_task("MultipliesMatrices", folder, budget=budget)
    (result,) = LocalExecutor(1).execute([task], lambda job: folder / "log.txt", lambda *_: None)
    assert result.status == "ok", result.reason
    assert result.cost.steps is not None
    return result.cost.steps


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.benchmark(group="neighbours")
@pytest.mark.parametrize(("budget", "is_moved"), [("2cpu-s", False), ("2s", True)])
def test_neighbours_do_not_move_a_budget_of_processor_time(
    benchmark: BenchmarkFixture, tmp_path: Path, budget: str, is_moved: bool
) -> None:
    """Steps with two busy neighbours on two cores, over those without: within a tenth of 1. By the wall clock they are
    fewer, or else the neighbours did not disturb and the test says nothing."""
    steps_within(budget, tmp_path / "warm")

    def measure() -> float:
        ratios = []
        for number in range(ROUNDS):  # in pairs, since the speed of a machine drifts
            alone = steps_within(budget, tmp_path / f"alone{number}")
            with busy_neighbours(NEIGHBOURS):
                ratios.append(steps_within(budget, tmp_path / f"busy{number}") / alone)
        return statistics.median(ratios)

    ratio: float = benchmark.pedantic(measure, rounds=1)
    benchmark.extra_info["ratio"] = ratio
    if is_moved:
        assert ratio < 0.9
    else:
        assert 0.9 <= ratio <= 1.1
