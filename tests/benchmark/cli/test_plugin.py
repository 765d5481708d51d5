"""`genai-bench plugin`: a package that works as it is written, and verdicts in plain words."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from genbench import ModelCard
from genbench.cli.main import run_command_line
from genbench.plugin.discovery import load_registry

CARD = ModelCard(
    name="failing",
    family="gan",
    summary="raises in fit",
    factory="failing_fit:FailsInFit",
    modalities=("points",),
    discrete=True,
)


def test_a_new_package_keeps_the_contract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path / "my-own-vae"), *sys.path])
    folder = tmp_path / "my-own-vae"
    assert run_command_line(["plugin", "new", "my-own-vae", "--folder", str(folder)]) == 0
    assert "genai-bench plugin check my-own-vae" in capsys.readouterr().out
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert written == {
        "README.md",
        "pyproject.toml",
        "my_own_vae/__init__.py",
        "my_own_vae/model.py",
        "tests/test_my_own_vae.py",
    }
    importlib.invalidate_caches()
    card = msgspec.structs.replace(importlib.import_module("my_own_vae").CARD, modalities=("points",))
    registry = load_registry().extended(models=[card])
    assert run_command_line(["plugin", "check", "my-own-vae"], registry) == 0
    shown = capsys.readouterr().out
    assert "holds on points-2-levels, points-5-levels, points-real: card is well formed" in shown
    assert "broken" not in shown
    assert run_command_line(["plugin", "new", "my-own-vae", "--folder", str(folder)]) == 4
    assert "is there already and is not an empty folder" in capsys.readouterr().err


@pytest.mark.slow
def test_a_new_package_is_installed_run_and_tested(tmp_path: Path) -> None:
    """In an environment of its own, which sees the packages of this one."""
    folder, python = tmp_path / "my-own-vae", tmp_path / "venv" / "bin" / "python"

    def start(*command: str | Path) -> str:
        done = subprocess.run(
            [*map(str, command)], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    start(sys.executable, "-m", "genbench", "plugin", "new", "my-own-vae")
    start(sys.executable, "-m", "venv", "--system-site-packages", tmp_path / "venv")
    here = [path for path in sys.path if path.endswith("site-packages")]
    (next((tmp_path / "venv" / "lib").glob("python*")) / "site-packages" / "here.pth").write_text(
        "\n".join(f"import site; site.addsitedir({path!r})" for path in here)  # their .pth files count, too
    )
    start(
        python, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation", "-e", folder
    )
    assert "holds on" in start(python, "-m", "genbench", "plugin", "check", "my-own-vae")
    run = ["run", "-m", "my-own-vae", "-d", "ring8", "--budget", "20steps", "--no-probe"]
    assert "my-own-vae" in start(python, "-m", "genbench", *run)
    assert "passed" in start(python, "-m", "pytest", "-q", folder)


def test_a_problem_is_reported_once(capsys: pytest.CaptureFixture[str]) -> None:
    registry = load_registry().extended(models=[CARD])
    assert run_command_line(["plugin", "check", "failing"], registry) == 2
    shown = capsys.readouterr().out
    broken = [line for line in shown.splitlines() if "broken" in line and "there is no such feature" in line]
    assert len(broken) == 1
    assert "on points-2-levels, points-5-levels" in broken[0]


def test_a_class_that_cannot_be_imported_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    card = msgspec.structs.replace(CARD, factory="there_is_no_such_module:Model")
    registry = load_registry().extended(models=[card])
    assert run_command_line(["plugin", "check", "failing"], registry) == 2
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "broken" in line]
    assert "No module named 'there_is_no_such_module'" in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["new", "My_Model"], "expected lower case with hyphens, as in my-model"),
        (["check", "veo"], "unknown model or plugin 'veo'; did you mean 'vae'"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["plugin", *arguments]) == 4
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
