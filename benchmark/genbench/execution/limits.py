"""The limits that the supervisor enforces: seconds per phase, and bytes of memory."""

from __future__ import annotations

import msgspec
import psutil

from genbench.api.budget import Budget
from genbench.records.job import Job
from genbench.records.task import ANNEALING_SECONDS

PHASE_LIMITS_SECONDS = {
    "start": 300.0,  # the first on a machine loads torch, on a cluster often from a shared file system
    "load": 300.0,
    "build": 120.0,
    "likelihood": 600.0 + ANNEALING_SECONDS,
    "audit": 600.0,
    "score": 600.0,
}
"""The time limits of phases that do not depend on the job."""
CHECKPOINT_SECONDS = 60.0
"""The time limit for judging a checkpoint, the drawing of its samples not included."""
GRACE_SECONDS = 5.0
"""A phase may pass the time that was asked of it by this long, or by half that time, whichever is longer."""
MAX_STRETCH = 20.0
"""How many seconds of the wall clock one second of a processor-time budget may take."""
UNTIMED_TRAINING_SECONDS = 3600.0
"""The time that is asked of a training whose budget does not limit seconds."""


MEMORY_SHARE = 0.8
"""The share of the free memory that the workers of a machine may use, each an equal part."""


def memory_per_worker(workers: int) -> int:
    """Bytes that each of so many workers may use above what it starts with, if its budget has no limit."""
    return int(psutil.virtual_memory().available * MEMORY_SHARE / workers)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker may use before it is ended."""

    phase_seconds: dict[str, float]
    """The time limit of each visit to a phase, by the name of the phase; of "train", all visits together."""
    memory_bytes: int
    """Resident memory above what the worker started with."""

    @classmethod
    def of(cls, job: Job, default_memory_bytes: int) -> Limits:
        """The limits of a job. default_memory_bytes: the memory limit if the job's budget has none."""
        budget = job.training_budget
        sampling = _with_grace(job.sampling_seconds)
        asked = {
            "train": _training_limit(budget),
            "checkpoint": CHECKPOINT_SECONDS + sampling,
            "sample": sampling,
        }
        return cls(
            phase_seconds={**PHASE_LIMITS_SECONDS, **asked},
            memory_bytes=budget.memory_bytes or default_memory_bytes,
        )


def _training_limit(budget: Budget) -> float:
    """By the wall clock. Neighbours that keep the processor busy may stretch a budget of processor time; a model that
    only sleeps must end all the same."""
    if budget.seconds is not None:
        return _with_grace(budget.seconds)
    if budget.cpu_seconds is not None:
        return _with_grace(budget.cpu_seconds * MAX_STRETCH)
    return _with_grace(UNTIMED_TRAINING_SECONDS)


def _with_grace(seconds: float) -> float:
    return seconds + max(GRACE_SECONDS, seconds / 2)
