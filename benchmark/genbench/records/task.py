"""What crosses the process boundary, as JSON: a task to the worker, messages and an outcome back.

Free of torch: the supervisor's process never needs it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from genbench.api.cards import Capability, DatasetCard, ExtractorCard, MetricCard
from genbench.records.audit import Audit
from genbench.records.job import Job
from genbench.records.result import Cost, CurvePoint, MetricValue, SamplingPoint, Status

Phase = Literal["start", "load", "build", "train", "checkpoint", "sample", "likelihood", "audit", "score"]

ANNEALING_SECONDS = 1800.0
"""What annealed importance sampling may take; past it a worker leaves the figure out and says so."""


class Rescoring(msgspec.Struct, frozen=True, kw_only=True):
    """extractors: the identities that the figures beside the new ones were computed with; empty: any will do."""

    extractors: list[str]


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """All that a worker needs: it reads no registry. model_factory: "package.module:Class". workers: how many
    run at once on this machine. rescoring: set where the job has run and its samples are scored again.
    capabilities: of the model, as its card has them."""

    job: Job
    model_factory: str
    dataset: DatasetCard
    extractor: ExtractorCard
    metrics: list[MetricCard]
    samples_path: str
    workers: int = 1
    rescoring: Rescoring | None = None
    capabilities: tuple[Capability, ...] = ()


class Outcome(msgspec.Struct, kw_only=True):
    """What is known of a job so far; sent on at each phase, so that a job that is killed keeps its curve."""

    status: Status = "ok"
    reason: str | None = None
    metrics: list[MetricValue] = []
    last_metrics: list[MetricValue] | None = None
    selected_fraction: float | None = None
    curve: list[CurvePoint] = []
    sampling_curve: list[SamplingPoint] = []
    cost: Cost = Cost()
    audit: Audit | None = None
    warnings: list[str] = []


class Message(msgspec.Struct, kw_only=True):
    """kind "phase": `phase`. "progress": `fraction`, `losses`. "outcome": what is known so far.
    "done": the outcome is final."""

    kind: Literal["phase", "progress", "outcome", "done"]
    phase: Phase = "start"
    fraction: float = 0.0
    losses: dict[str, float] = {}
    outcome: Outcome | None = None


class Observer:
    """Whom a worker tells what it does; this one tells nobody."""

    def phase(self, name: Phase) -> None:
        """A phase begins."""

    def progress(self, fraction: float, losses: dict[str, float]) -> None:
        """Training moved on."""

    def outcome(self, outcome: Outcome) -> None:
        """More is known."""
