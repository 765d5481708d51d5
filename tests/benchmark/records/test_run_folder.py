"""The folder of a run: written atomically, resumable, readable by other programs, and clear about what cannot be
read."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import time
from pathlib import Path

import msgspec
import pytest
from jobs import make_job

from genbench.errors import RunFolderError
from genbench.execution.bounded_log import BoundedLog
from genbench.records.job import Job
from genbench.records.result import MetricValue, Result, finite_or_none
from genbench.records.run_folder import Plan, Run


def result_of(job: Job, value: float = 1.0) -> Result:
    metric = MetricValue(name="m", value=value, unit="", better="lower")
    return Result(id=job.id, status="ok", job=job, metrics=[metric])


def test_a_result_comes_back_as_it_was(tmp_path: Path) -> None:
    job = make_job("a")
    run = Run.create(tmp_path / "run", Plan(suite="s", jobs=[job]))
    assert run.pending() == [job]
    run.store(result_of(job))
    again = Run.open(tmp_path / "run")
    assert again.results() == [result_of(job)]
    assert again.pending() == []
    # another program reads it with nothing but JSON
    record = json.loads(again.result_path(job).read_text())
    assert record["schema"] == 1
    assert record["job"]["model"] == "a"


def test_the_first_result_stands(tmp_path: Path) -> None:
    job = make_job("a")
    run = Run.create(tmp_path / "run", Plan(suite="s", jobs=[job]))
    run.store(result_of(job, 1.0))
    assert run.store(result_of(job, 2.0)).metrics[0].value == 1.0


@pytest.mark.parametrize(
    ("reason", "stored"),
    [
        ('cannot fetch "https://h/?token=s3cret"', 'cannot fetch "https://h/?token=***"'),
        ("https://h/?token=s3cret\\", "https://h/?token=***"),
        ("'https://u:s3cret@h/'\nand more", "'https://h/'\nand more"),
        ('Authorization: Bearer s3cret-s3cret"', 'Authorization: Bearer ***"'),
    ],
)
def test_a_result_that_quotes_a_secret_is_stored_without_it(tmp_path: Path, reason: str, stored: str) -> None:
    job = make_job("a")
    run = Run.create(tmp_path / "run", Plan(suite="s", jobs=[job]))
    run.store(msgspec.structs.replace(result_of(job), reason=reason, warnings=[reason]))
    (found,) = Run.open(tmp_path / "run").results()
    assert (found.reason, found.warnings, found.job) == (stored, [stored], job)
    assert b"s3cret" not in run.result_path(job).read_bytes()


@pytest.mark.parametrize("cut", range(1, 60, 3))
def test_a_secret_in_two_pieces_of_output_is_left_out_of_the_log(tmp_path: Path, cut: int) -> None:
    output = b"fetching https://u:s3cret@h/x now\nAuthorization: Bearer s3cret-s3cret"
    log = BoundedLog(tmp_path / "log.txt")
    log.write(output[:cut])
    log.write(output[cut:])
    log.close()
    assert (tmp_path / "log.txt").read_bytes() == b"fetching https://h/x now\nAuthorization: Bearer ***"


def test_a_torn_result_is_made_again_and_kept_aside(tmp_path: Path) -> None:
    job = make_job("a")
    run = Run.create(tmp_path / "run", Plan(suite="s", jobs=[job]))
    run.store(result_of(job))
    path = run.result_path(job)
    path.write_bytes(path.read_bytes()[:40])
    assert run.pending() == [job]
    run.store(result_of(job, 3.0))
    assert run.results()[0].metrics[0].value == 3.0
    assert path.with_suffix(".unreadable").exists()


def test_deleting_a_folder_asks_for_the_job_again(tmp_path: Path) -> None:
    job = make_job("a")
    run = Run.create(tmp_path / "run", Plan(suite="s", jobs=[job]))
    run.store(result_of(job))
    run.result_path(job).unlink()
    run.job_folder(job).rmdir()
    assert run.pending() == [job]


def test_a_job_of_a_newer_version_replaces_the_older_one_in_the_plan(tmp_path: Path) -> None:
    old, other = make_job("a", model_version="1"), make_job("b")
    new = make_job("a", model_version="2")
    run = Run.create(tmp_path / "run", Plan(suite="s", jobs=[old, other]))
    run.store(result_of(old))
    run.store(result_of(other))
    again = Run.create(tmp_path / "run", Plan(suite="s", jobs=[new]))
    assert again.pending() == [new]
    assert [result.job for result in again.results()] == [other]
    assert run.result_path(old).exists()


@pytest.mark.parametrize("changed", ["budget", "seed", "dataset", "threads", "device", "hyperparameters"])
def test_the_id_hashes_everything(changed: str) -> None:
    values = {
        "budget": "2s",
        "seed": 1,
        "dataset": "x",
        "threads": 2,
        "device": "cuda",
        "hyperparameters": {"a": 1},
    }
    assert make_job("a").id != make_job("a", **{changed: values[changed]}).id
    assert make_job("a").id == make_job("a").id


def test_folders_that_are_no_runs(tmp_path: Path) -> None:
    plan = Plan(suite="s", jobs=[])
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(RunFolderError, match="is a file"):
        Run.create(file, plan)
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.tex").write_text("x")
    with pytest.raises(RunFolderError, match="is not empty and holds no run"):
        Run.create(full, plan)
    with pytest.raises(RunFolderError, match="holds no run"):
        Run.open(tmp_path / "nowhere")
    with pytest.raises(RunFolderError, match=r"cannot write to run folder"):
        Run.create(Path("/proc/genbench"), plan)


@pytest.mark.parametrize("change", [{"schema": 99}, {"protocol": "0.9"}])
def test_another_versions_run_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    folder = tmp_path / "run"
    Run.create(folder, Plan(suite="s", jobs=[]))
    record = {**json.loads((folder / "run.json").read_text()), **change}
    (folder / "run.json").write_text(json.dumps(record))
    with pytest.raises(RunFolderError, match="another version"):
        Run.open(folder)
    with pytest.raises(RunFolderError, match="another version"):
        Run.create(folder, Plan(suite="s", jobs=[]))


def test_a_torn_plan_is_reported(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    Run.create(folder, Plan(suite="s", jobs=[make_job("a")]))
    (folder / "run.json").write_bytes((folder / "run.json").read_bytes()[:50])
    with pytest.raises(RunFolderError, match=r"run\.json cannot be read"):
        Run.open(folder)


def _store_many(folder: str, value: float) -> None:
    run = Run.open(Path(folder))
    for job in run.plan.jobs:
        run.store(result_of(job, value))


def test_several_processes_write_into_one_run(tmp_path: Path) -> None:
    jobs = [make_job("a", seed=seed) for seed in range(30)]
    Run.create(tmp_path / "run", Plan(suite="s", jobs=jobs))
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_store_many, args=(str(tmp_path / "run"), float(i))) for i in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    run = Run.open(tmp_path / "run")
    assert len(run.results()) == 30
    assert {os.path.basename(p) for p in run.job_folder(jobs[0]).iterdir()} == {"result.json"}


def test_what_a_run_leaves_that_was_killed_before_its_plan_was_written_is_taken_up(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (folder / "jobs").mkdir(parents=True)
    (folder / ".run.json.x1y2z3").write_text('{"suite": "s", "jo')
    assert Run.create(folder, Plan(suite="s", jobs=[make_job("a")])).pending() == [make_job("a")]


def test_what_a_killed_process_left_beside_its_result_is_cleared(tmp_path: Path) -> None:
    job = make_job("a")
    plan = Plan(suite="s", jobs=[job])
    run = Run.create(tmp_path / "run", plan)
    run.store(result_of(job))
    (run.job_folder(job) / "work").mkdir()  # of an earlier version
    (run.job_folder(job) / "attempt-0123456789ab" / "work").mkdir(parents=True)
    (run.job_folder(job) / ".result.json.x1y2").write_text("{")
    again = Run.create(tmp_path / "run", plan)
    assert {path.name for path in again.job_folder(job).iterdir()} == {"result.json"}
    assert again.results() == [result_of(job)]


def test_what_a_process_leaves_that_is_killed_before_its_result_goes_with_the_next_one(
    tmp_path: Path,
) -> None:
    job = make_job("a")
    run = Run.create(tmp_path / "run", Plan(suite="s", jobs=[job]))
    run.job_folder(job).mkdir(parents=True)
    (run.job_folder(job) / ".result.json.x1y2").write_text("{")
    run.store(result_of(job))
    assert {path.name for path in run.job_folder(job).iterdir()} == {"result.json"}


def _add_metric(folder: str, name: str) -> None:
    run = Run.open(Path(folder))
    figure = MetricValue(name=name, value=1.0, unit="", better="lower")

    def add(stored: Result) -> Result:
        time.sleep(0.2)  # long enough for the other to have read the same record
        return msgspec.structs.replace(stored, metrics=[*stored.metrics, figure])

    assert run.update(run.plan.jobs[0], add) is not None


def test_two_processes_that_add_metrics_lose_none(tmp_path: Path) -> None:
    job = make_job("a")
    run = Run.create(tmp_path / "run", Plan(suite="s", jobs=[job]))
    run.store(result_of(job))
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_add_metric, args=(str(run.folder), name)) for name in ("one", "two")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    stored = run.result(job)
    assert stored is not None
    assert {metric.name for metric in stored.metrics} >= {"one", "two"}


def test_a_result_that_was_removed_is_not_made_up(tmp_path: Path) -> None:
    job = make_job("a")
    run = Run.create(tmp_path / "run", Plan(suite="s", jobs=[job]))
    assert run.update(job, lambda stored: stored) is None
    assert not run.result_path(job).exists()


def _plan_one(folder: str, seed: int) -> None:
    Run.create(Path(folder), Plan(suite="s", jobs=[make_job("a", seed=seed)]))


def test_plans_of_several_processes_all_stay(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_plan_one, args=(str(tmp_path / "run"), i)) for i in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert {job.seed for job in Run.open(tmp_path / "run").plan.jobs} == set(range(4))


def test_a_record_never_holds_nan() -> None:
    """JSON has no NaN; a value that is not finite is null, with its reason in `note`."""
    assert finite_or_none(math.nan) is None
    assert finite_or_none(-math.inf) is None
    assert finite_or_none(0.5) == 0.5
    metric = MetricValue(name="m", value=finite_or_none(math.inf), unit="", better="lower", note="not finite")
    assert b"null" in msgspec.json.encode(metric)


def test_a_result_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    job = make_job("a")
    run = Run.create(tmp_path / "run", Plan(suite="s", jobs=[job]))
    run.job_folder(job).write_text("in the way")
    with pytest.raises(RunFolderError, match=r"cannot write .*result.json: File exists"):
        run.store(result_of(job))
    with pytest.raises(RunFolderError, match="is a file; expected a run's folder"):
        Run.open(run.job_folder(job))


def test_a_full_disk_costs_only_the_log(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "log.txt")
    log._file.close()
    with Path("/dev/full").open("wb", buffering=0) as full:  # a log removes what is in its place, devices too
        log._file = full
        log.write(b"x" * 2_000_000)
        log.close()
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match=r"cannot write .*log.txt: File exists"):
        BoundedLog(tmp_path / "file" / "log.txt")
