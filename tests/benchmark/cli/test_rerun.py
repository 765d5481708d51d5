"""`genai-bench rerun RUN JOB` with real workers: a row comes out the same, or what differs is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from genbench.cli.main import run_command_line
from genbench.records.run_folder import Run

SOURCE = '''
import torch
from genbench import ComputeMeter, DataSpec, GenerativeModel, Split


class Centre(GenerativeModel):
    """Points around the mean of the training set."""

    family, modalities = "baseline", ("points",)

    def __init__(self, spec: DataSpec, *, fails: bool = False) -> None:
        super().__init__(spec)
        self.fails = fails
        self.register_buffer("centre", torch.zeros(spec.event_shape))

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        if self.fails:
            raise RuntimeError("it was asked to fail")
        for batch in meter.batches(train, batch_size=64):
            self.centre = batch.x.mean(0)

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        return self.centre + SCALE * torch.randn(count, *self.spec.event_shape, generator=generator)
'''


def write_model(folder: Path, scale: float) -> str:
    file = folder / "rerun_centre.py"
    file.write_text(SOURCE.replace("SCALE", str(scale)))
    return f"{file}:Centre"


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def finished(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rerun") / "run"
    model = write_model(model_folder, 1.0)
    options = ["-m", model, "-m", f"{model}:fails=true", "-d", "two-moons", "--budget", "5steps", "-j", "2"]
    assert run_command_line(["run", *options, "--out", str(folder)]) == 2
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def job_id(folder: Path, *, fails: bool) -> str:
    jobs = Run.open(folder).plan.jobs
    return next(job.id for job in jobs if job.hyperparameters["fails"] is fails)


def rerun(folder: Path, beginning: str, model: str, *options: str) -> int:
    return run_command_line(["rerun", str(folder), beginning, "-m", model, *options])


def test_a_row_comes_out_the_same(
    folder: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_model(model_folder, 1.0)
    wanted = job_id(folder, fails=False)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert rerun(folder, wanted[:8], model, "-o", str(tmp_path / "again")) == 0
    said = capsys.readouterr().out
    assert "came out the same, bit for bit: all" in said
    assert "and the samples" in said
    assert Run.open(tmp_path / "again").plan.jobs[0].id == wanted
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert rerun(folder, wanted, model, "-o", str(tmp_path / "again")) == 4  # is there already


def test_another_package_is_named_though_the_row_is_the_same(
    folder: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_model(model_folder, 1.0)
    wanted = job_id(folder, fails=False)
    path = folder / "jobs" / wanted / "result.json"
    record = json.loads(path.read_text())
    record["provenance"]["packages"]["numpy"] = "1.0.0"
    path.write_text(json.dumps(record))
    assert rerun(folder, wanted, model) == 0
    said = capsys.readouterr().out
    assert "bit for bit" in said
    assert "package numpy: 1.0.0 then, " in said


def test_an_edited_model_is_named(
    folder: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = job_id(folder, fails=False)
    assert rerun(folder, wanted, write_model(model_folder, 3.0)) == 1
    said = capsys.readouterr().out
    assert "did not come out the same" in said
    assert "what differs:\n  model version: 0+" in said


def test_a_failed_job_fails_again(
    folder: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rerun(folder, job_id(folder, fails=True), write_model(model_folder, 1.0)) == 0
    said = capsys.readouterr().out
    assert "failed again in the same way: plugin_error" in said
    assert "it was asked to fail" in said


def test_what_cannot_be_run_again_is_refused_before_anything_runs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = job_id(folder, fails=False)
    assert run_command_line(["rerun", str(folder), "zz"]) == 4
    assert "no job of" in capsys.readouterr().err
    assert run_command_line(["rerun", str(folder), wanted]) == 4  # no plugin announces the class
    assert "-m my_model.py:MyModel" in capsys.readouterr().err
    (folder / "jobs" / wanted / "result.json").unlink()
    assert run_command_line(["rerun", str(folder), wanted]) == 4
    assert "has no result yet" in capsys.readouterr().err
