"""What only a GPU can show: memory, clocks and energy of real work on a real device. Skipped where torch finds none;
what can be seen without one is in test_measure_gpu.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch
from gpu_models import HELD_BYTES, QUEUED, SIDE
from jobs import make_task

from genbench.records.result import Result
from genbench.records.task import Task

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")

Execute = Callable[..., list[Result]]
# torch hands out blocks of 2 MiB, and cuBLAS takes a workspace of some tens
SLACK_BYTES = 64 * 2**20


def on_gpu(model: str, folder: Path, **changes: object) -> Task:
    task = make_task(model, folder, device="cuda", **changes)
    return msgspec.structs.replace(task, model_factory=f"gpu_models:{model}")


def test_memory_is_what_the_model_held(execute: Execute, tmp_path: Path) -> None:
    (result,) = execute(on_gpu("HoldsMemory", tmp_path), workers=1)
    assert result.status == "ok", result.reason
    cost = result.cost
    for found, held in (
        (cost.train_peak_cuda_bytes, HELD_BYTES),
        (cost.train_peak_cuda_reserved_bytes, HELD_BYTES),
        (cost.sample_peak_cuda_bytes, HELD_BYTES // 2),
    ):
        assert found is not None
        assert held <= found <= held + SLACK_BYTES
    if (
        cost.train_peak_device_bytes is not None
    ):  # NVML: what torch has reserved, and what its kernels take in addition
        assert HELD_BYTES <= cost.train_peak_device_bytes <= HELD_BYTES + 10 * SLACK_BYTES


def test_memory_of_one_job_is_not_the_next_ones(execute: Execute, tmp_path: Path) -> None:
    results = execute(on_gpu("HoldsMemory", tmp_path), on_gpu("OnGpu", tmp_path), workers=1)
    modest = next(result for result in results if result.job.model == "OnGpu")
    assert modest.cost.train_peak_cuda_bytes is not None
    assert modest.cost.train_peak_cuda_bytes < SLACK_BYTES


def test_energy_is_read_and_plausible(execute: Execute, tmp_path: Path) -> None:
    """This test comes before those whose own process uses the GPU, and is then a neighbour of the worker."""
    pytest.importorskip("pynvml")
    (result,) = execute(on_gpu("QueuesWork", tmp_path, budget="4s"), workers=1)
    cost = result.cost
    if cost.train_energy_joules is None:
        assert cost.energy_note
        pytest.skip(f"no energy here: {cost.energy_note}")
    watts = cost.train_energy_joules / (cost.train_seconds or 1.0)
    assert 20 < watts < 1500
    assert cost.energy_source is not None


def test_seconds_are_the_devices(execute: Execute, tmp_path: Path) -> None:
    """The meter's seconds agree with those of CUDA's own events for the same work."""
    steps = 40
    (result,) = execute(on_gpu("QueuesWork", tmp_path, budget=f"{steps}steps"), workers=1)
    assert result.status == "ok", result.reason
    a = torch.randn(SIDE, SIDE, device="cuda") / SIDE**0.5
    began, ended = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    for timed in (False, True):
        torch.cuda.synchronize()
        if timed:
            began.record()
        for _ in range(10 * QUEUED):
            a = a @ a
            a /= a.norm()
    ended.record()
    torch.cuda.synchronize()
    seconds = began.elapsed_time(ended) / 1000 / 10 * steps
    assert 0.8 < (result.cost.train_seconds or 0.0) / seconds < 1.5


def test_a_budget_of_seconds_binds_work_that_is_only_queued(execute: Execute, tmp_path: Path) -> None:
    began = time.perf_counter()
    (result,) = execute(on_gpu("QueuesWork", tmp_path, budget="2s"), workers=1)
    assert result.status == "ok", result.reason
    assert result.cost.bound_by == "seconds"
    assert 2.0 <= (result.cost.train_seconds or 0.0) < 2.4
    assert time.perf_counter() - began < 30
    # a million million products per hour would mean a clock that does not wait
    flops = result.cost.steps * QUEUED * 2 * SIDE**3
    assert flops / 2.0 < 2e15


def test_a_full_gpu_costs_its_own_row(execute: Execute, tmp_path: Path) -> None:
    results = {
        result.job.model: result
        for result in execute(
            on_gpu("FillsTheGpu", tmp_path, budget="100steps"), on_gpu("OnGpu", tmp_path), workers=1
        )
    }
    assert results["FillsTheGpu"].status == "oom", results["FillsTheGpu"].reason
    assert "\n" not in (results["FillsTheGpu"].reason or "")
    assert results["OnGpu"].status == "ok"


def test_the_same_seed_trains_to_the_same_samples(execute: Execute, tmp_path: Path) -> None:
    first, second = (
        execute(on_gpu("OnGpu", tmp_path / name, budget="50steps"), workers=1)[0] for name in ("a", "b")
    )
    assert first.curve[-1].losses == second.curve[-1].losses
    assert [m.value for m in first.metrics] == [m.value for m in second.metrics]
