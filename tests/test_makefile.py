"""How `make` sets up .venv: which torch it takes. Real environments, with wheels of a torch of one line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")

PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "needs-torch"
version = "1"
"""

BACKEND = '''
"""Builds a package without a network: it holds nothing and needs torch."""

import zipfile


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "needs_torch-1-py3-none-any.whl"
    folder = "needs_torch-1.dist-info"
    metadata = "Metadata-Version: 2.1\\nName: needs-torch\\nVersion: 1\\n"
    metadata += "Provides-Extra: dev\\nRequires-Dist: torch>=2.6\\n"
    with zipfile.ZipFile(f"{wheel_directory}/{name}", "w") as wheel:
        wheel.writestr(f"{folder}/METADATA", metadata)
        wheel.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{folder}/RECORD", "")
    return name
'''


TOOLS = ("ruff", "mypy", "import-linter")


def package_files(name: str, version: str) -> dict[str, str]:
    module = name.replace("-", "_")
    folder = f"{module}-{version}.dist-info"
    return {
        f"{module}/__init__.py": f"__version__ = {version!r}\n",
        f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{folder}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{folder}/RECORD": "",
    }


def write_wheel(folder: Path, name: str, version: str) -> None:
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl", "w") as wheel:
        for file, text in package_files(name, version).items():
            wheel.writestr(file, text)


@pytest.fixture
def clone(tmp_path: Path, repository: Path) -> Path:
    """A folder with the Makefile and constraints of this repository around a project that needs nothing but torch.

    `wheels` is what pip may install from: the pinned torch, a newer one, and the tools of `make check`.
    """
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("Makefile", "constraints.txt"):
        shutil.copy(repository / name, folder / name)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "backend.py").write_text(BACKEND)
    for name, version in (
        ("torch", pinned(repository)),
        ("torch", "99.0"),
        *((tool, "1.0") for tool in TOOLS),
    ):
        write_wheel(tmp_path / "wheels", name, version)
    return folder


def pinned(repository: Path) -> str:
    (version,) = re.findall(r"^torch==(.+)$", (repository / "constraints.txt").read_text(), re.MULTILINE)
    return str(version)


def python_with(folder: Path, torch: str | None) -> Path:
    """An interpreter without packages, or with this torch and a ruff that satisfies the project."""
    venv.create(folder)
    (site_packages,) = (folder / "lib").glob("python*/site-packages")
    files = {**package_files("torch", torch), **package_files("ruff", "1.0")} if torch else {}
    for name, text in files.items():
        (site_packages / name).parent.mkdir(exist_ok=True)
        (site_packages / name).write_text(text)
    return folder / "bin" / "python"


def set_up(clone: Path, python: Path, settings: Sequence[str] = ()) -> tuple[str, Path]:
    """Version and file of the torch that the environment has in the end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "MAKE"))}
    environment.pop("PYTHONPATH", None)
    environment |= {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(clone.parent / "wheels"),
        "PIP_CONFIG_FILE": os.devnull,
    }
    made = subprocess.run(
        ["make", ".venv/.ready", f"PYTHON={python}", *settings],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    asked = subprocess.run(
        [str(clone / ".venv/bin/python"), "-c", "import torch; print(torch.__version__, torch.__file__)"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    version, file = asked.stdout.split(maxsplit=1)
    return version, Path(file.strip())


@pytest.mark.slow
@pytest.mark.parametrize("present", [None, "2.5.1"], ids=["no torch", "a torch that is too old"])
def test_the_pinned_torch_is_installed_where_there_is_none_to_use(
    present: str | None, clone: Path, tmp_path: Path, repository: Path
) -> None:
    version, file = set_up(clone, python_with(tmp_path / "base", present))
    assert version == pinned(repository)
    assert file.is_relative_to(clone / ".venv")


@pytest.mark.slow
def test_a_torch_that_is_installed_already_is_used_from_where_it_is(clone: Path, tmp_path: Path) -> None:
    version, file = set_up(clone, python_with(tmp_path / "base", "2.9.1+cu130"))
    assert version == "2.9.1+cu130"
    assert file.is_relative_to(tmp_path / "base")
    (site_packages,) = (clone / ".venv").glob("lib/python*/site-packages")
    assert not list(site_packages.glob("torch*"))
    # the commands of `make check` are started from .venv/bin, so another environment's do not count
    assert {tool.replace("-", "_") for tool in TOOLS} <= {path.name for path in site_packages.iterdir()}


@pytest.mark.slow
def test_the_variable_names_another_torch_and_where_it_is(clone: Path, tmp_path: Path) -> None:
    """It wins over the pin and over a torch that is installed already."""
    write_wheel(tmp_path / "cpu", "torch", "2.12.0+cpu")
    choice = f"TORCH=torch==2.12.0 --find-links {tmp_path / 'cpu'}"
    version, file = set_up(clone, python_with(tmp_path / "base", "2.9.1"), [choice])
    assert version == "2.12.0+cpu"
    assert file.is_relative_to(clone / ".venv")


def test_the_oldest_torch_that_is_used_is_the_oldest_that_the_project_takes(repository: Path) -> None:
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    (major, minor) = re.findall(r">= \((\d+), (\d+)\)", makefile)[0]
    assert f'"torch>={major}.{minor}"' in (repository / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("settings", [[], ["TORCH=torch==2.13.0 --index-url https://example.org/cpu"]])
def test_the_commands_that_make_would_run_are_sound_shell(settings: list[str], repository: Path) -> None:
    shown = subprocess.run(
        ["make", "-n", "-B", ".venv/.ready", f"PYTHON={sys.executable}", *settings],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    subprocess.run(["sh", "-n"], input=textwrap.dedent(shown), text=True, check=True)
    assert f"{sys.executable} -m venv .venv" in shown
    assert (
        shown.count("-m pip install") == 4
    )  # the one chosen; tools beside an installed one; the pinned one; the project
    if settings:
        assert "torch==2.13.0 --index-url https://example.org/cpu;" in shown
