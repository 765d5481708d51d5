"""What jobs must have in common to share a leaderboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genbench.records.job import Job
from genbench_reports.format.text import clean

DATA_FIELDS = ("dataset", "dataset_version", "samples", "extractor", "ranking", "ranking_samples")
"""Fields of a job that say which data a leaderboard is about, and how samples of it are scored and ranked."""
CONDITION_FIELDS = (
    "protocol",
    "budget",
    "sampling_seconds",
    "importance_samples",
    "ais_examples",
    "ais_chains",
    "ais_steps",
    "device",
    "threads",
    "gpus",
    "ends_after",
)
"""Fields of a job that say under which conditions models were trained and evaluated, whatever the data set."""


@dataclass(frozen=True)
class Setting:
    """The fields that are equal for all jobs of a leaderboard."""

    job: Job
    """Any job of the leaderboard."""
    hardware: str = ""
    """The class of hardware of all results; empty where classes are not told apart."""

    @property
    def data(self) -> tuple[object, ...]:
        return tuple(getattr(self.job, field) for field in DATA_FIELDS)

    @property
    def conditions(self) -> tuple[object, ...]:
        return (*(getattr(self.job, field) for field in CONDITION_FIELDS), self.hardware)

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for the jobs that share a leaderboard, and for no others."""
        return (*self.data, *self.conditions)

    def differences(self, others: Sequence[Setting], fields: Sequence[str]) -> str:
        """The `fields`, and the hardware, in which this setting differs from any of the others, in words: "budget 10s,
        threads 2"."""
        found = [
            f"{field.replace('_', ' ')} {getattr(self.job, field)}"
            for field in fields
            if any(getattr(other.job, field) != getattr(self.job, field) for other in others)
        ]
        if any(other.hardware != self.hardware for other in others):
            found.append(f"on {clean(self.hardware)}")
        return ", ".join(found)
