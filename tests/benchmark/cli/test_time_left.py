"""The time that is left, against a clock that the test moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs import make_job

from genbench.cli.time_left import TimeLeft
from genbench.records.job import Job


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def simulate(
    actual: dict[str, float], expected: dict[str, float | None], jobs: list[Job], workers: int
) -> list[tuple[float | None, float]]:
    """Runs jobs in order on so many workers; what was said whenever a job ended, and what was true."""
    clock = Clock()
    left = TimeLeft(jobs, expected, workers, clock)
    waiting = list(jobs)
    running: list[tuple[float, Job]] = []
    said: list[tuple[float | None, float]] = []
    ends = []
    while waiting or running:
        while waiting and len(running) < workers:
            job = waiting.pop(0)
            left.started(job)
            running.append((clock.now + actual[job.id], job))
        running.sort(key=lambda pair: pair[0])
        clock.now, job = running.pop(0)
        left.finished(job)
        said.append((left.seconds(), clock.now))
        ends.append(clock.now)
    return [(seconds, ends[-1] - now) for seconds, now in said]


def some_jobs(count: int, **changes: object) -> list[Job]:
    return [make_job("Good", seed=seed, **changes) for seed in range(count)]


def test_as_expected_it_is_exact() -> None:
    jobs = some_jobs(8)
    seconds = {job.id: 10.0 for job in jobs}
    for said, true in simulate(seconds, dict(seconds), jobs, 2):
        assert said == pytest.approx(
            true, abs=10.0 / 2
        )  # two end at once; the second is told after the first
    assert simulate(seconds, dict(seconds), jobs, 1) == [
        (pytest.approx(true), true) for _, true in simulate(seconds, dict(seconds), jobs, 1)
    ]


def test_short_jobs_first_do_not_fool_it() -> None:
    """Baselines take two seconds and models twenty: a mean over those finished would promise ten times too little."""
    jobs = some_jobs(20)
    seconds = {job.id: 2.0 if index < 10 else 20.0 for index, job in enumerate(jobs)}
    said, true = simulate(seconds, dict(seconds), jobs, 1)[9]
    assert said == pytest.approx(true) == pytest.approx(200.0)


def test_it_learns_that_jobs_take_longer_than_expected() -> None:
    jobs = some_jobs(40)
    actual = {job.id: 30.0 for job in jobs}
    expected: dict[str, float | None] = {job.id: 10.0 for job in jobs}
    history = simulate(actual, expected, jobs, 1)
    errors = [abs(said - true) / true for said, true in history[:-1] if said is not None]
    assert errors[0] > 0.3
    assert errors[30] < 0.1


def test_without_expectations_it_waits_for_the_first_job_and_then_for_relatives() -> None:
    jobs = [*some_jobs(2), *(make_job("Slow", seed=seed) for seed in range(2))]
    clock = Clock()
    left = TimeLeft(jobs, {job.id: None for job in jobs}, 1, clock)
    assert left.seconds() is None
    left.started(jobs[0])
    clock.now = 5.0
    left.finished(jobs[0])
    assert left.seconds() == pytest.approx(15.0)  # by the only job known
    left.started(jobs[2])
    clock.now = 25.0
    left.finished(jobs[2])
    assert left.seconds() == pytest.approx(5.0 + 20.0)  # each by its own model
    for job in jobs:
        left.finished(job)
    assert left.seconds() == 0.0


@given(
    st.lists(st.floats(0.1, 100.0), min_size=1, max_size=12),
    st.lists(st.one_of(st.none(), st.floats(0.1, 100.0)), min_size=12, max_size=12),
    st.integers(1, 4),
)
def test_it_is_never_negative_and_ends_at_zero(
    actual: list[float], expected: list[float | None], workers: int
) -> None:
    jobs = some_jobs(len(actual))
    ids = [job.id for job in jobs]
    history = simulate(
        dict(zip(ids, actual, strict=True)), dict(zip(ids, expected, strict=False)), jobs, workers
    )
    assert all(said is None or said >= 0 for said, _ in history)
    assert history[-1][0] == 0.0
