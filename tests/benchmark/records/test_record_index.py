"""The index of a large run: planning reads no record twice, and never believes the index against a record."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from many_records import write_many_records

from genbench.records import record_index
from genbench.records.job import Job
from genbench.records.record_index import head_of
from genbench.records.result import Result
from genbench.records.run_folder import Run

JOBS = 40


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(record_index, "MIN_JOBS", 10)
    monkeypatch.setattr(record_index, "_FRESH_SECONDS", -1.0)
    return tmp_path / "cache"


@pytest.fixture
def folder(cache: Path, tmp_path: Path) -> Path:
    return write_many_records(tmp_path / "run", JOBS, datasets=2, seeds=2).folder


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The jobs whose records are read."""
    jobs: list[str] = []
    original = Run.result

    def result(self: Run, job: Job) -> Result | None:
        jobs.append(job.id)
        return original(self, job)

    monkeypatch.setattr(Run, "result", result)
    return jobs


def index_of(cache: Path) -> Path:
    (path,) = (cache / "record-index").iterdir()
    return path


def test_records_are_read_once_by_all_processes(folder: Path, read: list[str]) -> None:
    heads = Run.open(folder).heads()
    assert len(read) == JOBS
    assert Run.open(folder).heads() == heads
    assert len(read) == JOBS
    assert heads == {result.id: head_of(result) for result in Run.open(folder).results()}


def test_what_changed_is_read_again(folder: Path, read: list[str]) -> None:
    run = Run.open(folder)
    run.heads()
    first, second, third = run.plan.jobs[:3]
    stored = run.result(first)
    assert stored is not None
    path = run.result_path(first)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(stored, status="oom")))
    run.result_path(second).unlink()
    # the same size and the same time of modification: the time of change and the inode tell
    text, state = run.result_path(third).read_text(), run.result_path(third).stat()
    other = run.result_path(third).with_name("other")
    other.write_text(text.replace('"ok"', '"no"', 1))
    os.utime(other, ns=(state.st_atime_ns, state.st_mtime_ns))
    other.replace(run.result_path(third))
    read.clear()
    heads = Run.open(folder).heads()
    assert set(read) == {first.id, third.id}
    assert heads[first.id].status == "oom"
    assert {second.id, third.id}.isdisjoint(heads)
    assert {job.id for job in Run.open(folder).pending()} == {second.id, third.id}


def test_a_damaged_index_counts_as_empty(folder: Path, cache: Path, read: list[str]) -> None:
    heads = Run.open(folder).heads()
    for content in (b"no database", b"", index_of(cache).read_bytes()[:4096]):
        index_of(cache).write_bytes(content)
        read.clear()
        assert Run.open(folder).heads() == heads
        assert len(read) == JOBS
    assert Run.open(folder).heads() == heads
    with sqlite3.connect(index_of(cache)) as connection:
        connection.execute("UPDATE heads SET status = 'wonderful'")
    assert Run.open(folder).heads() == heads


def test_an_index_in_the_folder_of_a_stranger_is_not_read(folder: Path, cache: Path) -> None:
    run = Run.open(folder)
    heads = run.heads()
    lie = index_of(cache)
    with sqlite3.connect(lie) as connection:
        connection.execute("UPDATE heads SET status = 'oom'")
    for place in (folder / lie.name, folder / "jobs" / lie.name, folder / "record-index" / lie.name):
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(lie.read_bytes())
    lie.unlink()
    assert Run.open(folder).heads() == heads


def test_reports_read_the_records_whatever_the_index_says(folder: Path, cache: Path) -> None:
    run = Run.open(folder)
    run.heads()
    with sqlite3.connect(index_of(cache)) as connection:
        connection.execute("UPDATE heads SET status = 'oom'")
    assert {result.status for result in Run.open(folder).results()} == {"ok", "diverged"} or {
        result.status for result in Run.open(folder).results()
    } == {"ok"}


def test_small_runs_and_missing_caches_have_none(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, read: list[str]
) -> None:
    (cache.parent / "file").write_text("")
    monkeypatch.setenv("GENBENCH_DATA", str(cache.parent / "file" / "inside"))
    assert len(Run.open(folder).heads()) == JOBS
    monkeypatch.setenv("GENBENCH_DATA", str(cache))
    monkeypatch.setattr(record_index, "MIN_JOBS", JOBS + 1)
    assert len(Run.open(folder).heads()) == JOBS
    assert not (cache / "record-index").exists()


def test_a_record_of_this_moment_is_not_indexed_yet(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, read: list[str]
) -> None:
    monkeypatch.setattr(record_index, "_FRESH_SECONDS", 3600.0)
    Run.open(folder).heads()
    Run.open(folder).heads()
    assert len(read) == 2 * JOBS


def test_indexes_that_nobody_used_for_long_are_removed(folder: Path, cache: Path) -> None:
    old = cache / "record-index" / "old.sqlite"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"")
    os.utime(old, (time.time() - 100 * 86400,) * 2)
    Run.open(folder).heads()
    assert [path.name for path in (cache / "record-index").iterdir()] != ["old.sqlite"]
    assert not old.exists()
