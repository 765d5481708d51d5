"""Finds one job of a run by the beginning of its id."""

from __future__ import annotations

from genbench.errors import UsageError
from genbench.records.job import Job
from genbench.records.run_folder import Run

BY_NAME = "-m MODEL -d DATASET finds it by name"
"""How `show` finds a job whose id is not known."""


def find_job(run: Run, beginning: str, *, hint: str = BY_NAME) -> Job:
    """The job whose id begins so, among those of the plan and those that were refused.

    hint: how else the job can be found, for the message. Raises UsageError unless there is exactly one.
    """
    jobs = [*run.plan.jobs, *(result.job for result in run.plan.refused)]
    found = {job.id: job for job in jobs if beginning and job.id.startswith(beginning)}
    if len(found) == 1:
        return next(iter(found.values()))
    problem = "no job" if not found else f"{len(found)} jobs"
    raise UsageError(f"{problem} of {run.folder} has an id that begins with {beginning!r}; {hint}")
