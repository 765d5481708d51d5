"""The executor "ray" on a real Ray cluster of three nodes on this machine: the rows of an undisturbed run, whatever
ends in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genbench.records.run_folder import Run

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
    wait_for(lambda: len(list(out.glob("jobs/*/attempt-*/.token-*"))) == 2, driver)
    time.sleep(3)
    cluster.remove_node(lost, allow_graceful=False)
    wait_for(lambda: finished(out) >= 1, driver)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert finished(out) < 4
    output = (again := start(cluster, out, *CPU)).communicate(timeout=400)[0]
    assert again.returncode == 0, output
    assert rows(out) == rows(tmp_path / "local")
    assert not list(out.glob("jobs/*/attempt-*/.token-*"))
    for result in Run.open(out).results():
        assert (tmp_path / "run").joinpath("jobs", result.id).is_dir()


def test_resources_that_no_node_has_are_told_at_once(cluster: Any, tmp_path: Path) -> None:
    ended = start(cluster, tmp_path / "gpu", *CUDA)
    output = ended.communicate(timeout=90)[0]
    assert ended.returncode == 4, output
    assert "no node of the Ray cluster has 1 CPUs, 1 GPUs" in output
