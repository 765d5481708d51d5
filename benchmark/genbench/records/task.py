"""What is sent to and from a worker as JSON: a task to it; messages and an outcome from it.

Free of torch, which the supervisor's process never loads.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from genbench.api.cards import Capability, DatasetCard, ExtractorCard, MetricCard
from genbench.records.audit import Audit
from genbench.records.job import Job
from genbench.records.result import (
    Circumstance,
    Cost,
    CurvePoint,
    LikeliestCheckpoint,
    MetricValue,
    Result,
    SamplingPoint,
    Status,
)

Phase = Literal["start", "load", "build", "train", "checkpoint", "sample", "likelihood", "audit", "score"]
"""The phases of a job, in the order in which they are first entered. Each stage starts and loads its data anew."""

ANNEALING_SECONDS = 1800.0
"""The time limit of annealed importance sampling. Past it, the value is left out with a note."""


StageName = Literal["train", "evaluate", "score"]
"""The stages of a job. The local executor runs each in a process of its own.

train     builds the model, trains it, and saves the states that are evaluated; never holds the test split
evaluate  builds the model anew from its saved state, draws samples, and answers likelihood calls
score     computes the metrics of the samples; no code of the model is loaded
"""
STAGES: tuple[StageName, ...] = ("train", "evaluate", "score")
"""All stages in their order."""


def stages_of(job: Job) -> tuple[StageName, ...]:
    """The stages that a job is run through, in their order."""
    return STAGES if job.ends_after is None else STAGES[: STAGES.index(job.ends_after) + 1]


class Outcome(msgspec.Struct, kw_only=True):
    """What is known of a job so far. It is sent after each phase, so that a job that is killed keeps its curve."""

    status: Status = "ok"
    """As in `Result`, like every field here."""
    reason: str | None = None
    """Why it failed, in one line."""
    circumstance: Circumstance | None = None
    """What the failure came from, if that is not the model."""
    metrics: list[MetricValue] = []
    """The metrics of the chosen checkpoint on the test split."""
    last_metrics: list[MetricValue] | None = None
    """The metrics of the last checkpoint on the test split, if another was chosen."""
    likeliest: LikeliestCheckpoint | None = None
    """The checkpoint that is best by likelihood, if another was chosen."""
    selected_fraction: float | None = None
    """The share of the budget at which the chosen checkpoint was taken."""
    curve: list[CurvePoint] = []
    """All checkpoints so far."""
    sampling_curve: list[SamplingPoint] = []
    """Quality against the sampler's steps."""
    cost: Cost = Cost()
    """What was measured so far."""
    audit: Audit | None = None
    """The audit of the likelihood."""
    warnings: list[str] = []
    """What a reader should know besides."""

    def result(self, job: Job) -> Result:
        """The record of the job, for an executor to return. A job that failed has no metrics."""
        is_ok = self.status == "ok"
        return Result(
            id=job.id,
            status=self.status,
            reason=self.reason,
            job=job,
            circumstance=self.circumstance,
            metrics=self.metrics if is_ok else [],
            last_metrics=self.last_metrics if is_ok else None,
            likeliest=self.likeliest if is_ok else None,
            selected_fraction=self.selected_fraction,
            curve=self.curve,
            sampling_curve=self.sampling_curve,
            cost=self.cost,
            audit=self.audit if is_ok else None,
            warnings=self.warnings,
        )


class StageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request to run one stage of a job."""

    name: StageName
    """The stage."""
    folder: str
    """The folder of the files by which the stages pass states and samples on. It is removed when the job has ended."""
    so_far: Outcome
    """What the earlier stages have found; the stage adds to it."""


class Rescoring(msgspec.Struct, frozen=True, kw_only=True):
    """A request to score the stored samples of a job again, without a model."""

    extractors: list[str]
    """The extractors of the stored metric values, as "name:hash"; no other is accepted. Empty: any is."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """All that a worker needs to run a job. A worker has no registry of plugins."""

    job: Job
    """What to run."""
    model_factory: str
    """The model's class, as "package.module:Class"."""
    dataset: DatasetCard
    """The data set."""
    extractor: ExtractorCard
    """What makes the features of metrics."""
    metrics: list[MetricCard]
    """The metrics to compute from samples."""
    fatal_factories: dict[str, str] = {}
    """The factories of metrics that have ended a process of this job, with how; their metrics are left out."""
    metric_versions: dict[str, str] = {}
    """The versions of the metrics, by the factory on their cards."""
    samples_path: str
    """The file for the samples that are scored."""
    workers: int = 1
    """How many workers run at once on this machine."""
    visible_gpus: tuple[str, ...] = ()
    """The GPUs that the worker sees, as CUDA_VISIBLE_DEVICES names them; empty: those that the machine's owner lets it
    see."""
    rescoring: Rescoring | None = None
    """Set if the job has been run and its samples are scored again."""
    capabilities: tuple[Capability, ...] = ()
    """The model's capabilities, from its card."""
    stage: StageRequest | None = None
    """The stage to run; None: all of them, one after another."""


class Message(msgspec.Struct, kw_only=True):
    """One message of a worker."""

    kind: Literal["phase", "progress", "outcome", "scoring", "done"]
    """phase: a phase begins. progress: training moved on. outcome: more is known. scoring: a metric is computed now.
    done: the outcome is final."""
    phase: Phase = "start"
    """The phase that begins, for the kind "phase"."""
    fraction: float = 0.0
    """The share of the budget that was used, 0 to 1, for the kind "progress"."""
    losses: dict[str, float] = {}
    """The last losses by name, for the kind "progress"."""
    factory: str = ""
    """The factory of the metric, for the kind "scoring"."""
    outcome: Outcome | None = None
    """For the kinds "outcome" and "done"."""


class Observer:
    """Receives what a worker reports. This one ignores all of it."""

    def phase(self, name: Phase) -> None:
        """A phase begins."""

    def progress(self, fraction: float, losses: dict[str, float]) -> None:
        """Training moved on. fraction: of the budget, 0 to 1."""

    def scoring(self, factory: str) -> None:
        """The metrics of a factory are computed now."""

    def outcome(self, outcome: Outcome) -> None:
        """More is known."""
