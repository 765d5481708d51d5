"""What a job may use: seconds per phase and bytes of memory."""

from __future__ import annotations

import msgspec

from genbench.api.budget import Budget
from genbench.records.job import Job
from genbench.records.task import ANNEALING_SECONDS

PHASE_LIMITS_SECONDS = {
    "start": 60.0,
    "load": 300.0,
    "build": 120.0,
    "likelihood": 600.0 + ANNEALING_SECONDS,
    "audit": 600.0,
    "score": 600.0,
}


CHECKPOINT_SECONDS = 60.0
"""What judging a checkpoint may take besides drawing its samples."""


GRACE_SECONDS = 5.0
"""Past its limit a phase has this long, or half the limit, whichever is more."""


UNTIMED_TRAINING_SECONDS = 3600.0
"""Limit of a training whose budget has no seconds."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a child may use. phase_seconds: of one visit to a phase, but of all visits to training together.
    memory_bytes: resident memory above what it started with."""

    phase_seconds: dict[str, float]
    memory_bytes: int

    @classmethod
    def of(cls, job: Job, default_memory_bytes: int) -> Limits:
        budget = Budget.parse(job.budget)
        sampling = _with_grace(job.sampling_seconds)
        asked = {
            "train": _with_grace(budget.seconds or UNTIMED_TRAINING_SECONDS),
            "checkpoint": CHECKPOINT_SECONDS + sampling,
            "sample": sampling,
        }
        return cls(
            phase_seconds={**PHASE_LIMITS_SECONDS, **asked},
            memory_bytes=budget.memory_bytes or default_memory_bytes,
        )


def _with_grace(seconds: float) -> float:
    return seconds + max(GRACE_SECONDS, seconds / 2)
