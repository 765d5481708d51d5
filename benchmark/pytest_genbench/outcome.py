"""The result of a run inside a test, and assertions on it with complete failure messages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genbench.api.cards import MetricCard
from genbench.errors import UnknownNameError
from genbench.records.audit import Audit
from genbench.records.result import Cost, CurvePoint, MetricValue, Result, Status
from genbench.records.task import Task
from genbench.util.regular_files import read_regular

if TYPE_CHECKING:
    import torch

_LOG_LINES = 15


class MetricValues(dict[str, MetricValue]):
    """Metric values by name; the error for an unknown name suggests the nearest known one."""

    def __missing__(self, name: str) -> MetricValue:
        raise UnknownNameError("metric", name, self)


class RunResult:
    """The result of one run."""

    def __init__(
        self, record: Result, task: Task, folder: Path, cards: Mapping[str, MetricCard] | None = None
    ) -> None:
        self.record = record
        """The whole result, as `genai-bench report --format json` writes it."""
        self.folder = folder
        """The folder of the job, with its samples and its log."""
        self._task = task
        self._cards = cards or {}
        self.metrics = MetricValues({metric.name: metric for metric in record.metrics})
        """The metrics of the chosen checkpoint on the test split, by name."""

    def __repr__(self) -> str:
        return f"<{self.title}: {self._summary()}>"

    @property
    def title(self) -> str:
        """The run in words: "vae on digits, seed 0, 10s"."""
        job = self.record.job
        return f"{job.variant} on {job.dataset}, seed {job.seed}, {job.budget}"

    @property
    def status(self) -> Status:
        """How the job ended: "ok", or the kind of failure."""
        return self.record.status

    @property
    def ok(self) -> bool:
        """Whether the job completed every phase."""
        return self.record.status == "ok"

    @property
    def reason(self) -> str | None:
        """Why it failed, in one line; None if it did not."""
        return self.record.reason

    @property
    def cost(self) -> Cost:
        """Time, steps, FLOPs, memory, speed: see `genbench.records.result.Cost`."""
        return self.record.cost

    @property
    def curve(self) -> list[CurvePoint]:
        """The checkpoints: what training had cost by then, losses, and metrics on the validation split."""
        return self.record.curve

    @property
    def audit(self) -> Audit | None:
        """The audit of the likelihood; None if the model has none."""
        return self.record.audit

    @property
    def warnings(self) -> list[str]:
        """What a reader should know besides, one line each."""
        return self.record.warnings

    @property
    def log(self) -> str:
        """The output of the worker, tracebacks included."""
        try:
            text = read_regular(self.folder / "log.txt", max_bytes=1 << 30)
        except OSError:
            return ""
        return text.decode("utf-8", errors="replace")

    def samples(self) -> torch.Tensor:
        """(N, *event_shape) the samples that are compared with N test examples, in the data's domain.

        Raises DataError if there are none.
        """
        from genbench.samples.stored import load_samples

        job = self.record.job
        path, spec = self.folder / "samples.safetensors", self._task.dataset.spec
        return load_samples(path, spec, job.drawn_samples)[: job.samples]

    # ---- assertions

    def expect_ok(self) -> RunResult:
        """Fail unless the run is ok; the message has the reason and the end of the log."""
        __tracebackhide__ = True
        if not self.ok:
            raise AssertionError(self._failure())
        return self

    def expect(
        self,
        metric: str,
        *,
        at_most: float | None = None,
        at_least: float | None = None,
        standard_errors: float = 0.0,
    ) -> RunResult:
        """Fail unless the run is ok and the metric keeps its bounds. Returns the result, so that calls can be chained.

        standard_errors: fail only if the value is past a bound by more than this many of its standard errors; with a
        negative number, fail unless it keeps the bound by at least that many. Fails if the metric has no value, if it
        has no standard error and standard_errors is given, or if it is a likelihood that failed its audit.
        """
        __tracebackhide__ = True
        if at_most is None and at_least is None:
            raise TypeError("expect wants at_most, at_least or both")
        self.expect_ok()
        measured, value, slack = self._measured(metric, standard_errors)
        leeway = f", give or take {standard_errors:g} standard errors" if standard_errors else ""
        if at_most is not None and value - slack > at_most:
            raise AssertionError(
                f"{self.title}: {_written(measured)}, expected at most {at_most:.4g}{leeway}"
            )
        if at_least is not None and value + slack < at_least:
            raise AssertionError(
                f"{self.title}: {_written(measured)}, expected at least {at_least:.4g}{leeway}"
            )
        return self

    def expect_no_worse_than(
        self, other: RunResult, metric: str, *, standard_errors: float = 0.0
    ) -> RunResult:
        """Fail if the metric is worse than that of the other run, in the metric's own direction.

        standard_errors: it may be worse by this many standard errors of the difference.
        """
        __tracebackhide__ = True
        self.expect_ok()
        other.expect_ok()
        mine, value, slack = self._measured(metric, standard_errors)
        theirs, reference, other_slack = other._measured(metric, standard_errors)
        if mine.better == "neither":
            raise TypeError(f"{metric} has no better direction")
        if (mine.extractor, mine.n) != (theirs.extractor, theirs.n):
            raise AssertionError(
                f"{metric} cannot be compared: {mine.extractor}, n {mine.n} here;"
                f" {theirs.extractor}, n {theirs.n} in {other.title}"
            )
        sign = 1.0 if mine.better == "lower" else -1.0
        room = (slack**2 + other_slack**2) ** 0.5 * (1.0 if standard_errors >= 0 else -1.0)
        if sign * (value - reference) > room:
            raise AssertionError(
                f"{self.title}: {_written(mine)}, worse than {_written(theirs)} of {other.title}"
            )
        return self

    def _measured(self, metric: str, standard_errors: float) -> tuple[MetricValue, float, float]:
        """The metric, its value, and the leeway of so many standard errors."""
        __tracebackhide__ = True
        measured = self.metrics.get(metric)
        if measured is None:
            raise AssertionError(f"{self.title}: {UnknownNameError('metric', metric, self.metrics)}")
        if measured.value is None:
            raise AssertionError(f"{self.title}: {metric} has no value: {measured.note or 'no reason given'}")
        if (doubt := self.record.doubt(measured)) is not None:
            raise AssertionError(f"{self.title}: {_written(measured)} fails its audit: {doubt}")
        if standard_errors and measured.stderr is None:
            raise AssertionError(
                f"{self.title}: {metric} has no standard error; expect it without standard_errors="
            )
        return measured, measured.value, standard_errors * (measured.stderr or 0.0)

    # ---- speed

    def benchmark(
        self, benchmark: Any, *, what: str = "sample", count: int = 64, steps: int = 20, rounds: int = 20
    ) -> RunResult:
        """Time the model with pytest-benchmark's `benchmark` fixture, in this process, at the job's threads and device.

        what="sample": times calls of `sample(count)` of a model that is trained as in the run. what="train": times
        rounds of `steps` training steps of a new model; building it is not timed. `extra_info` gets the metrics, costs
        and settings of the run, and the number of samples or steps per round.
        """
        __tracebackhide__ = True
        if what not in ("sample", "train"):
            raise TypeError(f"what={what!r}: expected 'sample' or 'train'")
        self.expect_ok()
        from pytest_genbench.timing import time_sampling, time_training

        benchmark.extra_info.update(self.extra_info())
        if what == "sample":
            time_sampling(benchmark, self._task, count=count, rounds=rounds)
        else:
            time_training(benchmark, self._task, steps=steps, rounds=rounds)
        return self

    def extra_info(self) -> dict[str, Any]:
        """Settings, metrics with standard errors, and costs, as flat JSON for the files of pytest-benchmark."""
        job, cost = self.record.job, self.record.cost
        info: dict[str, Any] = {
            "model": job.variant,
            "dataset": job.dataset,
            "seed": job.seed,
            "budget": job.budget,
            "device": job.device,
            "threads": job.threads,
        }
        for name, metric in self.metrics.items():
            info[name] = metric.value
            if metric.stderr is not None:
                info[f"{name}_stderr"] = metric.stderr
        for name in ("train_seconds", "steps", "flops", "parameters", "samples_per_second"):
            info[f"cost_{name}"] = getattr(cost, name)
        info["cost_sample_latency_seconds"] = cost.sample_latency_seconds
        return info

    # ---- text

    def _summary(self) -> str:
        if not self.ok:
            return f"{self.status}: {self.reason}"
        shown = [m for name, m in self.metrics.items() if name in _HEADLINE_METRICS and m.value is not None]
        return ", ".join(["ok", *(_written(metric) for metric in shown)])

    def _failure(self) -> str:
        lines = [line for line in self.log.splitlines() if line.strip()]
        parts = [f"{self.title}: {self.status}: {self.reason or 'no reason given'}"]
        if lines:
            parts.append(f"the end of {self.folder / 'log.txt'}:")
            parts += [f"    {line}" for line in lines[-_LOG_LINES:]]
        return "\n".join(parts)


_HEADLINE_METRICS = ("bits_per_dim", "negative_log_likelihood", "frechet_distance", "sliced_wasserstein")


def _written(metric: MetricValue) -> str:
    error = "" if metric.stderr is None else f" ± {metric.stderr:.2g}"
    unit = f" {metric.unit}" if metric.unit else ""
    return f"{metric.name} {metric.value:.4g}{error}{unit}"
