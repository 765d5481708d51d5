"""The number of threads of a job holds for every library, not only for torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from jobs import make_task
from threadpoolctl import threadpool_info

from genbench.execution.threads import limited_threads, set_threads
from genbench.records.result import Result


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    set_threads(before)


@pytest.mark.parametrize("threads", [2, 1])
def test_pools_that_are_loaded_are_limited(threads: int) -> None:
    np.linalg.eigvalsh(np.eye(3))
    set_threads(threads)
    assert torch.get_num_threads() == threads
    counts = {pool["num_threads"] for pool in threadpool_info()}
    # OpenBLAS has no more than the machine has cores
    assert counts
    assert counts <= {threads, 1}
    assert threads in counts


def test_a_limit_inside_a_block_ends_with_it() -> None:
    set_threads(2)
    before = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
    with limited_threads(1):
        assert torch.get_num_threads() == 1
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    assert torch.get_num_threads() == 2
    assert {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()} == before


@pytest.mark.parametrize("threads", [1, 2])
def test_a_worker_has_the_threads_of_its_job(
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
