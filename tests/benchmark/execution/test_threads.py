"""A job's threads are those of every library, not of torch alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from jobs import make_task
from threadpoolctl import threadpool_info

from genbench.execution.threads import held_to, hold_to
from genbench.records.result import Result


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    hold_to(before)


@pytest.mark.parametrize("threads", [2, 1])
def test_pools_that_are_loaded_are_held(threads: int) -> None:
    np.linalg.eigvalsh(np.eye(3))
    hold_to(threads)
    assert torch.get_num_threads() == threads
    counts = {pool["num_threads"] for pool in threadpool_info()}
    # OpenBLAS has no more than the machine has cores
    assert counts
    assert counts <= {threads, 1}
    assert threads in counts


def test_for_a_while_and_then_as_before() -> None:
    hold_to(2)
    before = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
    with held_to(1):
        assert torch.get_num_threads() == 1
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    assert torch.get_num_threads() == 2
    assert {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()} == before


@pytest.mark.parametrize("threads", [1, 2])
def test_a_worker_has_those_of_its_job(
    threads: int,
    execute: Callable[..., list[Result]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    (result,) = execute(make_task("CountsThreads", tmp_path, threads=threads))
    assert result.status == "ok", result.reason
    losses = result.curve[-1].losses
    assert losses["pools"] >= 2
    assert losses["torch"] == losses["most"] == threads
    assert losses["least"] >= 1
