"""The result of a job: one typed, versioned record.

A metric that could not be computed keeps its row: `value` is None and `note` says why. JSON has no NaN, and averages
would drop a NaN without a word, so no record ever holds one (`finite_or_none`).
"""

from __future__ import annotations

import math
from typing import Any, Literal

import msgspec

from genbench.api.cards import Better
from genbench.records.audit import Audit
from genbench.records.job import Job

SCHEMA_VERSION = 1
"""Version of the record.

1  first.
"""

# gc=False below: such records are in no cycle, and a report of 10,000 jobs has half a million of them, which the
# collector of cycles would visit again and again

Status = Literal["ok", "unsupported", "timeout", "oom", "killed", "diverged", "plugin_error", "data_error"]
"""How a job ended.

ok            every phase was completed
unsupported   the model cannot take the data set; nothing was run
timeout       a phase took longer than its limit
oom           memory ran out, of the machine or within the budget
killed        the process was ended by a signal that is not ours, or the disk was full
diverged      losses or samples were not finite
plugin_error  the plugin raised an exception or broke its contract
data_error    the data set could not be had, or is not what it should be
"""


class MetricValue(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The value of one metric, with what it was computed from."""

    name: str
    """The metric, as its card names it."""
    value: float | None
    """The value, always finite; None if it could not be computed."""
    unit: str
    """The unit of the value and of its standard error, as in "nats"; empty for a pure number."""
    better: Better
    """Whether lower or higher values are better."""
    stderr: float | None = None
    """The standard error of the value: how much it would vary with other samples of the same model and other test
    examples. None if it is not known."""
    test_stderr: float | None = None
    """The part of `stderr` that comes from the finite test split, which all seeds share and which therefore no number
    of seeds averages away; None if it is not known apart."""
    is_rough: bool = False
    """Whether `stderr` is an order of magnitude rather than an error whose intervals cover what they promise: the
    examples are too few or too dependent, or the value lies at the edge of its range."""
    kind: str | None = None
    """The kind of a likelihood, as `genbench.records.likelihood_kinds` writes it; None for other metrics."""
    n: int | None = None
    """How many examples it was computed from."""
    dimension: int | None = None
    """How many numbers a feature vector has."""
    k: int | None = None
    """How many neighbours, importance samples or chains were used."""
    extractor: str | None = None
    """The feature extractor as "name:hash"; None for metrics without features."""
    note: str | None = None
    """Why there is no value, or what to bear in mind about it."""
    real: float | None = None
    """The value of held-out real data, for metrics that mean nothing without it."""
    real_stderr: float | None = None
    """The standard error of `real`; None if it is not known."""
    version: str | None = None
    """The version of the metric: a hash of its source (`genbench.runner.metric_versions`); that of its extractor is in
    `extractor`. None in old records, on the validation split, and for values that the worker measures itself."""


class CurvePoint(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A checkpoint: what training had cost by then, and the metrics on the validation split."""

    fraction: float
    """The share of the training budget that was used, 0 to 1."""
    seconds: float
    """Training time, without pauses for checkpoints."""
    cpu_seconds: float | None = None
    """Processor time of the training, all threads together; None in records written before it was measured."""
    steps: int
    """Training steps."""
    examples: int
    """Training examples, those seen again included."""
    flops: float
    """Floating-point operations of the training."""
    losses: dict[str, float] = {}
    """The last losses that the model logged, by name."""
    metrics: list[MetricValue] = []
    """Values on the validation split. Since protocol 2.0 the metric that ranks the data set decides which checkpoint is
    chosen; before, the first of these."""
    is_last_stage: bool = True
    """Whether the training had reached its last stage. A checkpoint before that is never chosen, because a part of the
    model is untrained."""


class LikeliestCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The checkpoint that is best on the validation split by its likelihood, if another one was chosen."""

    fraction: float
    """The share of the training budget that was used, 0 to 1."""
    metrics: list[MetricValue]
    """Its likelihoods on the test split."""


class SamplingPoint(msgspec.Struct, frozen=True, kw_only=True):
    """Quality and cost at one setting of a sampler that can take more steps or fewer."""

    steps: int
    """Steps of the sampler for each sample."""
    n: int
    """How many samples were drawn, or would have been."""
    seconds_per_sample: float | None = None
    """Time per sample when many are drawn at once."""
    flops_per_sample: float | None = None
    """As in `Cost.flops_per_sample`."""
    metrics: list[MetricValue] = []
    """The Fréchet distance of these samples."""
    note: str | None = None
    """Why this setting was not measured."""


class ThroughputPoint(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How fast samples were drawn at one batch size."""

    batch: int
    """Samples per call."""
    repeats: int
    """How many calls were timed."""
    samples_per_second: float
    """From the median time of a call."""


class Cost(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the job cost. None: it was not measured, or there is no GPU.

    Peaks are above the worker's baseline: an idle worker with torch and the data set loaded and, on a GPU, its context.
    Since protocol 2.0 training and sampling are measured in processes of their own, each above its own baseline.
    """

    train_seconds: float | None = None
    """Training time by the wall clock: of building the model and of `fit`, without pauses for checkpoints. Building
    counts since protocol 2.0."""
    train_cpu_seconds: float | None = None
    """Processor time of the training, all threads together; of what `train_seconds` is the time of."""
    construction_seconds: float | None = None
    """The part of `train_seconds` in which the model was built. The import of its module is no part of it."""
    outside_batches_seconds: float | None = None
    """The part of `train_seconds` in which `fit` was in no loop over batches: before the first, between loops, after
    the last."""
    budget_overrun: float | None = None
    """By which share the training exceeded the limit of its budget that it exceeded most: 0.5 for 15 s of 10 s. 0 if it
    exceeded none by more than a tenth or one step, whichever is more."""
    bound_by: str | None = None
    """The limit of the budget that ended the training: "seconds", "cpu_seconds", "steps", "examples" or "flops";
    "finished" if the model ended it."""
    steps: int | None = None
    """Training steps."""
    examples: int | None = None
    """Training examples, those seen again included."""
    flops: float | None = None
    """Floating-point operations of the training, from counts of some of its steps (`genbench.api.flop_estimate`)."""
    flops_per_step: float | None = None
    """The mean over the training steps."""
    flops_per_sample: float | None = None
    """Floating-point operations per sample, counted on one call for a few samples."""
    parameters: int | None = None
    """Learned numbers of the model."""
    train_examples_per_second: float | None = None
    """Training examples per second of training time, that of building the model left out."""
    sample_seconds: float | None = None
    """Time to draw the samples that are scored."""
    sample_latency_seconds: float | None = None
    """Time of a call for one sample: the median of `sample_latency_repeats` calls."""
    sample_latency_p95_seconds: float | None = None
    """The 95th percentile of those calls; None if they are too few for one."""
    sample_latency_repeats: int | None = None
    """How many calls for one sample were timed."""
    samples_per_second: float | None = None
    """Samples per second at the batch size `sample_batch`."""
    sample_batch: int | None = None
    """The batch size with the most samples per second."""
    throughput: list[ThroughputPoint] = []
    """All batch sizes that were tried, in that order."""
    throughput_note: str | None = None
    """Why no further batch size was tried."""
    likelihood_seconds: float | None = None
    """Time to compute the likelihoods of the chosen checkpoint."""
    train_peak_rss_bytes: int | None = None
    """Peak resident memory of the training."""
    sample_peak_rss_bytes: int | None = None
    """Peak resident memory of drawing the samples that are scored."""
    train_peak_cuda_bytes: int | None = None
    """Peak GPU memory that torch had allocated during the training."""
    train_peak_cuda_reserved_bytes: int | None = None
    """Peak GPU memory that torch had reserved during the training."""
    train_peak_device_bytes: int | None = None
    """Peak GPU memory of all processes on the device during the training, from NVML."""
    train_peak_process_device_bytes: int | None = None
    """Peak GPU memory of this process during the training, from NVML."""
    sample_peak_cuda_bytes: int | None = None
    """Peak GPU memory that torch had allocated while the samples were drawn."""
    sample_peak_cuda_reserved_bytes: int | None = None
    """Peak GPU memory that torch had reserved while the samples were drawn."""
    sample_peak_device_bytes: int | None = None
    """Peak GPU memory of all processes on the device while the samples were drawn, from NVML."""
    sample_peak_process_device_bytes: int | None = None
    """Peak GPU memory of this process while the samples were drawn, from NVML."""
    peak_cuda_reserved_bytes_by_gpu: dict[str, int] = {}
    """Peak GPU memory that torch had reserved while training or drawing samples, on each GPU that the job saw, by its
    UUID. The fields above are those of the first."""
    train_energy_joules: float | None = None
    """Energy of the training, without its checkpoints."""
    sample_energy_joules: float | None = None
    """Energy of drawing the samples that are scored."""
    energy_source: str | None = None
    """The counter that was read, and what it includes."""
    energy_note: str | None = None
    """Why an energy is missing."""
    wall_seconds_by_phase: dict[str, float] = {}
    """Elapsed time of each phase by the supervisor's clock, all visits to the phase together."""


class Circumstance(msgspec.Struct, frozen=True, kw_only=True):
    """What a failure came from, if that is not the model. The job is run again when it may have changed."""

    kind: Literal["killed", "memory", "module", "disk", "data"]
    """killed: the process was ended by another one. memory: the machine's memory ran out, and not a limit of the
    budget. module: a module is not installed. disk: there was no room on the disk. data: the data set could not be
    had."""
    module: str | None = None
    """The name of the missing module."""
    room_bytes: int | None = None
    """The memory that the job had when it ran out."""
    tries: int = 1
    """How often the job has failed in this way, one time after another."""


class TuningCost(msgspec.Struct, frozen=True, kw_only=True):
    """What a search for hyperparameters cost: the sum over its trainings, those that failed included."""

    trainings: int
    """How many trainings there were. A trial that went on with a larger budget was trained anew, and counts again."""
    cpu_seconds: float
    """Processor time of the trainings, all threads together."""
    seconds: float
    """Time of the trainings by the wall clock, as if one had followed the other."""
    steps: int
    """Training steps."""
    flops: float
    """Floating-point operations of the trainings."""


class Tuned(msgspec.Struct, frozen=True, kw_only=True):
    """The search that found the hyperparameters of a variant, on the validation split alone (`genai-bench tune`)."""

    model: str
    """The model, as its card names it."""
    variant: str
    """The name of the row: the model with the hyperparameters that the search found."""
    dataset: str
    """The data set whose validation split decided. On other data the variant counts as not tuned."""
    trials: int
    """How many settings of the hyperparameters were tried in each study."""
    studies: int = 1
    """How many independent searches were made. The variant is the winner of the median one, by its validation value."""
    sampler: str
    """How settings were drawn: "random" or "tpe"."""
    budget: str
    """The training budget of a trial that went through all rungs, as text."""
    rungs: tuple[float, ...] = (1.0,)
    """The shares of the budget at which trials were compared."""
    metric: str
    """The metric that decided, the one that ranks the data set."""
    better: Better
    """Whether lower or higher values of it are better."""
    value: float
    """The winner's value on the validation split in the search. Chosen as the best of many, it flatters."""
    values: list[list[float | None]]
    """For each study, the validation value of each trial at the largest share of the budget that it was given, in the
    order in which trials were drawn; None for trials that failed."""
    cost: TuningCost
    """What the search cost, all studies together."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a job that has ended: one record per job."""

    id: str
    """The id of the job."""
    status: Status
    """How the job ended."""
    job: Job
    """What was run."""
    reason: str | None = None
    """Why it failed, in one line; None if it did not."""
    metrics: list[MetricValue] = []
    """The metrics of the chosen checkpoint on the test split. Empty if the job failed."""
    last_metrics: list[MetricValue] | None = None
    """The metrics of the last checkpoint on the test split; None if that is the chosen one."""
    likeliest: LikeliestCheckpoint | None = None
    """The checkpoint that is best by likelihood; None if that is the chosen one, or if the model has no likelihood."""
    selected_fraction: float | None = None
    """The chosen checkpoint: the share of the budget at which it was taken. On the validation split it is the best by
    the metric that ranks the data set, or within one standard error of the best and later."""
    curve: list[CurvePoint] = []
    """All checkpoints, in their order."""
    sampling_curve: list[SamplingPoint] = []
    """Quality against the sampler's steps, for models that can take more or fewer; else empty."""
    cost: Cost = Cost()
    """Time, memory, computation and energy."""
    audit: Audit | None = None
    """The audit of the chosen checkpoint's likelihood; None if the model has none, or in records written before there
    were audits."""
    warnings: list[str] = []
    """What a reader should know besides, one line each: samples that all look alike, other processes on the GPU."""
    provenance: dict[str, Any] = {}
    """Code, packages and machine, as `genbench.runner.provenance` collects them."""
    circumstance: Circumstance | None = None
    """What the failure came from, if that is not the model; None if the job did not fail, and in old records."""
    attempt: str | None = None
    """The folder of the other files of the result, in the folder of the job; None in old records and for results
    without files, whose folder is that of the job."""
    parts: dict[str, str] = {}
    """The SHA-256 of each of these files, by name; empty in old records."""
    tuned: Tuned | None = None
    """The search that found the hyperparameters; None if they are defaults or set by hand, and in old records."""
    schema: int = SCHEMA_VERSION
    """The version of the record."""

    def metric(self, name: str) -> MetricValue | None:
        """The value of the metric of that name, or None."""
        for metric in self.metrics:  # a generator would take twice the time
            if metric.name == name:
                return metric
        return None

    def doubt(self, metric: MetricValue) -> str | None:
        """Why a value is not to be trusted: what failed in the audit of the likelihood it comes from. None if nothing
        did."""
        if self.audit is None or metric.value is None or not self.audit.doubts(metric.kind):
            return None
        return self.audit.detail


def finite_or_none(value: float) -> float | None:
    """The value if it is finite, else None, which is what a record may hold."""
    return value if math.isfinite(value) else None
