"""`genai-bench run --gpus-per-job`, on machines whose GPUs are not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stand_in_gpu import StandInDevice, StandInNvml

from genbench.cli import run as command
from genbench.cli.main import run_command_line
from genbench.records.run_folder import Run

WORK = ["run", "-m", "vae", "-d", "ring8", "--budget", "5steps", "--no-probe", "--out", "made"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> StandInNvml:
    """A machine with three GPUs, one of which others use. Nothing runs."""
    nvml = StandInNvml(
        [StandInDevice("GPU-a"), StandInDevice("GPU-b", pids=(41,), used=1 << 30), StandInDevice("GPU-c")]
    )
    nvml.install(monkeypatch)
    monkeypatch.setattr(command, "choose_device", lambda wanted: "cuda")

    def run_nothing(
        run: Run, jobs: Any, registry: Any, execution: Any, *others: Any, **settings: Any
    ) -> None:
        print("at once:", execution.workers)

    monkeypatch.setattr(command, "run_benchmark", run_nothing)
    return nvml


def test_on_the_cpu_it_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([*WORK, "--device", "cpu", "--gpus-per-job", "2"]) == 4
    assert "--gpus-per-job 2: jobs on the CPU use none; add --device cuda" in capsys.readouterr().err


@pytest.mark.usefixtures("three")
def test_more_than_the_machine_has_are_refused_before_anything_is_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_command_line([*WORK, "--gpus-per-job", "4"]) == 4
    assert "--gpus-per-job 4: this machine has 3 GPUs that this process may use" in capsys.readouterr().err
    assert not Path("made").exists()


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("options", "mask", "workers"),
    [([], None, 3), (["--gpus-per-job", "2"], None, 1), (["-j", "5"], None, 5), ([], "2,0", 2)],
)
def test_as_many_jobs_run_at_once_as_the_gpus_suffice_for(
    options: list[str],
    mask: str | None,
    workers: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if mask is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", mask)
    run_command_line([*WORK, "--threads", "1", *options])
    assert f"at once: {workers}" in capsys.readouterr().out
    [job] = Run.open(Path("made")).plan.jobs
    assert job.gpus == (2 if options[:1] == ["--gpus-per-job"] else None)


@pytest.mark.usefixtures("three")
def test_neighbours_on_a_gpu_are_reported_and_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    run_command_line([*WORK, "--threads", "1"])
    lines = " ".join(capsys.readouterr().out.split())
    assert "another process uses the GPU GPU-b (pid 41); 1.0 of its 80.0 GiB are taken" in lines
    assert "GPU GPU-a" not in lines
    recorded = Run.open(Path("made")).plan.provenance["gpus"]
    assert [(gpu["token"], gpu["memory_bytes"], gpu["processes"]) for gpu in recorded] == [
        ("GPU-a", 80 << 30, []),
        ("GPU-b", 80 << 30, [41]),
        ("GPU-c", 80 << 30, []),
    ]
