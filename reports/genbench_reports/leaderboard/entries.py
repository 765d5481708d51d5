"""From results to rows: what may share a table, with the seeds of one model variant brought together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from genbench.records.job import Job
from genbench.records.likelihood_kinds import comparable
from genbench.records.result import Cost, MetricValue, Result
from genbench_reports.statistics.seeds import Estimate

BASELINE_FAMILY = "baseline"

# Two groups of fields that must be equal for jobs to share a table.
DATA_FIELDS = ("dataset", "dataset_version", "samples", "extractor")
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
)


@dataclass(frozen=True)
class Setting:
    """What all jobs of a table have in common; any of them serves as `job`."""

    job: Job

    @property
    def data(self) -> tuple[object, ...]:
        return tuple(getattr(self.job, field) for field in DATA_FIELDS)

    @property
    def conditions(self) -> tuple[object, ...]:
        return tuple(getattr(self.job, field) for field in CONDITION_FIELDS)

    def differences(self, others: Sequence[Setting], fields: Sequence[str]) -> str:
        """Those of `fields` in which it is unlike some of the others, in words: "budget 10s, threads 2"."""
        return ", ".join(
            f"{field.replace('_', ' ')} {getattr(self.job, field)}"
            for field in fields
            if any(getattr(other.job, field) != getattr(self.job, field) for other in others)
        )


@dataclass(frozen=True)
class Entry:
    """One model variant under one setting. results: one a seed that went well; failures: the other seeds."""

    label: str
    family: str
    results: tuple[Result, ...]
    failures: tuple[Result, ...]

    @property
    def is_calibration(self) -> bool:
        """Baselines show what a figure means; they do not compete."""
        return self.family == BASELINE_FAMILY

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(result.job.seed for result in self.results)

    @property
    def _results(self) -> dict[int, Result]:
        return {result.job.seed: result for result in self.results}

    def figures(self, name: str) -> dict[int, MetricValue]:
        """The metric by seed, where it is recorded, without a value too."""
        found = {result.job.seed: result.metric(name) for result in self.results}
        return {seed: figure for seed, figure in found.items() if figure is not None}

    def estimate(self, name: str) -> Estimate | None:
        """Over the seeds that have a value; None where none has, or where their kinds differ."""
        valued = {seed: figure for seed, figure in self.figures(name).items() if figure.value is not None}
        if not valued or len({_comparable(figure) for figure in valued.values()}) > 1:
            return None
        return Estimate({seed: figure.value for seed, figure in valued.items() if figure.value is not None})

    def kind(self, name: str) -> str | None:
        """The likelihood kind that all values of the metric share, without the accuracy of each."""
        kinds = {_comparable(figure) for figure in self.figures(name).values() if figure.value is not None}
        return kinds.pop() if len(kinds) == 1 else None

    def doubts(self, name: str) -> list[str]:
        """What failed in the audits that the figure rests on, a line a seed; empty where it may be trusted."""
        doubts = {seed: self._results[seed].doubt(figure) for seed, figure in self.figures(name).items()}
        seeds = len(self.results) > 1
        return [f"seed {seed}: {doubt}" if seeds else doubt for seed, doubt in doubts.items() if doubt]

    def is_complete(self, name: str) -> bool:
        """Every seed went well and has the figure, beyond doubt: a mean over survivors would flatter the row."""
        estimate = self.estimate(name)
        has_all = not self.failures and estimate is not None and estimate.n == len(self.results)
        return has_all and not self.doubts(name)

    def cost(self, read: Callable[[Cost], float | None]) -> Estimate | None:
        """A cost over the seeds that recorded it."""
        values = {result.job.seed: read(result.cost) for result in self.results}
        known = {seed: float(value) for seed, value in values.items() if value is not None}
        return Estimate(known) if known else None


def _comparable(figure: MetricValue) -> str | None:
    return None if figure.kind is None else comparable(figure.kind)


@dataclass(frozen=True)
class EntryTable:
    """The entries of one setting, in the order of the results, and the refusals."""

    setting: Setting
    entries: tuple[Entry, ...]
    unsupported: tuple[Result, ...]


def group_results(results: Iterable[Result]) -> list[EntryTable]:
    """Results by setting. No result is dropped: each is in an entry or among the unsupported."""
    by_setting: dict[tuple[object, ...], list[Result]] = {}
    for result in results:
        setting = Setting(result.job)
        by_setting.setdefault((*setting.data, *setting.conditions), []).append(result)
    return [_table(members) for members in by_setting.values()]


def _table(results: Sequence[Result]) -> EntryTable:
    runnable = [result for result in results if result.status != "unsupported"]
    by_variant: dict[bytes, list[Result]] = {}
    for result in runnable:
        by_variant.setdefault(_variant_key(result.job), []).append(result)
    labels = _labels([members[0].job for members in by_variant.values()])
    entries = tuple(
        Entry(
            label=label,
            family=members[0].job.family,
            results=tuple(result for result in members if result.status == "ok"),
            failures=tuple(result for result in members if result.status != "ok"),
        )
        for label, members in zip(labels, by_variant.values(), strict=True)
    )
    refused = tuple(result for result in results if result.status == "unsupported")
    return EntryTable(Setting(results[0].job), entries, refused)


def _variant_key(job: Job) -> bytes:
    """Everything of a job that is not its setting and not its seed."""
    what = (job.model, job.variant, job.family, job.model_version, job.hyperparameters)
    return msgspec.json.encode(what, order="deterministic")


def _labels(jobs: Sequence[Job]) -> list[str]:
    """Each row's name; where two would be called the same, with the version, and then a number."""
    names = [job.variant for job in jobs]
    versioned = [
        f"{job.variant}@{job.model_version}" if names.count(job.variant) > 1 else job.variant for job in jobs
    ]
    return [
        f"{name}#{versioned[: index + 1].count(name)}" if versioned.count(name) > 1 else name
        for index, name in enumerate(versioned)
    ]
