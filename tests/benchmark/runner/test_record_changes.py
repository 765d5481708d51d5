"""Two records of one job: what counts as the same, and what is named as different."""

from __future__ import annotations

import msgspec
import pytest
from many_records import write_many_records

from genbench.errors import UsageError
from genbench.records.find_record import find_job
from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench.runner.record_changes import compare_records, spread_over_seeds

JOBS = 34
"""More than there are hexadecimal digits, so that two ids begin with the same one."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_many_records(tmp_path_factory.mktemp("changes") / "run", JOBS, datasets=1, seeds=3)


@pytest.fixture
def record(run: Run) -> Result:
    return next(
        result for result in run.results() if result.status == "ok" and result.job.model != "held-out"
    )


def changed(record: Result, by_errors: float, *, budget: str | None = None) -> Result:
    """The record with its first value farther away by so many of its standard errors."""
    first = record.metrics[0]
    assert first.value is not None
    assert first.stderr is not None
    moved = msgspec.structs.replace(first, value=first.value + by_errors * first.stderr)
    return msgspec.structs.replace(record, metrics=[moved, *record.metrics[1:]])


def under(record: Result, budget: str) -> Result:
    job = msgspec.structs.replace(record.job, budget=budget)
    return msgspec.structs.replace(record, job=job, id=job.id)


@pytest.mark.parametrize(
    ("budget", "errors", "sameness", "is_same"),
    [
        ("100steps", 0.0, "identical", True),
        ("100steps", 1e-7, "rounding", True),
        ("100steps", 1.0, "within errors", False),
        ("10cpu-s", 1.0, "within errors", True),
        ("10cpu-s", 50.0, "different", False),
    ],
)
def test_how_values_compare(record: Result, budget: str, errors: float, sameness: str, is_same: bool) -> None:
    then = under(record, budget)
    found = compare_records(then, changed(then, errors))
    assert (found.sameness, found.is_same) == (sameness, is_same)
    assert found.differences == ()


def test_the_spread_over_seeds_widens_what_is_allowed(run: Run, record: Result) -> None:
    then = under(record, "10cpu-s")
    spread = spread_over_seeds(run, record.job)
    assert spread[record.metrics[0].name] > 0
    name = record.metrics[0].name
    assert not compare_records(then, changed(then, 8.0)).is_same
    assert compare_records(then, changed(then, 8.0), {name: 10.0}).is_same


def test_samples_that_differ_are_not_identical(record: Result) -> None:
    then, now = (
        msgspec.structs.replace(record, parts={"samples.safetensors": digest * 64}) for digest in "ab"
    )
    assert compare_records(then, then).has_same_samples is True
    assert compare_records(then, now).sameness == "rounding"


def test_statuses_and_missing_values_differ(record: Result) -> None:
    failed = msgspec.structs.replace(record, status="oom", metrics=[], curve=[])
    assert compare_records(record, failed).sameness == "different"
    assert compare_records(failed, failed).is_same
    without = msgspec.structs.replace(record, metrics=record.metrics[1:])
    assert compare_records(record, without).sameness == "different"


def test_what_differs_is_named(record: Result) -> None:
    job = msgspec.structs.replace(record.job, model_version="0.2.0+ffff", threads=2)
    provenance = {
        **record.provenance,
        "cpu": "Other CPU",
        "packages": record.provenance["packages"] | {"torch": "9.9.9"},
        "gpu": {"name": "GPU", "driver": "1"},
        "git": {"commit": "f" * 40, "dirty": True},
    }
    metrics = [msgspec.structs.replace(record.metrics[0], version="other"), *record.metrics[1:]]
    now = msgspec.structs.replace(record, job=job, provenance=provenance, metrics=metrics)
    found = {each.what: (each.then, each.now) for each in compare_records(record, now).differences}
    assert found == {
        "model version": ("0.1.0+0123456789ab", "0.2.0+ffff"),
        "threads": ("1", "2"),
        f"version of the metric {record.metrics[0].name}": ("0123456789ab", "other"),
        "processor": ("Some CPU", "Other CPU"),
        "package torch": ("2.6.0", "9.9.9"),
        "GPU": ("none", "GPU, driver 1"),
        "commit of genbench": ("0123456789", "ffffffffff with uncommitted changes"),
    }


@pytest.mark.parametrize("provenance", [{}, {"git": 3, "packages": [1], "gpu": "x", "memory_bytes": "much"}])
def test_provenance_may_be_anything(record: Result, provenance: dict[str, object]) -> None:
    odd = msgspec.structs.replace(record, provenance=provenance)
    found = compare_records(odd, record)
    assert found.is_same
    assert {each.then for each in found.differences} == {"not recorded"}


def test_a_job_is_found_by_the_beginning_of_its_id(run: Run) -> None:
    whole = run.plan.jobs[5]
    assert find_job(run, whole.id) == whole
    firsts = [job.id[0] for job in run.plan.jobs]
    shared = next(first for first in firsts if firsts.count(first) > 1)
    with pytest.raises(UsageError, match=r"^\d+ jobs of .* has an id that begins with"):
        find_job(run, shared)
    for unknown in ("zzzz", ""):
        with pytest.raises(UsageError, match="no job of"):
            find_job(run, unknown)
