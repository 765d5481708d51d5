"""The executor "ray" on a real Ray cluster of three nodes on this machine: the rows of an undisturbed run, whatever
ends in between."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from genbench.execution.cluster.remote_job import MODULE
from genbench.records.run_folder import Run
from genbench.util.usable_cores import usable_cores

ray = pytest.importorskip("ray")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
WORK = ("-m", "vae", "-m", "gan", "-d", "ring8", "--budget", "200steps", "--seeds", "2", "--threads", "1")
CPU, CUDA = (*WORK, "--device", "cpu"), (*WORK, "--device", "cuda")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    yield cluster
    cluster.shutdown()


def start(cluster: Any, out: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "genbench", "run", "--executor", "ray", "--jobs", "2", "--no-probe"),
            *("--out", str(out), *arguments),
        ],
        env={**os.environ, "RAY_ADDRESS": cluster.address, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def rows(folder: Path) -> dict[str, Any]:
    """What a row says, without what it cost."""
    return {
        result.id: (
            result.status,
            [(value.name, value.value) for value in result.metrics],
            result.selected_fraction,
        )
        for result in Run.open(folder).results()
    }


def finished(folder: Path) -> int:
    return len(list(folder.glob("jobs/*/result.json")))


def wait_for(condition: Any, process: subprocess.Popen[str], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.1)


def tokens(folder: Path) -> dict[str, str]:
    """The token of each job that is on a node, by the job's id. A job that is sent again gets another."""
    return {path.parents[1].name: path.name for path in folder.glob("jobs/*/attempt-*/.token-*")}


@pytest.fixture
def busy() -> Iterator[None]:
    """Other work on every core: jobs must start beside it, too."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(usable_cores())]
    yield
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.timeout(580)
def test_a_lost_node_and_a_lost_driver_change_no_row(cluster: Any, tmp_path: Path) -> None:
    undisturbed = subprocess.run(
        [
            *(sys.executable, "-m", "genbench", "run", *CPU, "--jobs", "1", "--no-probe"),
            *("--out", str(tmp_path / "local")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert undisturbed.returncode == 0, undisturbed.stdout + undisturbed.stderr

    out = tmp_path / "run"
    lost = cluster.add_node(num_cpus=1)
    driver = start(cluster, out, *CPU)
    wait_for(lambda: len(tokens(out)) == 2, driver)
    sent = tokens(out)
    time.sleep(3)
    cluster.remove_node(lost, allow_graceful=False)
    # the job of the lost node is sent again, and no other
    wait_for(
        lambda: len([job for job, token in tokens(out).items() if sent.get(job, token) != token]) == 1, driver
    )
    wait_for(lambda: finished(out) >= 1, driver)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert finished(out) < 4
    before = {path.parent.name: path.read_bytes() for path in out.glob("jobs/*/result.json")}
    output = (again := start(cluster, out, *CPU)).communicate(timeout=400)[0]
    assert again.returncode == 0, output
    assert rows(out) == rows(tmp_path / "local")
    assert not tokens(out)
    for job, record in before.items():  # what was finished is not run again
        assert (out / "jobs" / job / "result.json").read_bytes() == record


@pytest.mark.timeout(580)
@pytest.mark.usefixtures("busy")
def test_a_worker_that_is_killed_costs_its_row_and_is_not_retried(cluster: Any, tmp_path: Path) -> None:
    out = tmp_path / "run"
    driver = start(cluster, out, *CPU)
    wait_for(lambda: tokens(out) and workers(), driver)
    [worker], seen = workers(), set(tokens(out).items())
    worker.kill()
    while driver.poll() is None:
        seen |= set(tokens(out).items())
        time.sleep(0.1)
    assert driver.returncode == 2, driver.communicate()[0]
    results = list(Run.open(out).results())
    assert sorted(result.status for result in results) == ["killed", "ok", "ok", "ok"]
    [killed] = [result for result in results if result.status == "killed"]
    assert killed.reason is not None
    assert killed.reason.startswith("Ray ended the job: ")
    assert len(seen) == 4  # each job was sent once


def workers() -> list[psutil.Process]:
    """The processes of Ray that run a job now; the cluster's nodes are children of this process."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if f"{MODULE} {process.ppid()}" in " ".join(process.cmdline()) and (parent := process.parent()):
                found.append(parent)
    return found


def test_resources_that_no_node_has_are_told_at_once(cluster: Any, tmp_path: Path) -> None:
    ended = start(cluster, tmp_path / "gpu", *CUDA)
    output = ended.communicate(timeout=90)[0]
    assert ended.returncode == 4, output
    assert "no node of the Ray cluster has 1 CPUs, 1 GPUs" in output
