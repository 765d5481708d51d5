"""One damaged entry of a run folder costs its own row in every command, and is named; no command waits for it."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import synthetic_runs

from genbench.cli.main import run_command_line
from genbench.records.run_folder import Run


def _replace(path: Path, make: Callable[[Path], object]) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    make(path)


def _rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


def _without_end(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _deep(path: Path) -> None:
    text = path.read_text().rstrip().removesuffix("}")
    path.write_text(f'{text}, "more": {"[" * 100_000}{"]" * 100_000}}}')


RECORDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a folder": (lambda path: _replace(path, Path.mkdir), "is a folder"),
    "a FIFO": (lambda path: _replace(path, os.mkfifo), "is a FIFO"),
    "a loop": (lambda path: _replace(path, lambda new: new.symlink_to(new.name)), "is a symbolic link"),
    "a link to /dev/zero": (
        lambda path: _replace(path, lambda new: new.symlink_to("/dev/zero")),
        "is a symbolic link",
    ),
    "a huge number": (
        lambda path: _rewrite(path, lambda record: record["cost"].update(steps=10**400)),
        "an integer beyond 64 bits",
    ),
    "half a record": (_without_end, "cannot be read"),
    "deeply nested": (_deep, "cannot be read"),
    "the folder of the job is a file": (
        lambda path: _replace(path.parent, lambda new: new.write_text("in the way")),
        "Not a directory",
    ),
    "the folder of the job is a loop": (
        lambda path: _replace(path.parent, lambda new: new.symlink_to(new.name)),
        "is a symbolic link",
    ),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("damaged") / "run"
    synthetic_runs.write_run(
        folder, [synthetic_runs.card("grey")], {"vae": "vae", "gan": "gan", "flow": "flow"}, seeds=1
    )
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def record_of(folder: Path, model: str) -> Path:
    run = Run.open(folder)
    return run.result_path(next(job for job in run.plan.jobs if job.model == model))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("damage", RECORDS)
def test_a_damaged_record(
    damage: str, folder: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    path = record_of(folder, "vae")
    make, words = RECORDS[damage]
    make(path)
    commands = {
        "show": ["show", str(folder)],
        "json": ["report", str(folder), "--format", "json"],
        "compare": ["compare", str(folder), str(folder)],
    }
    for name, command in commands.items():
        with caplog.at_level(logging.WARNING):
            assert run_command_line(command) in (0, 3), name
        said = capsys.readouterr().out
        if name == "json":
            assert {record["job"]["model"] for record in json.loads(said)} == {"gan", "flow"}
        else:
            assert "Traceback" not in said
    named = [line for line in caplog.messages if path.parent.name in line]
    assert len(named) == 1  # and not once per command of this process
    assert re.search(words, named[0])


@pytest.mark.timeout(60)
@pytest.mark.parametrize("what", ["samples", "log", "completions"])
def test_a_fifo_in_place_of_another_file(what: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run.open(folder)
    job = next(job for job in run.plan.jobs if job.model == "vae")
    names = {"samples": "samples.safetensors", "log": "log.txt", "completions": "completions.safetensors"}
    path = run.parts_folder(job) / names[what]
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    output = folder.parent / "page.html"
    assert run_command_line(["report", str(folder), "--format", "html", "-o", str(output)]) == 0
    page = output.read_text()
    assert "Samples of gan" in page
    assert ("Samples of vae" in page) == (what != "samples")
    if what == "samples":
        assert "is a FIFO" in page
    assert run_command_line(["show", str(folder), "-m", "vae"]) == 0
    assert "vae on some-grey" in capsys.readouterr().out


@pytest.mark.timeout(60)
def test_a_plan_that_is_no_file_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _replace(folder / "run.json", os.mkfifo)
    assert run_command_line(["show", str(folder)]) == 4
    assert re.search(r"run\.json.* is a FIFO", capsys.readouterr().err)
