"""`genai-bench merge`: what belongs together is joined, what does not is refused by name."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import msgspec
import pytest
from many_records import write_many_records

from genbench.cli.main import run_command_line
from genbench.errors import DataError, RunFolderError, UsageError
from genbench.records.attempts import Attempt
from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench.runner.merging import merge_runs

JOBS = 12


@pytest.fixture
def whole(tmp_path: Path) -> Run:
    return write_many_records(tmp_path / "whole", JOBS, datasets=2, seeds=2)


def part_of(whole: Run, folder: Path, part: int, **changes: str) -> Run:
    """Every second job of a run, as `--shard` leaves them: in a folder whose plan has all, with parts of its own.
    changes: of the jobs."""
    jobs = [msgspec.structs.replace(job, **changes) for job in whole.plan.jobs]
    run = Run.create(folder, msgspec.structs.replace(whole.plan, jobs=jobs))
    for job, original in list(zip(jobs, whole.plan.jobs, strict=True))[part::2]:
        result = whole.result(original)
        assert result is not None
        attempt = Attempt.new(run.job_folder(job))
        attempt.folder.mkdir(parents=True)
        attempt.log_path.write_text(f"log of {job.id}")
        run.store(msgspec.structs.replace(result, id=job.id, job=job), attempt)
    return run


def test_parts_are_joined_with_their_files(whole: Run, tmp_path: Path) -> None:
    folders = [part_of(whole, tmp_path / f"part-{part}", part).folder for part in (0, 1)]
    merged = merge_runs(folders, tmp_path / "merged")
    run = Run.open(tmp_path / "merged")
    assert (merged.copied, merged.present, merged.repeated) == (JOBS, 0, 0)
    assert [_without_parts(result) for result in run.results()] == whole.results()
    for result in run.results():
        assert run.log_path(result.job).read_text() == f"log of {result.id}"
        run.check_part(result, run.log_path(result.job))


def test_a_merge_that_was_interrupted_goes_on(whole: Run, tmp_path: Path) -> None:
    folders = [part_of(whole, tmp_path / f"part-{part}", part).folder for part in (0, 1)]
    merge_runs(folders[:1], tmp_path / "merged")
    merged = merge_runs(folders, tmp_path / "merged")
    assert (merged.copied, merged.present) == (JOBS // 2, JOBS // 2)


def test_a_job_of_two_folders_keeps_the_first_result(whole: Run, tmp_path: Path) -> None:
    again = part_of(whole, tmp_path / "again", 0)
    merged = merge_runs([whole.folder, again.folder], tmp_path / "merged")
    assert (merged.copied, merged.repeated) == (JOBS, JOBS // 2)
    assert merged.run.results() == whole.results()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model_version": "0.2.0+ffff"}, "model held-out: 0.1.0"),
        ({"dataset_version": "2+ffff"}, "data set pictures-00: 1+"),
    ],
)
def test_versions_are_refused_by_name(whole: Run, tmp_path: Path, changes: dict[str, str], said: str) -> None:
    other = part_of(whole, tmp_path / "other", 1, **changes)
    with pytest.raises(UsageError, match="nothing was merged") as refusal:
        merge_runs([whole.folder, other.folder], tmp_path / "merged")
    assert said in str(refusal.value)
    assert str(other.folder) in str(refusal.value)
    assert not (tmp_path / "merged").exists()


def test_packages_are_refused_by_name(whole: Run, tmp_path: Path) -> None:
    other = part_of(whole, tmp_path / "other", 1)
    for job in other.plan.jobs:
        if (result := other.result(job)) is not None:
            packages = result.provenance["packages"] | {"torch": "9.9.9"}
            changed = result.provenance | {"packages": packages}
            other.update(job, partial(msgspec.structs.replace, provenance=changed))
    with pytest.raises(UsageError, match=r"package torch: 2\.6\.0 in .*, 9\.9\.9 in"):
        merge_runs([whole.folder, other.folder], tmp_path / "merged")


def test_hardware_is_refused_unless_it_is_asked_for(whole: Run, tmp_path: Path) -> None:
    other = write_many_records(tmp_path / "other", JOBS + 4, datasets=2, seeds=2, cpu="Other CPU")
    with pytest.raises(UsageError, match=r"hardware: Some CPU in .*, Other CPU in"):
        merge_runs([whole.folder, other.folder], tmp_path / "merged")
    merged = merge_runs([whole.folder, other.folder], tmp_path / "merged", across_hardware=True)
    assert (merged.copied, merged.repeated) == (JOBS + 4, JOBS)


def test_another_protocol_is_refused(whole: Run, tmp_path: Path) -> None:
    other = part_of(whole, tmp_path / "other", 1)
    path = other.folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"protocol": "1.0"}))
    with pytest.raises(RunFolderError, match=r"other was written by another version .*protocol 1\.0"):
        merge_runs([whole.folder, other.folder], tmp_path / "merged")


def test_a_part_that_is_not_the_recorded_one_is_refused(whole: Run, tmp_path: Path) -> None:
    other = part_of(whole, tmp_path / "other", 0)
    other.log_path(other.plan.jobs[0]).write_text("something else")
    with pytest.raises(DataError, match="checksum differs"):
        merge_runs([other.folder, whole.folder], tmp_path / "merged")


def test_the_new_folder_is_none_of_the_old(
    whole: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = part_of(whole, tmp_path / "other", 1)
    assert run_command_line(["merge", str(whole.folder), str(other.folder), "-o", str(whole.folder)]) == 4
    assert "is one of the folders to merge" in capsys.readouterr().err
    assert run_command_line(["merge", str(whole.folder), "-o", str(tmp_path / "merged")]) == 4


def _without_parts(result: Result) -> Result:
    return msgspec.structs.replace(result, attempt=None, parts={})
