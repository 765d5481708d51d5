"""Groups results: by setting into leaderboards, and within a leaderboard by model variant, whose seeds make one row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from genbench.records.hardware import hardware_class
from genbench.records.job import Job
from genbench.records.result import Result
from genbench_reports.leaderboard.setting import Setting


@dataclass(frozen=True)
class VariantResults:
    """All results of one model variant under one setting."""

    label: str
    """Name of the row: the variant, with its version or a number where several rows would have the same name."""
    results: tuple[Result, ...]
    """Results with status "ok", one per seed."""
    failures: tuple[Result, ...]
    """Results of the other seeds."""


@dataclass(frozen=True)
class SettingResults:
    """All results under one setting."""

    setting: Setting
    """What all jobs have in common."""
    variants: tuple[VariantResults, ...]
    """In the order of the results."""
    unsupported: tuple[Result, ...]
    """Pairs of model and data set that were not run, because the model cannot take the data."""


def group_results(results: Iterable[Result], *, by_hardware: bool = False) -> list[SettingResults]:
    """Results by setting. No result is dropped: each belongs to a variant or to `unsupported`.

    by_hardware: results of two classes of hardware have two settings.
    """
    by_setting: dict[tuple[object, ...], tuple[Setting, list[Result]]] = {}
    for result in results:
        setting = Setting(result.job, hardware_class(result) if by_hardware else "")
        by_setting.setdefault(setting.key, (setting, []))[1].append(result)
    return [_group_variants(setting, members) for setting, members in by_setting.values()]


def _group_variants(setting: Setting, results: Sequence[Result]) -> SettingResults:
    by_variant: dict[bytes, list[Result]] = {}
    for result in results:
        if result.status != "unsupported":
            by_variant.setdefault(_variant_key(result.job), []).append(result)
    labels = _labels([members[0].job for members in by_variant.values()])
    variants = tuple(
        VariantResults(
            label=label,
            results=tuple(result for result in members if result.status == "ok"),
            failures=tuple(result for result in members if result.status != "ok"),
        )
        for label, members in zip(labels, by_variant.values(), strict=True)
    )
    unsupported = tuple(result for result in results if result.status == "unsupported")
    return SettingResults(setting, variants, unsupported)


def _variant_key(job: Job) -> bytes:
    """Everything in a job that is neither its setting nor its seed."""
    what = (job.model, job.variant, job.family, job.model_version, job.hyperparameters)
    return msgspec.json.encode(what, order="deterministic")


def _labels(jobs: Sequence[Job]) -> list[str]:
    """A unique name per row: the variant; where two are equal, with the version, and if need be with a number."""
    names = [job.variant for job in jobs]
    versioned = [
        f"{job.variant}@{job.model_version}" if names.count(job.variant) > 1 else job.variant for job in jobs
    ]
    return [
        f"{name}#{versioned[: index + 1].count(name)}" if versioned.count(name) > 1 else name
        for index, name in enumerate(versioned)
    ]
