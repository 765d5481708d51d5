"""Publishing: nothing twice, nothing lost, two people's runs together, and nothing outside of the folder."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import msgspec
import pytest
from many_records import write_many_records

from genbench.cli.main import run_command_line
from genbench.errors import RunFolderError, UsageError
from genbench.plugin.discovery import load_registry
from genbench.records.run_folder import Run
from genbench_reports.publish.collection import MARK, read_collection
from genbench_reports.publish.publishing import Options, Published, publish_into
from genbench_reports.publish.site import run_of

JOBS = 12


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


def publish(folder: Path, *sources: Path, hub_name: str | None = None) -> Published:
    return publish_into(folder, sources, load_registry(), Options(hub_name))


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return write_many_records(tmp_path / "mine", JOBS, datasets=2, seeds=2).folder


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    return write_many_records(tmp_path / "theirs", JOBS + 4, datasets=2, seeds=2, cpu="Other CPU").folder


def test_publishing_twice_changes_nothing(mine: Path, tmp_path: Path) -> None:
    first = publish(tmp_path / "out", mine, hub_name="me/results")
    before = files_of(tmp_path / "out")
    again = publish(tmp_path / "out", mine, hub_name="me/results")
    assert (first.added.new, first.total, first.is_changed) == (JOBS, JOBS, True)
    assert (again.added.new, again.added.present, again.is_changed) == (0, JOBS, False)
    assert files_of(tmp_path / "out") == before
    assert {"index.html", "results.csv", "README.md", MARK} <= before.keys()


def test_two_peoples_runs_merge_in_any_order(mine: Path, theirs: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    publish(one, mine)
    publish(one, theirs)
    publish(other, theirs)
    kept = {name: text for name, text in files_of(other).items() if name.startswith("records/")}
    publish(tmp_path / "alone", mine)
    publish(other, tmp_path / "alone")  # a collection is published like a run
    assert files_of(one) == files_of(other)
    assert kept.items() <= files_of(other).items()
    page = (one / "index.html").read_text()
    assert '<select data-board="hardware"' in page
    assert "<option>Other CPU</option><option>Some CPU</option>" in page
    run = run_of(read_collection(one))
    assert len(run.plan.jobs) == JOBS + 4
    # a job of both machines counts on both
    assert sum(result.provenance["cpu"] == "Some CPU" for result in run_records(one)) == JOBS


def run_records(folder: Path) -> list[msgspec.Struct]:
    return list(read_collection(folder).records.values())  # type: ignore[return-value]


def test_a_record_that_is_scored_again_is_added_and_shown(mine: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    publish(out, mine)
    run = Run.open(mine)
    job = run.plan.jobs[0]

    def score_again(record: msgspec.Struct) -> msgspec.Struct:
        metrics = [msgspec.structs.replace(metric, value=0.125) for metric in record.metrics]  # type: ignore[attr-defined]
        later = {**record.provenance, "finished": "2026-02-02T00:00:00+00:00"}  # type: ignore[attr-defined]
        return msgspec.structs.replace(record, metrics=metrics, provenance=later)

    run.update(job, score_again)  # type: ignore[arg-type]
    assert publish(out, mine).added.new == 1
    assert len(read_collection(out).records) == JOBS + 1
    shown = run_of(read_collection(out)).result(job)
    assert shown is not None
    assert {metric.value for metric in shown.metrics} == {0.125}


def test_a_file_that_was_edited_is_left_out_and_named(mine: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    publish(out, mine)
    path = next((out / "records").rglob("*.json"))
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 7').replace('"n": 400', '"n": 500'))
    found = publish(out, mine)
    assert any(path.name in line and "was changed" in line for line in found.added.damaged)
    assert found.total == JOBS - 1


def test_nothing_is_written_through_links_or_into_other_folders(mine: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    out = tmp_path / "out"
    out.mkdir()
    (out / MARK).write_bytes(b'{"schema": 1}\n')
    (out / "records").symlink_to(home, target_is_directory=True)
    with pytest.raises(RunFolderError, match="symbolic link"):
        publish(out, mine)
    (out / "records").unlink()
    (home / "page").write_text("mine")
    (out / "index.html").symlink_to(home / "page")
    with pytest.raises(RunFolderError, match="symbolic link"):
        publish(out, mine)
    assert {path.name: path.read_text() for path in home.iterdir()} == {"page": "mine"}
    with pytest.raises(UsageError, match="holds no published results"):
        publish(home, mine)


def test_names_of_a_hostile_run_are_no_paths(mine: Path, tmp_path: Path) -> None:
    run = Run.open(mine)
    plan = msgspec.to_builtins(run.plan)
    evil = "../../../escape/\x1b[2J<script>alert(1)</script>"
    for job in plan["jobs"]:
        job |= {"model": evil, "variant": evil, "dataset": evil, "extractor": evil}
    jobs = msgspec.convert(plan["jobs"], type=list[type(run.plan.jobs[0])])  # type: ignore[misc]
    hostile = Run.create(
        tmp_path / "deep" / "hostile", msgspec.structs.replace(run.plan, jobs=jobs, datasets={})
    )
    for old, job in zip(run.plan.jobs, jobs, strict=True):
        result = run.result(old)
        assert result is not None
        hostile.store(msgspec.structs.replace(result, id=job.id, job=job))
    before = {path for path in tmp_path.rglob("*") if "out" not in path.parts}
    publish(tmp_path / "out", hostile.folder, hub_name="me/results")
    assert {path for path in tmp_path.rglob("*") if "out" not in path.parts} == before
    assert all(path.resolve().is_relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*"))
    assert "<script>alert" not in (tmp_path / "out" / "index.html").read_text()
    assert "<script>alert" not in (tmp_path / "out" / "README.md").read_text()


# ---- git


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "somebody")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "somebody@example.org")
    folder = tmp_path / "repository"
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(folder))
    (folder / "code.py").write_text("x = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "code")
    hook = folder / ".git" / "hooks" / "reference-transaction"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hook-ran\n")
    hook.chmod(0o755)
    return folder


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def command(run: Path, target: str) -> int:
    return run_command_line(["publish", str(run), "--to", target])


def test_a_branch_grows_without_being_checked_out(
    mine: Path, theirs: Path, repository: Path, tmp_path: Path
) -> None:
    target = f"git:{repository}#results"
    assert command(mine, target) == 0
    first = git(repository, "rev-parse", "results").strip()
    assert command(mine, target) == 0
    assert git(repository, "rev-parse", "results").strip() == first  # nothing new, no commit
    assert command(theirs, target) == 0
    assert git(repository, "rev-parse", "results^").strip() == first
    removed = git(repository, "diff", "--name-status", "--diff-filter=DM", first, "results", "--", "records")
    assert removed == ""
    assert git(repository, "status", "--porcelain") == ""
    assert (repository / "code.py").exists()
    assert not (tmp_path / "hook-ran").exists()


def test_what_somebody_else_pushed_is_merged(
    mine: Path, theirs: Path, repository: Path, tmp_path: Path
) -> None:
    other = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(repository), str(other))
    assert command(theirs, f"git:{other}#results") == 0
    assert command(mine, f"git:{repository}#results") == 0
    git(other, "fetch", "--quiet", "origin")
    assert command(theirs, f"git:{other}#results") == 0
    git(other, "push", "--quiet", "origin", "results")  # a fast-forward
    names = git(repository, "ls-tree", "-r", "--name-only", "results", "records").splitlines()
    assert len(names) == 2 * JOBS + 4
    parents = git(repository, "rev-list", "--parents", "-n", "1", "results").split()
    assert len(parents) == 3


def test_links_in_a_branch_lead_nowhere(mine: Path, repository: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    git(repository, "checkout", "--quiet", "--orphan", "results")
    git(repository, "rm", "-r", "--quiet", "--cached", ".")
    (repository / MARK).write_bytes(b'{"schema": 1}\n')
    os.symlink(home, repository / "records")
    git(repository, "add", MARK, "records")
    git(repository, "commit", "--quiet", "-m", "a trap")
    git(repository, "checkout", "--quiet", "--force", "main")
    assert command(mine, f"git:{repository}#results") == 4  # "records" is a file there
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("git:#results", "not a git repository"),
        ("git:.", "expected git:REPOSITORY#BRANCH"),
        ("git:.#-bad name", "git"),
        ("hf:no-slash", "no name on the Hub"),
    ],
)
def test_targets_that_are_none(
    mine: Path,
    tmp_path: Path,
    target: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert command(mine, target) == 4
    assert said in capsys.readouterr().err


def test_the_exported_table_and_records_are_those_of_the_run(mine: Path, tmp_path: Path) -> None:
    publish(tmp_path / "out", mine)
    texts = [json.loads(path.read_text()) for path in (tmp_path / "out" / "records").rglob("*.json")]
    stored = {result.id: json.loads(msgspec.json.encode(result)) for result in Run.open(mine).results()}
    assert {text["id"]: text for text in texts} == stored
