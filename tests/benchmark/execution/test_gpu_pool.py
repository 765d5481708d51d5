"""Jobs and GPUs of one machine, without a GPU: who gets which, and that the processes of a job see no others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jobs import make_task
from stand_in_gpu import StandInDevice, StandInNvml

from genbench.errors import UsageError
from genbench.execution import local_executor
from genbench.execution.gpu_pool import GpuPool, check_gpus_per_job
from genbench.execution.local_executor import LocalExecutor
from genbench.measure.visible_gpus import VisibleGpu
from genbench.records.result import Result
from genbench.records.task import Task


def gpus(*tokens: str) -> list[VisibleGpu]:
    return [VisibleGpu(token=token) for token in tokens]


def test_each_job_has_a_gpu_of_its_own_while_there_are_enough() -> None:
    pool = GpuPool(gpus("a", "b", "c"))
    assert [pool.take(1) for _ in range(3)] == [("a",), ("b",), ("c",)]
    pool.give_back(("b",))
    assert pool.take(1) == ("b",)


def test_jobs_share_gpus_evenly_where_there_are_more_of_them() -> None:
    pool = GpuPool(gpus("a", "b"))
    taken = [pool.take(1) for _ in range(5)]
    assert sorted(taken) == [("a",)] * 3 + [("b",)] * 2
    pool.give_back(("a",))
    pool.give_back(("a",))
    assert pool.take(1) == ("a",)


def test_a_job_gets_as_many_gpus_as_it_asks_for_and_no_two_jobs_the_same() -> None:
    pool = GpuPool(gpus("a", "b", "c", "d"))
    assert pool.take(2) + pool.take(2) == ("a", "b", "c", "d")


def test_where_gpus_are_not_known_no_job_is_told_which_to_use() -> None:
    assert GpuPool([]).take(1) == ()


@pytest.mark.parametrize(
    ("count", "visible", "are_parts", "said"),
    [
        (3, 2, False, "--gpus-per-job 3: this machine has 2 GPUs that this process may use"),
        (2, 1, False, "this machine has 1 GPU that"),
        (
            2,
            0,
            False,
            r'cannot be listed: pip install "genbench\[nvidia\]", or name them in CUDA_VISIBLE_DEVICES',
        ),
        (2, 4, True, r"divided \(MIG\)"),
    ],
)
def test_what_a_machine_cannot_give_is_refused_in_one_line(
    count: int, visible: int, are_parts: bool, said: str
) -> None:
    with pytest.raises(UsageError, match=said) as error:
        check_gpus_per_job(count, visible, are_parts)
    assert "\n" not in str(error.value)
    check_gpus_per_job(1, visible, are_parts)


class Recorded:
    """Stands in for the supervisor of a job, which ends when it is polled for the second time."""

    def __init__(self, task: Task, *others: Any) -> None:
        self.job, self.visible_gpus, self.polls = task.job, task.visible_gpus, 0
        self.server, self.waitables = None, []
        self.has_lost_its_server = self.waits_for_its_turn = False
        self.started.append(task.visible_gpus)

    started: list[tuple[str, ...]]

    def poll(self) -> Result | None:
        self.polls += 1
        if self.polls < 2:
            return None
        return Result(id=self.job.id, status="ok", reason=None, job=self.job)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, ...]]]:
    """The GPUs of the jobs in the order in which they were started."""
    Recorded.started = []
    monkeypatch.setattr(local_executor, "Supervised", Recorded)
    monkeypatch.setattr(local_executor.connection, "wait", lambda items, seconds: None)
    return Recorded.started


def run(workers: int, tasks: list[Task], folder: Path) -> list[Result]:
    log_path: Callable[..., Path] = lambda job: folder / "log.txt"  # noqa: E731
    return list(LocalExecutor(workers).execute(tasks, log_path, lambda job, message: None))


def test_the_executor_spreads_jobs_over_the_gpus_of_the_mask(
    started: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    StandInNvml([StandInDevice(f"GPU-{name}") for name in "abcd"]).install(monkeypatch)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,1")
    tasks = [make_task("Good", tmp_path, seed=seed, device="cuda") for seed in range(4)]
    assert len(run(2, tasks, tmp_path)) == 4
    assert started == [("3",), ("1",), ("3",), ("1",)]


def test_a_job_may_have_several_gpus(
    started: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    StandInNvml([StandInDevice(f"GPU-{name}") for name in "abcd"]).install(monkeypatch)
    tasks = [make_task("Good", tmp_path, seed=seed, device="cuda", gpus=2) for seed in range(2)]
    run(2, tasks, tmp_path)
    assert started == [("GPU-a", "GPU-b"), ("GPU-c", "GPU-d")]


def test_jobs_on_the_cpu_are_told_of_no_gpu(
    started: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    StandInNvml([StandInDevice("GPU-a")]).install(monkeypatch)
    run(1, [make_task("Good", tmp_path)], tmp_path)
    assert started == [()]


def test_every_process_of_a_job_sees_its_gpus_and_no_others(tmp_path: Path) -> None:
    task = msgspec.structs.replace(
        make_task("Good", tmp_path), model_factory="gpu_models:PrintsItsMask", visible_gpus=("MIG-x", "GPU-y")
    )
    Path(task.samples_path).parent.mkdir(parents=True)
    [result] = run(1, [task], tmp_path)
    assert result.status == "ok", result.reason
    seen = [line for line in (tmp_path / "log.txt").read_text().splitlines() if line.startswith("mask")]
    assert len(seen) >= 2  # it is built to be trained, and again to be evaluated
    assert set(seen) == {"mask MIG-x,GPU-y"}
    assert os.environ.get("CUDA_VISIBLE_DEVICES") != "MIG-x,GPU-y"


def test_the_number_of_gpus_is_a_part_of_a_jobs_id_only_where_it_is_set(tmp_path: Path) -> None:
    one, two = (make_task("Good", tmp_path, device="cuda", gpus=gpus).job for gpus in (None, 2))
    assert one.id != two.id
    fields = msgspec.to_builtins(one)
    del fields["gpus"]  # as a record from before
    assert msgspec.convert(fields, type=type(one)).id == one.id
