"""What a run inside a test came to, and assertions on it whose failures say all that is needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genbench.api.cards import MetricCard
from genbench.errors import UnknownNameError
from genbench.records.audit import Audit
from genbench.records.result import Cost, CurvePoint, MetricValue, Result, Status
from genbench.records.task import Task

if TYPE_CHECKING:
    import torch

_LOG_LINES = 15


class Figures(dict[str, MetricValue]):
    """Metrics by name; a name that is not there is answered with the nearest that is."""

    def __missing__(self, name: str) -> MetricValue:
        raise UnknownNameError("metric", name, self)


class RunResult:
    """One run. `record` is the whole of it, as `genai-bench report --format json` writes it; `folder` holds its samples
    and its log."""

    def __init__(
        self, record: Result, task: Task, folder: Path, cards: Mapping[str, MetricCard] | None = None
    ) -> None:
        self.record = record
        self.folder = folder
        self._task = task
        self._cards = cards or {}
        self.metrics = Figures({metric.name: metric for metric in record.metrics})

    def __repr__(self) -> str:
        return f"<{self.title}: {self._standing()}>"

    @property
    def title(self) -> str:
        """ "vae on digits, seed 0, 10s"."""
        job = self.record.job
        return f"{job.variant} on {job.dataset}, seed {job.seed}, {job.budget}"

    @property
    def status(self) -> Status:
        return self.record.status

    @property
    def ok(self) -> bool:
        return self.record.status == "ok"

    @property
    def reason(self) -> str | None:
        """Why it failed, in one line; None where it did not."""
        return self.record.reason

    @property
    def cost(self) -> Cost:
        """Seconds, steps, FLOPs, memory, speed: `genbench.records.result.Cost`."""
        return self.record.cost

    @property
    def curve(self) -> list[CurvePoint]:
        """Checkpoints: what was spent by then, with losses and validation figures."""
        return self.record.curve

    @property
    def audit(self) -> Audit | None:
        """Of the likelihood; None where the model has none."""
        return self.record.audit

    @property
    def warnings(self) -> list[str]:
        return self.record.warnings

    @property
    def log(self) -> str:
        """What the worker printed, tracebacks included."""
        try:
            return (self.folder / "log.txt").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def samples(self) -> torch.Tensor:
        """(N, *event_shape) the samples that were scored, in the data's domain. Raises DataError without any."""
        from genbench.samples.stored import load_samples

        return load_samples(
            self.folder / "samples.safetensors", self._task.dataset.spec, self.record.job.samples
        )

    # ---- assertions

    def expect_ok(self) -> RunResult:
        """Fail unless the run went well; the message has the reason and the end of the log."""
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
        """Fail unless the run went well and the metric keeps its bounds. Returns the result, so that calls chain.

        standard_errors: fail only where the figure is more than so many of its standard errors past a bound. A negative
        number asks for that much room on the good side. Fails where there is no figure, no standard error where one is
        asked for, or where the figure is a likelihood that failed its audit.
        """
        __tracebackhide__ = True
        if at_most is None and at_least is None:
            raise TypeError("expect wants at_most, at_least or both")
        self.expect_ok()
        figure, value, slack = self._figure(metric, standard_errors)
        leeway = f", {standard_errors:g} standard errors aside" if standard_errors else ""
        if at_most is not None and value - slack > at_most:
            raise AssertionError(f"{self.title}: {_written(figure)}, expected at most {at_most:.4g}{leeway}")
        if at_least is not None and value + slack < at_least:
            raise AssertionError(
                f"{self.title}: {_written(figure)}, expected at least {at_least:.4g}{leeway}"
            )
        return self

    def expect_no_worse_than(
        self, other: RunResult, metric: str, *, standard_errors: float = 0.0
    ) -> RunResult:
        """Fail where the metric is worse than the other run's, in the metric's own direction.

        standard_errors: how many standard errors of the difference it may be worse by.
        """
        __tracebackhide__ = True
        self.expect_ok()
        other.expect_ok()
        mine, value, slack = self._figure(metric, standard_errors)
        theirs, reference, other_slack = other._figure(metric, standard_errors)
        if mine.better == "neither":
            raise TypeError(f"{metric} has no better direction")
        if (mine.extractor, mine.n) != (theirs.extractor, theirs.n):
            raise AssertionError(
                f"{metric} does not compare: {mine.extractor}, n {mine.n} here;"
                f" {theirs.extractor}, n {theirs.n} in {other.title}"
            )
        sign = 1.0 if mine.better == "lower" else -1.0
        room = (slack**2 + other_slack**2) ** 0.5 * (1.0 if standard_errors >= 0 else -1.0)
        if sign * (value - reference) > room:
            raise AssertionError(
                f"{self.title}: {_written(mine)}, worse than {_written(theirs)} of {other.title}"
            )
        return self

    def _figure(self, metric: str, standard_errors: float) -> tuple[MetricValue, float, float]:
        __tracebackhide__ = True
        figure = self.metrics.get(metric)
        if figure is None:
            raise AssertionError(f"{self.title}: {UnknownNameError('metric', metric, self.metrics)}")
        if figure.value is None:
            raise AssertionError(f"{self.title}: {metric} has no value: {figure.note or 'no reason given'}")
        if (doubt := self.record.doubt(figure)) is not None:
            raise AssertionError(f"{self.title}: {_written(figure)} fails its audit: {doubt}")
        if standard_errors and figure.stderr is None:
            raise AssertionError(
                f"{self.title}: {metric} has no standard error; expect it without standard_errors="
            )
        return figure, figure.value, standard_errors * (figure.stderr or 0.0)

    # ---- speed

    def benchmark(
        self, benchmark: Any, *, what: str = "sample", count: int = 64, steps: int = 20, rounds: int = 20
    ) -> RunResult:
        """Time the model with pytest-benchmark's `benchmark` fixture, in this process, at the job's threads and device.

        what="sample": calls of `sample(count)` of the model, trained as the run's was. what="train": rounds of `steps`
        training steps of a fresh model, built outside the clock. `extra_info` gets the run's metrics, costs and
        settings, and how many samples or steps a round is.
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
        """Settings, metrics with their standard errors, and costs, flat and JSON-able: for pytest-benchmark's files."""
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

    # ---- words

    def _standing(self) -> str:
        if not self.ok:
            return f"{self.status}: {self.reason}"
        shown = [m for name, m in self.metrics.items() if name in _TELLING and m.value is not None]
        return ", ".join(["ok", *(_written(metric) for metric in shown)])

    def _failure(self) -> str:
        lines = [line for line in self.log.splitlines() if line.strip()]
        parts = [f"{self.title}: {self.status}: {self.reason or 'no reason given'}"]
        if lines:
            parts.append(f"the end of {self.folder / 'log.txt'}:")
            parts += [f"    {line}" for line in lines[-_LOG_LINES:]]
        return "\n".join(parts)


_TELLING = ("bits_per_dim", "negative_log_likelihood", "frechet_distance", "sliced_wasserstein")


def _written(figure: MetricValue) -> str:
    error = "" if figure.stderr is None else f" ± {figure.stderr:.2g}"
    unit = f" {figure.unit}" if figure.unit else ""
    return f"{figure.name} {figure.value:.4g}{error}{unit}"
