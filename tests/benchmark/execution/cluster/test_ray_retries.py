"""What of a job that Ray reports as ended runs again: with a stand-in for Ray, in which each try ends as it is told."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import msgspec
import pytest
from jobs import make_task

from genbench.errors import GenbenchError, UsageError
from genbench.execution.cluster import ray_executor
from genbench.execution.cluster.node_check import node_facts
from genbench.execution.cluster.ray_executor import MAX_LOST_NODES, RayExecutor
from genbench.execution.cluster.remote_job import Answer, RemoteJob
from genbench.records.result import Result
from genbench.records.task import Task


class RayError(Exception):
    pass


class NodeDiedError(RayError):
    pass


class WorkerCrashedError(RayError):
    pass


class OutOfMemoryError(RayError):
    pass


class RayTaskError(RayError):
    pass


ENDS_WELL = "well"


class Reference:
    """What Ray gives for a task that was sent."""

    def __init__(self, request: RemoteJob) -> None:
        self.request = request


class StandIn(ModuleType):
    """The part of Ray that the executor calls. ends: how the tries end, in their order; "well", or what is raised.
    A node is lost with each `NodeDiedError`, and with a `WorkerCrashedError` whose words say so."""

    def __init__(self, ends: list[str | RayError]) -> None:
        super().__init__("ray")
        self.ends = ends
        self.exceptions = SimpleNamespace(
            RayError=RayError,
            NodeDiedError=NodeDiedError,
            OutOfMemoryError=OutOfMemoryError,
            RayTaskError=RayTaskError,
        )
        self.tries: list[RemoteJob] = []
        self.options: list[dict[str, Any]] = []
        self.lost = 0

    def is_initialized(self) -> bool:
        return True

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {"NodeID": str(number), "Alive": number >= self.lost, "Resources": {"CPU": 1.0, "GPU": 2.0}}
            for number in range(10)
        ]

    def remote(self, function: Any) -> Any:
        def options(**given: Any) -> Any:
            def send(module: str, request: bytes) -> Reference:
                self.options.append(given)
                return Reference(msgspec.json.decode(request, type=RemoteJob))

            return SimpleNamespace(remote=send)

        return SimpleNamespace(options=options)

    def wait(self, references: list[Any], **settings: Any) -> tuple[list[Any], list[Any]]:
        number = settings["num_returns"]
        return references[:number], references[number:]

    def get(self, reference: Reference) -> tuple[int, bytes, str]:
        request, result = reference.request, None
        if request.task is not None:
            self.tries.append(request)
            end = self.ends.pop(0)
            if isinstance(end, RayError):
                self.lost += isinstance(end, NodeDiedError) or "node" in str(end)
                raise end
            result = Result(id=request.task.job.id, status="ok", reason=None, job=request.task.job)
        answer = Answer(facts=node_facts(request.factories), result=result)
        return 0, msgspec.json.encode(answer), ""

    def cancel(self, reference: Any, force: bool) -> None:
        pass


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    def run(*ends: str | RayError, **changes: Any) -> tuple[list[Result], StandIn]:
        ray = StandIn(list(ends))
        strategies = ModuleType("ray.util.scheduling_strategies")
        strategies.NodeAffinitySchedulingStrategy = lambda node, soft: node  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "ray", ray)
        monkeypatch.setitem(sys.modules, "ray.util.scheduling_strategies", strategies)
        monkeypatch.setattr(ray_executor, "_NODE_LOSS_SECONDS", 0.01)
        monkeypatch.setattr(ray_executor, "_POLL_SECONDS", 0.001)
        tasks: list[Task] = [make_task("Good", tmp_path, **changes)]
        results = RayExecutor(1).execute(
            tasks, lambda job: tmp_path / "jobs" / job.id / "log.txt", lambda job, message: None
        )
        return list(results), ray

    return run


def tokens(folder: Path) -> list[Path]:
    return list(folder.glob("jobs/*/.token-*"))


@pytest.mark.parametrize("loss", [NodeDiedError(), WorkerCrashedError("its node was lost a moment later")])
def test_a_job_whose_node_is_lost_runs_again_under_another_token(
    run: Any, tmp_path: Path, loss: RayError
) -> None:
    [result], ray = run(loss, ENDS_WELL)
    assert result.status == "ok"
    assert len({each.token for each in ray.tries}) == 2
    assert not tokens(tmp_path)


def test_a_job_that_loses_every_node_is_given_up(run: Any, tmp_path: Path) -> None:
    [result], ray = run(*(NodeDiedError() for _ in range(MAX_LOST_NODES + 1)))
    assert (result.status, result.reason) == ("killed", f"its node was lost {MAX_LOST_NODES + 1} times")
    assert len(ray.tries) == MAX_LOST_NODES + 1
    assert not tokens(tmp_path)


@pytest.mark.parametrize(
    ("end", "status", "reason"),
    [
        (WorkerCrashedError("The worker died."), "killed", "Ray ended the job: The worker died."),
        (OutOfMemoryError("much"), "oom", "Ray ended the job: its node ran out of memory"),
    ],
)
def test_nothing_but_a_lost_node_is_a_reason_to_run_again(
    run: Any, tmp_path: Path, end: RayError, status: str, reason: str
) -> None:
    [result], ray = run(end)
    assert (result.status, result.reason) == (status, reason)
    assert len(ray.tries) == 1
    assert not tokens(tmp_path)


def test_a_mistake_of_the_harness_ends_the_run(run: Any) -> None:
    with pytest.raises(GenbenchError, match="a task of Ray failed: KeyError"):
        run(RayTaskError("trace\nKeyError"))


def test_ray_retries_nothing_itself_and_jobs_have_the_niceness_of_the_command(run: Any) -> None:
    _, ray = run(ENDS_WELL)
    assert len(ray.options) == 10 + 1  # each node is asked, and the job runs
    for given in ray.options:
        assert given["max_retries"] == 0
        assert given["runtime_env"] == {"env_vars": {"RAY_worker_niceness": "0"}}


@pytest.mark.parametrize(
    ("changes", "gpus"), [({}, 0), ({"device": "cuda"}, 1), ({"device": "cuda", "gpus": 2}, 2)]
)
def test_ray_is_asked_for_the_gpus_of_a_job(run: Any, changes: dict[str, Any], gpus: int) -> None:
    _, ray = run(ENDS_WELL, **changes)
    assert ray.options[-1]["num_gpus"] == gpus


def test_gpus_that_no_node_has_are_told_before_anything_runs(run: Any) -> None:
    with pytest.raises(
        UsageError, match="no node of the Ray cluster has 1 CPUs, 3 GPUs for Good; at most 1 CPUs, 2 GPUs"
    ):
        run(device="cuda", gpus=3)
