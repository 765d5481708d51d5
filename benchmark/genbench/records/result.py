"""What came of a job: one typed, versioned record.

A metric that could not be computed keeps its row: `value` is None and `note` says why. JSON has no NaN,
and a NaN would vanish from averages in silence, so no record ever holds one (`finite_or_none`).
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

Status = Literal["ok", "unsupported", "timeout", "oom", "killed", "diverged", "plugin_error", "data_error"]


class MetricValue(msgspec.Struct, frozen=True, kw_only=True):
    """One figure.

    kind: of a likelihood, as `genbench.records.likelihood_kinds` writes it. n: examples it was computed from;
    dimension: of the features; k: neighbours, importance samples, or chains. extractor: name and
    hash of what made the features. note: why there is no value, or what to mind about it. real: what held-out
    real data get, where a figure cannot be judged without it.
    """

    name: str
    value: float | None
    unit: str
    better: Better
    stderr: float | None = None
    kind: str | None = None
    n: int | None = None
    dimension: int | None = None
    k: int | None = None
    extractor: str | None = None
    note: str | None = None
    real: float | None = None


class CurvePoint(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint: what was spent by then, and the figures on the validation split."""

    fraction: float
    seconds: float
    steps: int
    examples: int
    flops: float
    losses: dict[str, float] = {}
    metrics: list[MetricValue] = []


class SamplingPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a model that can trade quality for time gives at one setting.

    steps: of its sampler. seconds_per_sample: in bulk. flops_per_sample: see `Cost`. n: samples drawn.
    metrics: the Fréchet distance. note: why there are no figures.
    """

    steps: int
    n: int
    seconds_per_sample: float | None = None
    flops_per_sample: float | None = None
    metrics: list[MetricValue] = []
    note: str | None = None


class ThroughputPoint(msgspec.Struct, frozen=True, kw_only=True):
    """How fast samples came in calls of `batch`; the median of `repeats` calls."""

    batch: int
    repeats: int
    samples_per_second: float


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What the job cost. Peaks are above the worker's baseline (an idle child with torch and the
    data loaded, and on a GPU its context).

    None: it was not measured, or there is no GPU. train_seconds is the meter's clock;
    wall_seconds_by_phase is the supervisor's.

    flops_per_step: the mean over the training. flops_per_sample: counted on one call for a few samples.
    sample_seconds: of drawing the samples that are scored. sample_latency_seconds: of a call for one sample,
    the median of sample_latency_repeats; the 95th percentile only where there were enough of them.
    samples_per_second: at sample_batch, the best of the batches in `throughput`; throughput_note: what ended
    the search for a better one.
    Memory of a GPU, each for training and for sampling: allocated (peak_cuda) and reserved by torch, and as NVML
    sees it held by this process (peak_process_device) and by all on the device (peak_device).
    Energy: of training without its checkpoints, and of drawing the samples that are scored. energy_source:
    what was read, and what it includes. energy_note: why a figure is missing.
    """

    train_seconds: float | None = None
    bound_by: str | None = None
    steps: int | None = None
    examples: int | None = None
    flops: float | None = None
    flops_per_step: float | None = None
    flops_per_sample: float | None = None
    parameters: int | None = None
    train_examples_per_second: float | None = None
    sample_seconds: float | None = None
    sample_latency_seconds: float | None = None
    sample_latency_p95_seconds: float | None = None
    sample_latency_repeats: int | None = None
    samples_per_second: float | None = None
    sample_batch: int | None = None
    throughput: list[ThroughputPoint] = []
    throughput_note: str | None = None
    likelihood_seconds: float | None = None
    train_peak_rss_bytes: int | None = None
    sample_peak_rss_bytes: int | None = None
    train_peak_cuda_bytes: int | None = None
    train_peak_cuda_reserved_bytes: int | None = None
    train_peak_device_bytes: int | None = None
    train_peak_process_device_bytes: int | None = None
    sample_peak_cuda_bytes: int | None = None
    sample_peak_cuda_reserved_bytes: int | None = None
    sample_peak_device_bytes: int | None = None
    sample_peak_process_device_bytes: int | None = None
    train_energy_joules: float | None = None
    sample_energy_joules: float | None = None
    energy_source: str | None = None
    energy_note: str | None = None
    wall_seconds_by_phase: dict[str, float] = {}


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One record a job.

        selected_fraction: which checkpoint was the best on the validation split; `metrics` are its figures on
        the test split, `last_metrics` those of the last one (None where it is the selected one).
        sampling_curve: quality against the sampler's steps, for models that can trade one for the other.
    audit: of the likelihood of the selected checkpoint; None where the model has none, or a version before
    audits wrote the record. warnings: what a reader should know: losses that did not fall.
    """

    id: str
    status: Status
    job: Job
    reason: str | None = None
    metrics: list[MetricValue] = []
    last_metrics: list[MetricValue] | None = None
    selected_fraction: float | None = None
    curve: list[CurvePoint] = []
    sampling_curve: list[SamplingPoint] = []
    cost: Cost = Cost()
    audit: Audit | None = None
    warnings: list[str] = []
    provenance: dict[str, Any] = {}
    schema: int = SCHEMA_VERSION

    def metric(self, name: str) -> MetricValue | None:
        """The figure of that name, or None."""
        return next((metric for metric in self.metrics if metric.name == name), None)

    def doubt(self, metric: MetricValue) -> str | None:
        """Why a figure is not to be trusted: what failed in the audit that it rests on; None where nothing did."""
        if self.audit is None or metric.value is None or not self.audit.doubts(metric.kind):
            return None
        return self.audit.detail


def finite_or_none(value: float) -> float | None:
    """What a record may hold."""
    return value if math.isfinite(value) else None
