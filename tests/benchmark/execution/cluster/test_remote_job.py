"""A job that another process runs: files come back or are put in place, and what differs is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from jobs import make_task

from genbench.api.cards import ExecutorCard
from genbench.errors import UsageError
from genbench.execution.cluster.node_check import differences, node_facts
from genbench.execution.cluster.remote_job import MODULE, Answer, SentJob
from genbench.execution.executor import make_executor


def ask(sent: SentJob) -> Answer:
    helpers = Path(__file__).parents[3] / "helpers"
    paths = (os.environ.get("PYTHONPATH", ""), str(helpers / "models"), str(helpers))
    done = subprocess.run(
        [sys.executable, "-m", MODULE, str(os.getpid())],
        input=msgspec.json.encode(sent.request),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Answer)


@pytest.mark.parametrize("is_shared", [True, False])
def test_files_reach_the_folder_whether_it_is_shared_or_not(tmp_path: Path, is_shared: bool) -> None:
    task = make_task("Good", tmp_path)
    folder = Path(task.samples_path).parent
    sent = SentJob(task, folder / "log.txt", node_facts([]))
    if not is_shared:  # as on a machine whose folder of that name is another one
        sent.request = msgspec.structs.replace(sent.request, token="another")
    answer = ask(sent)
    assert answer.is_shared is is_shared
    assert bool(answer.files) is not is_shared
    result = sent.take(answer)
    assert result is not None
    assert result.status == "ok", result.reason
    assert {path.name for path in folder.iterdir()} >= {"samples.safetensors", "log.txt"}
    assert not list(folder.glob(".token*"))


def test_a_job_that_was_given_up_writes_nothing(tmp_path: Path) -> None:
    task = make_task("Good", tmp_path)
    folder = Path(task.samples_path).parent
    sent = SentJob(task, folder / "log.txt", node_facts([]))
    sent.give_up()
    ask(sent)
    assert list(folder.iterdir()) == []


def test_another_version_of_the_model_is_refused_before_training(tmp_path: Path) -> None:
    task = make_task("Good", tmp_path)
    sent = SentJob(task, Path(task.samples_path).parent / "log.txt", node_facts([]))
    here = sent.request.here
    assert here is not None
    other = msgspec.structs.replace(here, sources=dict.fromkeys(here.sources, "0" * 12))
    sent.request = msgspec.structs.replace(sent.request, here=other)
    answer = ask(sent)
    assert answer.result is None
    assert any("another version of hostile_models" in line for line in answer.refused)


def test_differences_are_told_in_a_line_each() -> None:
    here = node_facts(["jobs:make_job"])
    assert differences(here, here) == []
    there = msgspec.structs.replace(
        here,
        host="n7",
        python="3.9",
        packages={**here.packages, "torch": "1.0", "numpy": None},
        sources={"jobs:make_job": None},
        seconds=here.seconds + 3600,
    )
    lines = differences(here, there)
    assert [line for line in lines if "\n" in line] == []
    for words in (
        "node n7 has Python 3.9",
        "has version 1.0 of torch",
        "has no numpy",
        "node n7 has no jobs: install its plugin there",
        "the clock of node n7 is 3600 s ahead of this machine's",
    ):
        assert any(words in line for line in lines), words


def test_a_missing_extra_is_one_line_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    from genbench.execution.cluster import ray_executor

    monkeypatch.setattr(ray_executor.importlib.util, "find_spec", lambda name: None)
    card = ExecutorCard(
        name="ray",
        summary="",
        factory="genbench.execution.cluster.ray_executor:RayExecutor",
        check="genbench.execution.cluster.ray_executor:obstacle",
    )
    with pytest.raises(UsageError, match=r'^executor ray needs Ray.*pip install "genbench\[ray\]"$'):
        make_executor(card, 1)


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_cannot_be_reached_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    from genbench.execution.cluster.ray_executor import RayExecutor

    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    with pytest.raises(UsageError, match=r"no Ray cluster can be reached at 127\.0\.0\.1:9"):
        RayExecutor(1)
