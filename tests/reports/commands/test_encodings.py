"""Output that is not UTF-8, has no colours or little room: what was written is read byte by byte."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from genbench.cli.main import run_command_line
from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench.util.stand_ins import never_fail

Make = Callable[..., Result]
Store = Callable[..., Run]

COLOUR = re.compile(rb"\x1b\[[0-9;]*(?:3[0-8]|4[0-8]|9[0-7])[0-9;]*m")


@pytest.fixture
def folder(result: Make, stored_run: Store) -> Path:
    """Two families on one data set, with an error, a kind of likelihood, a name in other letters and a failure."""
    return stored_run(
        [
            result(
                "vae", dataset="digits", figures={"frechet_distance": 1.25, "bits_per_dim": 2.0}, kind="exact"
            ),
            result("modèle-日本", family="gan", dataset="digits", figures={"frechet_distance": 0.75}),
            result("dead", dataset="digits", status="killed", reason="signal ≠ 0"),
        ]
    ).folder


def test_a_process_in_the_c_locale_shows_stand_ins(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "genbench", "show", str(folder)],
        env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "COLUMNS": "120"},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    shown = done.stdout.decode("ascii")
    assert "modele-RiBen" in shown
    assert "0.75" in shown


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
@pytest.mark.parametrize("form", ["show", "md", "csv", "json", "summary", "latex"])
def test_every_output_can_be_written(
    folder: Path, form: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding, write_through=True)
    never_fail(stream)
    monkeypatch.setattr(sys, "stdout", stream)
    arguments = ["show", str(folder)] if form == "show" else ["report", str(folder), "--format", form]
    assert run_command_line(arguments) == 0
    assert "digits" in buffer.getvalue().decode(encoding)


@pytest.mark.parametrize(
    ("environment", "is_coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
    ids=["terminal", "NO_COLOR", "dumb"],
)
def test_colours_are_for_terminals_that_want_them(
    folder: Path, environment: dict[str, str], is_coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "CI", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    shown = on_a_terminal(["show", str(folder)], monkeypatch)
    assert b"0.75" in shown
    assert bool(COLOUR.search(shown)) == is_coloured


@pytest.mark.parametrize("columns", [80, 100, 160])
def test_lines_fit_the_screen(folder: Path, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "dumb")
    lines = on_a_terminal(["show", str(folder)], monkeypatch).decode().splitlines()
    assert any("gan" in line for line in lines)
    assert max(map(len, lines)) <= columns


def on_a_terminal(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What a command writes when its standard output is a terminal."""
    master, slave = pty.openpty()
    with os.fdopen(slave, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        reader = subprocess.Popen(["cat"], stdin=master, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        os.close(master)
        assert run_command_line(arguments) == 0
        monkeypatch.undo()
    shown, _ = reader.communicate(timeout=30)
    return shown
