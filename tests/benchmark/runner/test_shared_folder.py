"""Several processes on one run folder: each job is trained once, and a job whose process ends is run by another."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from plugin_folders import environment_with, write_plugin

from genbench.records.run_folder import Run
from genbench.util.leases import Leases

COUNTING = """
import os, time
import torch
from genbench import GenerativeModel, ModelCard, hookimpl

@hookimpl
def genbench_models():
    yield ModelCard(name="counting", family="baseline", summary="notes each training", factory="counting:Counting",
                    modalities=("points",), capabilities=("sample",))

class Counting(GenerativeModel):
    def fit(self, train, meter):
        with open(os.environ["TRAININGS"], "a") as file:
            file.write(f"{os.getpid()}\\n")
        for batch in meter.batches(train, batch_size=8):
            time.sleep(float(os.environ["STEP_SECONDS"]))

    def sample(self, count, generator):
        return torch.randn(count, *self.spec.event_shape, generator=generator)
"""
SUITE = """
summary = "to be shared"
budget = "10steps"
sampling_seconds = 30.0
seeds = 3
samples = 50
importance_samples = 8
"""
PATIENCE_SECONDS = 200


class Shared:
    """A run folder, and the processes that share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "run"
        self.trainings_file = folder / "trainings"
        self.suite = folder / "shared.toml"
        self.suite.write_text(SUITE)
        self.plugins = folder / "plugins"
        write_plugin(self.plugins, "counting", COUNTING)

    def start(self, *more: str, step_seconds: float = 0.02) -> subprocess.Popen[str]:
        command = ["run", "-m", "counting", "-d", "ring8", "-d", "two-moons", "--suite", str(self.suite)]
        options = ["--jobs", "1", "--threads", "1", "--no-probe", "--out", str(self.folder)]
        return subprocess.Popen(
            [sys.executable, "-m", "genbench", *command, *options, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment_with(
                self.plugins, TRAININGS=str(self.trainings_file), STEP_SECONDS=str(step_seconds)
            ),
        )

    def trainings(self) -> int:
        return len(self.trainings_file.read_text().splitlines()) if self.trainings_file.exists() else 0

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in sorted(self.folder.glob("jobs/*/result.json"))]

    def check_parts(self) -> None:
        """Every record names its files by their checksums, and no others are left."""
        for record in self.records():
            folder = self.folder / "jobs" / record["id"]
            assert {path.name for path in folder.iterdir()} == {"result.json", record["attempt"]}
            parts = {
                path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                for path in (folder / record["attempt"]).iterdir()
            }
            assert parts == record["parts"]
            assert {"samples.safetensors", "log.txt"} <= parts.keys()


def finish(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, output
    return output


def wait_until(condition: Callable[[], bool], *processes: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        for process in processes:
            assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.01)


@pytest.fixture(params=["local", pytest.param("exfat", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder on a local disk, or on an exFAT volume, which has no hard links, mounted through FUSE."""
    if request.param == "local":
        yield tmp_path
        return
    tools = ("mkfs.exfat", "mount.exfat-fuse", "losetup", "umount")
    if sys.platform != "linux" or os.geteuid() != 0 or not all(map(shutil.which, tools)):
        pytest.skip(f"needs root and {', '.join(tools)} (on Debian: exfatprogs, exfat-fuse)")
    image, volume = tmp_path / "image", tmp_path / "volume"
    volume.mkdir()
    with image.open("wb") as file:
        file.truncate(64 * 2**20)
    said: list[str] = []
    for command in (["mkfs.exfat", str(image)], ["losetup", "--find", "--show", str(image)]):
        done = subprocess.run(command, capture_output=True, text=True)
        said.append(done.stdout.strip())
        if done.returncode:
            pytest.skip(f"{command[0]}: {done.stderr.strip()}")
    if subprocess.run(["mount.exfat-fuse", said[1], str(volume)], capture_output=True).returncode:
        subprocess.run(["losetup", "--detach", said[1]], check=False)
        pytest.skip("needs the right to mount a file system")
    try:
        (volume / "file").touch()
        with pytest.raises(PermissionError):
            os.link(volume / "file", volume / "linked")
        yield volume
    finally:
        subprocess.run(["umount", str(volume)], check=False)
        subprocess.run(["losetup", "--detach", said[1]], check=False)


def test_two_processes_train_each_job_once(place: Path) -> None:
    shared = Shared(place)
    outputs = [finish(process) for process in [shared.start(), shared.start()]]
    records = shared.records()
    assert Counter(record["status"] for record in records) == {"ok": 6}
    assert len({(record["job"]["dataset"], record["job"]["seed"]) for record in records}) == 6
    assert shared.trainings() == 6
    workers = {line.split()[-1] for line in shared.trainings_file.read_text().splitlines()}
    assert len(workers) == 6
    shared.check_parts()
    assert not [name for name in Leases(shared.folder / "leases").latest() if name != "folder"]
    for output in outputs:
        assert "6 jobs to run" in output or "done already" in output, output


def test_the_job_of_a_killed_process_is_taken_over(place: Path) -> None:
    shared = Shared(place)
    first = shared.start(step_seconds=60.0)
    wait_until(lambda: shared.trainings() == 1, first)
    family = psutil.Process(first.pid).children(recursive=True)
    second = shared.start()
    wait_until(lambda: len(shared.records()) == 5, second)
    assert shared.trainings() == 6
    first.send_signal(signal.SIGKILL)
    first.communicate()
    output = finish(second)
    assert f"process {first.pid} on " in output
    psutil.wait_procs(family, timeout=20)
    assert len(shared.records()) == 6
    assert shared.trainings() == 7
    assert not Run.open(shared.folder).pending()
    shared.check_parts()


@pytest.mark.slow
def test_a_process_that_does_not_wait_names_who_works(tmp_path: Path) -> None:
    shared = Shared(tmp_path)
    first = shared.start(step_seconds=8.0)
    wait_until(lambda: shared.trainings() == 1, first)
    output = finish(shared.start("--no-wait"))
    assert f"1 job is left to other processes: process {first.pid} on " in output
    assert len(shared.records()) == 5
    finish(first)
    assert len(shared.records()) == shared.trainings() == 6
