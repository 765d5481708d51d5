"""Fresh values enter a record only if it is still the one whose samples were scored."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from jobs import make_job

from genbench.records.attempts import Attempt
from genbench.records.job import Job
from genbench.records.result import MetricValue, Result
from genbench.records.run_folder import Plan, Run
from genbench.runner.rescoring import Rescored, _take_over

JOB = make_job("a")


def value(number: float) -> MetricValue:
    return MetricValue(name="frechet_distance", value=number, unit="", better="lower", version="1")


def stored(run: Run, number: float, instead_of: Result | None = None) -> Result:
    attempt = Attempt.new(run.job_folder(JOB))
    attempt.folder.mkdir(parents=True)
    attempt.samples_path.write_text(f"samples of {number}")
    result = Result(id=JOB.id, status="ok", job=JOB, metrics=[value(number)])
    return run.store(result, attempt, instead_of=instead_of)


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_record_that_was_replaced_meanwhile_keeps_its_values(tmp_path: Path, is_replaced: bool) -> None:
    run = Run.create(tmp_path / "run", Plan(suite="s", jobs=[JOB]))
    scored = stored(run, 63.0)
    if is_replaced:
        stored(run, 49.0, instead_of=scored)
    fresh = msgspec.structs.replace(scored, metrics=[value(62.0)])
    problems: list[str] = []

    def problem(job: Job, line: str) -> None:
        problems.append(line)

    _take_over(run, fresh, scored, False, {}, Rescored(), problem)
    after = run.result(JOB)
    assert after is not None
    assert [metric.value for metric in after.metrics] == ([49.0] if is_replaced else [62.0])
    assert problems == (["its result was removed or replaced while it was scored"] if is_replaced else [])
    run.check_part(after, run.samples_path(JOB))
