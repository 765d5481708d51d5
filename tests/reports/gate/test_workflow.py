"""The workflow and the composite action: their YAML, and their shell steps, run here with stand-ins on PATH."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ACTION = Path(".github/actions/genai-bench/action.yml")
WORKFLOW = Path(".github/workflows/benchmark.yml")
HOSTILE = "$(touch pwned) `touch pwned` \"; touch pwned; ' \n::error::x"


@pytest.fixture(scope="module")
def action(repository: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((repository / ACTION).read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def workflow(repository: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((repository / WORKFLOW).read_text(encoding="utf-8"))
    return loaded


def all_steps(action: dict[str, Any], workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from action["runs"]["steps"]
    for job in workflow["jobs"].values():
        yield from job["steps"]


def test_nothing_is_interpolated_into_a_shell(action: dict[str, Any], workflow: dict[str, Any]) -> None:
    scripts = [step["run"] for step in all_steps(action, workflow) if "run" in step]
    assert len(scripts) >= 5
    assert not [script for script in scripts if "${{" in script]


def test_a_forks_code_never_meets_a_token_that_may_write(workflow: dict[str, Any]) -> None:
    triggers = workflow[True]  # YAML 1.1 reads `on` as a boolean
    assert set(triggers) == {"pull_request", "workflow_dispatch"}
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    checkout = workflow["jobs"]["gate"]["steps"][0]
    assert checkout["with"]["persist-credentials"] is False


def test_every_expression_names_what_there_is(
    action: dict[str, Any], workflow: dict[str, Any], repository: Path
) -> None:
    text = (repository / ACTION).read_text(encoding="utf-8")
    named = set(re.findall(r"inputs\.([\w-]+)", text))
    assert named == set(action["inputs"])
    steps = {step["id"]: step for step in action["runs"]["steps"] if "id" in step}
    for step, output in re.findall(r"steps\.([\w-]+)\.outputs\.([\w-]+)", text):
        assert f"{output}=" in steps[step]["run"]
    assert all(step["shell"] == "bash" for step in action["runs"]["steps"])
    (use,) = [s for s in workflow["jobs"]["gate"]["steps"] if s.get("uses", "").startswith("./")]
    assert (repository / use["uses"] / "action.yml").samefile(repository / ACTION)
    assert set(use["with"]) <= set(action["inputs"])
    # every name that a script reads is in its env, or the runner's
    for step in all_steps(action, workflow):
        read = set(re.findall(r"\$\{?([A-Z_]{2,})", step.get("run", "")))
        assert read <= set(step.get("env", {})) | {"GITHUB_OUTPUT"}, step["name"]


def test_actionlint_finds_nothing(repository: Path) -> None:
    if shutil.which("actionlint") is None:
        pytest.skip("actionlint is not on PATH")
    subprocess.run(["actionlint", str(repository / WORKFLOW)], check=True)


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def stand_ins(tmp_path: Path) -> Path:
    """`genai-bench` and `gh` that write down their arguments, a line each, and do what variables say."""
    folder = tmp_path / "bin"
    folder.mkdir()
    scripts = {
        "genai-bench": 'mkdir -p "$OUT"\n'
        'if [ "$1" = compare ]; then while [ "$1" != --output ]; do shift; done; echo report > "$2"\n'
        'exit "${COMPARE_CODE:-0}"; fi\nexit "${RUN_CODE:-0}"\n',
        "gh": 'if [ "$2" = --paginate ]; then if [ "${GH_READS:-yes}" = no ]; then exit 1; fi\n'
        'if [ -n "${EARLIER:-}" ]; then printf "%s\\n" $EARLIER; fi\nexit 0; fi\nexit "${GH_CODE:-0}"\n',
    }
    for name, body in scripts.items():
        path = folder / name
        record = f'{{ echo {name}; for each in "$@"; do printf "[%s]\\n" "$each"; done; }} >> "$CALLS"\n'
        path.write_text(f"#!/bin/bash\n{record}{body}")
        path.chmod(0o755)
    return folder


@pytest.fixture
def step(action: dict[str, Any], stand_ins: Path, tmp_path: Path) -> Run:
    """Run the shell of a step as the runner does, with these variables."""

    def run(name: str, **variables: str) -> subprocess.CompletedProcess[str]:
        (found,) = [each for each in action["runs"]["steps"] if each["name"] == name]
        blank = dict.fromkeys(found["env"], "")
        assert (
            variables.keys() - {"COMPARE_CODE", "RUN_CODE", "GH_CODE", "GH_READS", "EARLIER"} <= blank.keys()
        )
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", found["run"]],
            cwd=tmp_path,
            env={
                "PATH": f"{stand_ins}{os.pathsep}{os.environ['PATH']}",
                "CALLS": str(tmp_path / "calls"),
                "GITHUB_OUTPUT": str(tmp_path / "output"),
                **blank,
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def calls(folder: Path) -> str:
    return (folder / "calls").read_text() if (folder / "calls").exists() else ""


def test_the_suite_is_run_with_what_was_asked_for(step: Run, tmp_path: Path) -> None:
    done = step("Run the suite", SUITE="ci", THREADS="1", OUT="runs/ci", BUDGET="100steps", JOBS="3")
    assert done.returncode == 0
    asked = ["--suite", "ci", "--threads", "1", "--out", "runs/ci", "--budget", "100steps", "--jobs", "3"]
    assert calls(tmp_path).split() == ["genai-bench", "[run]", *(f"[{each}]" for each in asked)]
    assert step("Run the suite", SUITE="ci", THREADS="1", OUT="o", RUN_CODE="2").returncode == 0
    assert step("Run the suite", SUITE="ci", THREADS="1", OUT="o", RUN_CODE="4").returncode == 4


@pytest.mark.parametrize("code", ["0", "1", "2", "3"])
def test_the_comparison_leaves_its_code_and_files_and_the_last_step_judges(
    code: str, step: Run, tmp_path: Path
) -> None:
    done = step("Compare with the baseline", BASELINE="b.json", OUT="runs/ci", COMPARE_CODE=code)
    assert done.returncode == 0
    assert (tmp_path / "output").read_text().splitlines() == [
        f"exit-code={code}",
        "markdown=runs/ci/comparison.md",
        "junit=runs/ci/comparison.xml",
    ]
    assert (tmp_path / "runs/ci/comparison.md").read_text() == "report\n"
    assert step("Judge", CODE=code, FAIL="true").returncode == int(code)
    assert step("Judge", CODE=code, FAIL="false").returncode == 0


COMMENT = {"GH_TOKEN": "t", "GH_REPO": "owner/name", "NUMBER": "7", "MARKDOWN": "comparison.md"}


def test_the_first_comment_is_posted_and_the_next_push_edits_it(step: Run, tmp_path: Path) -> None:
    (tmp_path / "comparison.md").write_text("text")
    assert step("Comment on the pull request", **COMMENT).returncode == 0
    assert "[POST]\n[repos/owner/name/issues/7/comments]\n[-F]\n[body=@comparison.md]" in calls(tmp_path)
    (tmp_path / "calls").unlink()
    assert step("Comment on the pull request", **COMMENT, EARLIER="11 12").returncode == 0
    assert "[PATCH]\n[repos/owner/name/issues/comments/12]" in calls(tmp_path)
    assert "[POST]" not in calls(tmp_path)


@pytest.mark.parametrize("refused", [{"GH_CODE": "1"}, {"GH_READS": "no"}])
def test_a_fork_that_may_not_comment_is_told_and_does_not_fail(
    refused: dict[str, str], step: Run, tmp_path: Path
) -> None:
    (tmp_path / "comparison.md").write_text("text")
    done = step("Comment on the pull request", **COMMENT, **refused)
    assert done.returncode == 0
    assert done.stdout.startswith("::warning title=genai-bench::the comment")


def test_without_a_comparison_there_is_no_comment(step: Run, tmp_path: Path) -> None:
    assert step("Comment on the pull request", **COMMENT).returncode == 0
    assert calls(tmp_path) == ""


def test_inputs_are_data_and_never_code(step: Run, tmp_path: Path) -> None:
    step(
        "Run the suite", SUITE=HOSTILE, THREADS=HOSTILE, OUT="o", BUDGET=HOSTILE, SEEDS=HOSTILE, JOBS=HOSTILE
    )
    step("Compare with the baseline", BASELINE=HOSTILE, THRESHOLDS=HOSTILE, OUT="o")
    (tmp_path / "comparison.md").write_text("text")
    step("Comment on the pull request", **{**COMMENT, "GH_REPO": HOSTILE, "NUMBER": HOSTILE})
    step("Judge", CODE=HOSTILE, FAIL=HOSTILE)
    assert not [path for path in tmp_path.rglob("*") if "pwned" in path.name]
    assert f"[{HOSTILE}]" in calls(tmp_path)


def test_the_marker_is_the_one_that_reports_begin_with(action: dict[str, Any]) -> None:
    from genbench_reports.gate.render import MARKER

    (comment,) = [each for each in action["runs"]["steps"] if each["name"].startswith("Comment")]
    assert MARKER in comment["run"]
