"""Runs go on where an entry of their folder is damaged, and where the file system lacks what others have."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from genbench.cli.main import run_command_line
from genbench.errors import UsageError
from genbench.records.run_folder import Run
from genbench.util import cache_folder

COMMAND = ["run", "-m", "marginals", "-m", "copier", "-d", "two-moons", "--budget", "20steps", "--no-probe"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made on a file system without hard links and permissions."""
    folder = tmp_path_factory.mktemp("no-links") / "run"

    def fail(*arguments: object, **more: object) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "link", fail)
        patch.setattr(Path, "chmod", fail)
        patch.setattr(os, "fsync", fail)
        assert run_command_line([*COMMAND, "--out", str(folder)]) == 0
    return folder


def test_a_run_needs_no_hard_links(finished: Path) -> None:
    results = Run.open(finished).results()
    assert [result.status for result in results] == ["ok", "ok"]
    assert not list(finished.rglob(".*"))


@pytest.mark.timeout(200)
def test_damaged_jobs_run_again_and_keep_what_was_there(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "run"))
    run = Run.open(folder)
    record, other = (run.result_path(job) for job in run.plan.jobs)
    record.unlink()
    os.mkfifo(record)
    shutil.rmtree(other.parent)
    other.parent.symlink_to(other.parent.name)
    assert run_command_line([*COMMAND, "--out", str(folder)]) == 0
    assert "2 jobs to run" in capsys.readouterr().out
    assert [result.status for result in Run.open(folder).results()] == ["ok", "ok"]
    assert record.with_suffix(".unreadable").is_fifo()
    assert len(list((folder / "jobs").glob(f"{other.parent.name}.unreadable-*"))) == 1


@pytest.mark.timeout(200)
def test_samples_that_are_a_fifo_cost_their_own_row_when_they_are_scored(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "run"))
    run = Run.open(folder)
    path = run.samples_path(run.plan.jobs[0])
    path.unlink()
    os.mkfifo(path)
    assert run_command_line(["score", str(folder), "-m", "frechet_distance"]) == 2
    said = capsys.readouterr().out
    assert "is a FIFO" in said
    assert "1 of 2 jobs scored" in said


def test_a_folder_that_cannot_hold_a_run_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/not-utf8-\xff")
    assert run_command_line([*COMMAND, "--out", folder]) == 4
    said = capsys.readouterr().err
    assert "is not UTF-8" in said
    assert len(said.splitlines()) == 1
    monkeypatch.setattr("mmap.mmap", _refuse)
    assert run_command_line([*COMMAND, "--out", str(tmp_path / "fuse")]) == 4
    assert "cannot be mapped into memory (No such device)" in capsys.readouterr().err


def _refuse(*arguments: object, **more: object) -> None:
    raise OSError(errno.ENODEV, "No such device")


@pytest.mark.parametrize("command", [["run", "--suite"], ["show"], ["score"], ["compare", "baseline.json"]])
def test_names_past_the_limit_of_the_system_are_one_line(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line([*command, "x" * 300]) == 4
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_without_a_home_the_cache_is_a_folder_of_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_home(*arguments: object) -> None:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.delenv("GENBENCH_DATA", raising=False)
    monkeypatch.setattr("platformdirs.user_cache_dir", no_home)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    folder = cache_folder.cache_folder()
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o077 == 0
    folder.chmod(0o777)
    with pytest.raises(UsageError, match="belongs to others; set GENBENCH_DATA"):
        cache_folder.cache_folder()
