"""What is published: wheel and sdist are built, installed apart from this tree, and run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parent.parent
VERSION = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def run(*command: str, folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environment | {"COLUMNS": "200"}, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("distributions")
    run(sys.executable, "-m", "hatchling", "build", "-d", str(folder), folder=REPOSITORY)
    return folder


def content(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@pytest.mark.slow
def test_a_wheel_has_what_the_harness_reads_and_nothing_of_the_tests(distributions: Path) -> None:
    (wheel,) = distributions.glob("*.whl")
    assert wheel.name == f"genbench-{VERSION}-py3-none-any.whl"
    names = content(wheel)
    assert {name.partition("/")[0] for name in names} == {
        "genbench",
        "genbench_datasets",
        "genbench_models",
        "genbench_reports",
        "pytest_genbench",
    }
    tracked = run("git", "ls-files", "benchmark", "plugins", "datasets", "reports", folder=REPOSITORY).split(
        "\n"
    )
    sources = {
        path.partition("/")[2]
        for path in tracked
        if re.match(r"(benchmark|plugins|datasets|reports)/\w*genbench\w*/", path)
        and (REPOSITORY / path).is_file()
    }
    assert sources <= names, sorted(sources - names)[:5]


@pytest.mark.slow
def test_a_wheel_from_the_sdist_is_the_wheel(distributions: Path, tmp_path: Path) -> None:
    (wheel,), (sdist,) = distributions.glob("*.whl"), distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (tree,) = tmp_path.iterdir()
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "again"), folder=tree)
    (again,) = (tmp_path / "again").glob("*.whl")
    assert content(again) == content(wheel)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the layout of the environment is that of POSIX")
def test_an_installed_wheel_runs_without_the_tree(distributions: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = str(tmp_path / "env" / "bin" / "python")
    (wheel,) = distributions.glob("*.whl")
    run(python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel), folder=tmp_path)
    (site_packages,) = (tmp_path / "env" / "lib").glob("python*/site-packages")
    # the libraries of this environment come after; its .pth files, and with them this tree, are not read
    (site_packages / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    where = run(python, "-c", "import genbench, genbench_models; print(genbench.__file__)", folder=tmp_path)
    assert Path(where.strip()).is_relative_to(tmp_path)
    command = str(tmp_path / "env" / "bin" / "genai-bench")
    assert run(command, "--version", folder=tmp_path).split() == ["genai-bench", VERSION]
    run(
        command,
        "run",
        "-m",
        "vae",
        "-m",
        "marginals",
        "-d",
        "ring8",
        "--budget",
        "20steps",
        "--out",
        "r",
        folder=tmp_path,
    )
    assert (tmp_path / "r" / "leaderboard.md").is_file()
    run(command, "plugin", "new", "my-model", folder=tmp_path)
    assert (tmp_path / "my-model" / "pyproject.toml").is_file()


def test_only_a_tag_publishes_and_without_a_token() -> None:
    text = (REPOSITORY / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    assert workflow[True]["push"] == {"tags": ["v*"]}  # YAML 1.1 reads `on` as true
    assert publish["if"] == "github.event_name == 'push'"
    assert publish["needs"] == "build"
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"]["name"] == "pypi"
    assert workflow["permissions"] == {"contents": "read"}
    assert "permissions" not in build
    assert "password" not in text
    assert "secrets." not in text


def test_the_conda_recipe_asks_for_what_pyproject_does() -> None:
    recipe = yaml.safe_load((REPOSITORY / ".ci" / "conda" / "recipe.yaml").read_text(encoding="utf-8"))
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert recipe["context"]["version"] == project["version"]
    wanted = [f"python{project['requires-python']}", *project["dependencies"]]
    found = [line.replace(" ", "") for line in recipe["requirements"]["run"]]
    assert found == [line.replace("torch>", "pytorch>") for line in wanted]
    scripts = [f"{name} = {place}" for name, place in project["scripts"].items()]
    assert recipe["build"]["python"]["entry_points"] == scripts


@pytest.mark.slow
def test_the_documents_of_each_version_are_kept(tmp_path: Path) -> None:
    pytest.importorskip("mike")
    mike = (sys.executable, "-c", "from mike.driver import main; main()")
    clone = tmp_path / "clone"
    run("git", "clone", "--quiet", "--no-tags", str(REPOSITORY), str(clone), folder=tmp_path)
    for name, value in (("user.name", "a maintainer"), ("user.email", "maintainer@example.org")):
        run("git", "config", name, value, folder=clone)
    for version in ("0.1.0", "0.2.0"):
        run(*mike, "deploy", "--update-aliases", version, "latest", folder=clone)
    run(*mike, "set-default", "latest", folder=clone)
    listed = json.loads(run("git", "show", "gh-pages:versions.json", folder=clone))
    assert [(entry["version"], entry["aliases"]) for entry in listed] == [
        ("0.2.0", ["latest"]),
        ("0.1.0", []),
    ]
    files = run("git", "ls-tree", "-r", "--name-only", "gh-pages", folder=clone).split("\n")
    assert {"index.html", "0.1.0/index.html", "0.2.0/getting-started.html"} <= {*files}
