"""The time that a run still needs: the expected times of its jobs, corrected by the times of finished jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from genbench.records.job import Job

_PRIOR_JOBS = 2.0
"""The expected times count as much as this many finished jobs."""


class TimeLeft:
    """Estimates the time until the last job ends.

    expected_seconds: the expected time of each job by its id; None if nothing is known before a job has finished.
    workers: how many jobs run at once. clock: seconds.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        expected_seconds: Mapping[str, float | None],
        workers: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._unfinished = {job.id: job for job in jobs}
        self._expected = expected_seconds
        self._workers = workers
        self._clock = clock
        self._began: dict[str, float] = {}
        self._taken: dict[str, tuple[Job, float]] = {}
        known = [seconds for seconds in expected_seconds.values() if seconds is not None]
        self._prior_seconds = _PRIOR_JOBS * sum(known) / len(known) if known else 0.0

    def started(self, job: Job) -> None:
        """A job has started. Only the first call per job counts."""
        self._began.setdefault(job.id, self._clock())

    def finished(self, job: Job) -> None:
        """A job has ended."""
        self._unfinished.pop(job.id, None)
        began = self._began.get(job.id)
        if began is not None:
            self._taken[job.id] = (job, self._clock() - began)

    def seconds(self) -> float | None:
        """The time until the last job ends; None if nothing is known that it could be estimated from."""
        if not self._unfinished:
            return 0.0
        pace = self._pace()
        now = self._clock()
        left = []
        for job in self._unfinished.values():
            whole = self._whole_seconds(job, pace)
            if whole is None:
                return None
            left.append(max(0.0, whole - (now - self._began[job.id] if job.id in self._began else 0.0)))
        # assumes that the work is divided evenly among the workers, but that no job can be divided
        return max(sum(left) / min(self._workers, len(left)), max(left))

    def _pace(self) -> float:
        """The time that jobs take, as a multiple of the expected time."""
        pairs = [(self._expected.get(job_id), taken) for job_id, (_, taken) in self._taken.items()]
        expected = sum(seconds for seconds, _ in pairs if seconds is not None)
        taken = sum(actual for seconds, actual in pairs if seconds is not None)
        whole = expected + self._prior_seconds
        return (taken + self._prior_seconds) / whole if whole else 1.0

    def _whole_seconds(self, job: Job, pace: float) -> float | None:
        expected = self._expected.get(job.id)
        if expected is not None:
            return pace * expected
        # the mean of the most similar jobs that have finished
        for like in (
            lambda other: (other.model, other.dataset) == (job.model, job.dataset),
            lambda other: other.model == job.model,
            lambda other: True,
        ):
            taken = [seconds for other, seconds in self._taken.values() if like(other)]
            if taken:
                return sum(taken) / len(taken)
        return None
