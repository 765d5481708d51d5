"""The files that contributors and their tools meet first: workflow of the tests, issue forms, hooks, citation."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

FORMS = ("bug", "model-or-plugin", "wrong-number")


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def workflow(repository: Path) -> dict[str, Any]:
    return load(repository / ".github/workflows/test.yml")


@pytest.fixture(scope="module")
def project(repository: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    return loaded


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_the_fast_tests_run_on_every_python_on_push_and_pull_request(
    workflow: dict[str, Any], project: dict[str, Any]
) -> None:
    assert {"push", "pull_request"} <= set(workflow[True])  # YAML 1.1 reads `on` as a boolean
    job = workflow["jobs"]["test"]
    versions = job["strategy"]["matrix"]["python"]
    assert versions == ["3.11", "3.12", "3.13"]  # strings: the number 3.10 would be read as 3.1
    assert project["requires-python"] == f">={versions[0]}"
    assert job["if"] == "${{ github.event_name != 'schedule' }}"
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make test PYTHON=python"]


def test_the_slow_tests_run_every_night(workflow: dict[str, Any]) -> None:
    (nightly,) = workflow[True]["schedule"]
    minute, hour, *days = nightly["cron"].split()
    assert 0 <= int(minute) < 60
    assert 0 <= int(hour) < 24
    assert days == ["*", "*", "*"]
    job = workflow["jobs"]["slow"]
    assert "schedule" in job["if"]
    assert [step["run"] for step in job["steps"] if "run" in step] == [
        "make test-slow PYTHON=python",
        "make measure-slow PYTHON=python",
    ]


def test_the_workflow_may_only_read(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in workflow["jobs"].values())
    assert not any("${{" in step["run"] for step in steps(workflow) if "run" in step)
    checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == len(workflow["jobs"])
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_jobs_end_and_outdated_ones_are_cancelled(workflow: dict[str, Any]) -> None:
    assert all(0 < job["timeout-minutes"] <= 90 for job in workflow["jobs"].values())
    assert "github.ref" in workflow["concurrency"]["group"]
    assert "github.event_name" in workflow["concurrency"]["group"]  # a push never cancels the nightly run
    assert "pull_request" in workflow["concurrency"]["cancel-in-progress"]


def test_packages_are_cached_by_the_files_that_name_them(workflow: dict[str, Any], repository: Path) -> None:
    setups = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/setup-python@")]
    assert len(setups) == len(workflow["jobs"])
    for step in setups:
        assert step["with"]["cache"] == "pip"
        assert step["with"]["python-version"] == "${{ matrix.python }}"
        assert all((repository / name).is_file() for name in step["with"]["cache-dependency-path"].split())


def test_workflows_call_targets_that_the_makefile_has(workflow: dict[str, Any], repository: Path) -> None:
    called = {name for step in steps(workflow) for name in re.findall(r"make ([a-z-]+)", step.get("run", ""))}
    called |= set(
        re.findall(r"^(?:exec )?make ([a-z-]+)", (repository / ".ci/run").read_text(), re.MULTILINE)
    )
    assert called == {"test", "test-slow", "measure-slow"}
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{name}:", makefile, re.MULTILINE) for name in called)


def test_both_workflows_use_the_same_version_of_an_action(repository: Path) -> None:
    text = "".join(path.read_text() for path in sorted((repository / ".github/workflows").glob("*.yml")))
    used = set(re.findall(r"uses: ([\w-]+/[\w-]+)@(\S+)", text))
    assert len(used) == len({action for action, _ in used}) >= 3


def test_actionlint_finds_nothing(repository: Path) -> None:
    if shutil.which("actionlint") is None:
        pytest.skip("actionlint is not on PATH")
    workflows = sorted((repository / ".github/workflows").glob("*.yml"))
    assert len(workflows) >= 3
    subprocess.run(["actionlint", *map(str, workflows)], check=True)


def test_there_is_a_form_for_every_kind_of_issue(repository: Path) -> None:
    folder = repository / ".github/ISSUE_TEMPLATE"
    assert {path.name for path in folder.iterdir()} == {*(f"{name}.yml" for name in FORMS), "config.yml"}
    assert load(folder / "config.yml") == {"blank_issues_enabled": True}


@pytest.mark.parametrize("name", FORMS)
def test_an_issue_form_is_one_that_github_accepts(name: str, repository: Path) -> None:
    """The rules of GitHub's form schema: which keys there are, and what each kind of field must have."""
    form = load(repository / f".github/ISSUE_TEMPLATE/{name}.yml")
    assert set(form) == {"name", "description", "labels", "body"}
    questions = [field for field in form["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in questions}) == len(questions) >= 3
    for field in questions:
        assert field["type"] in {"textarea", "input", "dropdown", "checkboxes"}
        assert re.fullmatch(r"[\w-]+", field["id"])
        assert field["attributes"]["label"]
        assert ("options" in field["attributes"]) == (field["type"] in {"dropdown", "checkboxes"})
        assert set(field) <= {"type", "id", "attributes", "validations"}
    assert any(field.get("validations") == {"required": True} for field in questions)


@pytest.mark.parametrize(
    "name", [*(f"ISSUE_TEMPLATE/{name}.yml" for name in FORMS), "pull_request_template.md"]
)
def test_templates_name_files_that_exist(name: str, repository: Path) -> None:
    text = (repository / ".github" / name).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:docs/[\w./-]+|[A-Z]{4,}\.md)", text))
    assert all((repository / each).exists() for each in named), named


def test_the_hooks_of_git_are_the_checks_of_the_makefile(repository: Path) -> None:
    """Local hooks that run what is in .venv: nothing is downloaded, and versions cannot differ."""
    (local,) = load(repository / ".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    check = makefile.split("\ncheck:")[1].split("\n\n")[0]
    wanted = [line.split("/")[1].split() for line in check.splitlines()[1:]]
    tools = {tuple(command[:2]) if command[0] == "ruff" else (command[0],) for command in wanted}
    hooks = [hook["entry"].removeprefix(".venv/bin/").split() for hook in local["hooks"]]
    assert {tuple(entry[:2]) if entry[0] == "ruff" else (entry[0],) for entry in hooks} == tools
    assert all(hook["language"] == "system" for hook in local["hooks"])
    assert all(hook["entry"].startswith(".venv/bin/") for hook in local["hooks"])


def test_the_hooks_run_for_the_files_that_they_are_about(repository: Path) -> None:
    (local,) = load(repository / ".pre-commit-config.yaml")["repos"]
    whole_program = [hook for hook in local["hooks"] if hook.get("pass_filenames") is False]
    assert {hook["id"] for hook in whole_program} == {"mypy", "import-linter"}
    for hook, file in product(
        whole_program,
        ("benchmark/genbench/errors.py", "reports/genbench_reports/__init__.py", "pyproject.toml"),
    ):
        assert (repository / file).is_file()
        assert re.search(hook["files"], file), (hook["id"], file)
        assert not re.search(hook["files"], "README.md")


def test_the_citation_is_of_this_version(project: dict[str, Any], repository: Path) -> None:
    citation = load(repository / "CITATION.cff")
    assert {"cff-version", "message", "title", "authors", "version", "license"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    assert str(citation["version"]) == project["version"]
    assert citation["license"] == project["license"]
    assert all(
        "name" in author or {"given-names", "family-names"} & set(author) for author in citation["authors"]
    )
