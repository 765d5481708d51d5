"""A record and its files appear as one: those of the attempt whose record was published first, with their checksums."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest
from jobs import make_job

from genbench.errors import DataError
from genbench.records.attempts import Attempt
from genbench.records.result import Result
from genbench.records.run_folder import Plan, Run

JOB = make_job("a")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", Plan(suite="s", jobs=[JOB]))


def attempt_with(run: Run, content: bytes) -> Attempt:
    attempt = Attempt.new(run.job_folder(JOB))
    (attempt.folder / "work").mkdir(parents=True)
    (attempt.folder / "work" / "half").touch()
    attempt.samples_path.write_bytes(content)
    attempt.log_path.write_bytes(b"log of " + content)
    return attempt


def result(reason: str) -> Result:
    return Result(id=JOB.id, status="killed", reason=reason, job=JOB)


def test_the_first_record_wins_and_keeps_its_own_files(run: Run) -> None:
    slow, fast = attempt_with(run, b"slow"), attempt_with(run, b"fast")
    stored = run.store(result("fast"), fast)
    assert run.store(result("slow"), slow) == stored
    assert (stored.reason, stored.attempt) == ("fast", fast.name)
    assert stored.parts == {
        "samples.safetensors": hashlib.sha256(b"fast").hexdigest(),
        "log.txt": hashlib.sha256(b"log of fast").hexdigest(),
    }
    assert run.samples_path(JOB).read_bytes() == b"fast"
    assert run.log_path(JOB).read_bytes() == b"log of fast"
    assert {path.name for path in run.job_folder(JOB).iterdir()} == {"result.json", fast.name}
    assert {path.name for path in fast.folder.iterdir()} == set(stored.parts)


def test_an_attempt_may_replace_the_record_that_it_was_made_for(run: Run) -> None:
    first = run.store(result("first"), attempt_with(run, b"first"))
    second = run.store(result("second"), attempt_with(run, b"second"), instead_of=first)
    assert second.reason == "second"
    assert run.samples_path(JOB).read_bytes() == b"second"
    third = run.store(result("third"), attempt_with(run, b"third"), instead_of=first)
    assert third == second
    assert run.samples_path(JOB).read_bytes() == b"second"


def test_a_file_that_is_not_the_records_is_refused(run: Run) -> None:
    stored = run.store(result("one"), attempt_with(run, b"one"))
    path = run.samples_path(JOB)
    run.check_part(stored, path)
    path.write_bytes(b"two")
    with pytest.raises(DataError, match="its checksum differs"):
        run.check_part(stored, path)
    path.unlink()
    with pytest.raises(DataError, match=r"samples\.safetensors is missing"):
        run.check_part(stored, path)


def test_files_of_earlier_versions_lie_in_the_folder_of_the_job(run: Run) -> None:
    stored = run.store(result("old"))
    assert (stored.attempt, stored.parts) == (None, {})
    assert run.samples_path(JOB) == run.job_folder(JOB) / "samples.safetensors"
    run.check_part(stored, run.samples_path(JOB))


@pytest.mark.parametrize("name", ["../../elsewhere", "/etc", "attempt-0123456789ab/..", ""])
def test_a_record_names_no_folder_but_that_of_an_attempt(run: Run, name: str) -> None:
    forged = msgspec.structs.replace(result("forged"), attempt=name)
    run.job_folder(JOB).mkdir()
    run.result_path(JOB).write_bytes(msgspec.json.encode(forged))
    assert run.parts_folder(JOB) == run.job_folder(JOB)


def test_without_a_record_the_log_is_that_of_the_latest_attempt(run: Run) -> None:
    attempt_with(run, b"one")
    attempt = attempt_with(run, b"two")
    attempt.folder.touch()
    assert run.log_path(JOB) == attempt.log_path
