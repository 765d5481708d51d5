"""Samples that others have drawn, as a row of a run: the job, its record, and the scoring by the code of all rows.

A row of brought samples has the family "brought". It has no cost and no likelihood, and its version is the checksum of
what was brought: another file of the same name takes the place of the old row.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import torch

from genbench.api.cards import DatasetCard
from genbench.errors import DataError, UsageError
from genbench.plugin.registry import Registry
from genbench.records.attempts import Attempt
from genbench.records.job import BROUGHT_FAMILY, Job
from genbench.records.result import Result
from genbench.records.run_folder import Plan, Run
from genbench.runner.rescoring import Wish, rescore
from genbench.runner.run_benchmark import Execution
from genbench.samples.brought import Brought, checksum_of_path
from genbench.samples.stored import save_samples
from genbench.util.seeding import derive_seed

BESIDE = ("held-out", "copier", "marginals", "noise")
"""The baselines that a new run of brought samples has: real held-out data, training data, and two that are easily
beaten. Those that no plugin announces are left out."""
_RECORD = "brought"
"""The name of the facts about brought samples in the provenance of their record."""


class BroughtFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a record says of brought samples, under "brought" in its provenance."""

    sha256: str
    """Checksum of the file, of the names and contents of a folder's files, or of an array in memory."""
    given: int
    """How many samples there were."""
    scored: int
    """How many of them are scored: a random subset that depends on the data set alone."""
    file: str | None = None
    """The file or folder as an absolute path; None for an array in memory."""


def setting_of(run: Run, dataset: str) -> Job:
    """A job of the run on the data set, whose setting brought samples take over.

    Raises UsageError where there is none, or where jobs of several settings would each make a board of their own.
    """
    jobs = [job for job in run.plan.jobs if job.dataset == dataset]
    if not jobs:
        known = ", ".join(dict.fromkeys(job.dataset for job in run.plan.jobs))
        raise UsageError(f"{run.folder} has no job on {dataset}; its data sets: {known or 'none'}")
    return jobs[-1]  # the latest command's


def brought_job(name: str, brought: Brought, like: Job) -> Job:
    """The job of brought samples, in the setting of `like`. Raises UsageError where there are fewer than its rows
    have."""
    if len(brought.x) < like.drawn_samples:
        what = f"{len(brought.x):,} samples, but each row on {like.dataset} has {like.drawn_samples:,}"
        raise UsageError(
            f"{what}: bring at least as many, or leave out --into for a run with as many as you have"
        )
    return msgspec.structs.replace(
        like,
        model=name,
        variant=name,
        family=BROUGHT_FAMILY,
        model_version=f"sha256:{brought.checksum[:16]}",
        hyperparameters={},
        seed=0,
    )


def check_name(name: str, registry: Registry, run: Run | None = None) -> None:
    """Raises UsageError where a model has that name, or it is empty."""
    others = {job.variant for job in run.plan.jobs if job.family != BROUGHT_FAMILY} if run else set()
    if not name or name in registry.models or name in others:
        raise UsageError(f"{name!r} is the name of a model: choose another with --name")


def bring(
    run: Run,
    brought: Brought,
    job: Job,
    dataset: DatasetCard,
    registry: Registry,
    execution: Execution,
    provenance: dict[str, Any],
    on_problem: Callable[[Job, str], None],
) -> Result:
    """Store the samples in the run and score them with all metrics that are computed from samples.

    on_problem: called with one line for each metric that has no value. Raises RunFolderError, DataError.
    """
    if run.result(job) is None:
        attempt = Attempt.new(run.job_folder(job))
        chosen = _chosen(len(brought.x), job)
        lengths = None if brought.lengths is None else brought.lengths[chosen]
        save_samples(attempt.samples_path, brought.x[chosen], dataset.spec, lengths)
        facts = BroughtFacts(
            sha256=brought.checksum,
            given=len(brought.x),
            scored=job.samples,
            file=None if brought.file is None else str(Path(brought.file).absolute()),
        )
        record = Result(
            id=job.id, status="ok", job=job, provenance={**provenance, _RECORD: msgspec.to_builtins(facts)}
        )
        run.store(record, attempt)
    stored = run.result(job)
    assert stored is not None
    cards = [card for card in registry.metrics.values() if card.factory]
    rescore(run, [Wish(stored, cards)], registry, execution, provenance, on_problem=on_problem)
    scored = run.result(job)
    if scored is None or not scored.metrics:
        raise DataError(f"{job.variant} could not be scored")
    return scored


def plan_with(job: Job, dataset: DatasetCard, suite: str, run: Run | None = None) -> Plan:
    """A plan of this job alone, to be added to that of the run."""
    if run is not None:
        return msgspec.structs.replace(run.plan, jobs=[job], refused=[])
    return Plan(suite=suite, jobs=[job], datasets={dataset.name: dataset})


def facts_of(result: Result) -> BroughtFacts | None:
    """What the record says of brought samples; None for a record of a model."""
    found = result.provenance.get(_RECORD)
    try:
        return None if found is None else msgspec.convert(found, BroughtFacts)
    except msgspec.ValidationError:
        return None


def outdated_files(run: Run) -> list[str]:
    """One line for each row of brought samples whose file has other contents by now. Folders are not read again: a run
    folder may come from a stranger, and name any."""
    lines = []
    for result in run.results():
        facts = facts_of(result)
        if facts is None or facts.file is None or not Path(facts.file).is_file():
            continue
        if checksum_of_path(Path(facts.file)) != facts.sha256:
            lines.append(
                f"{result.job.variant} on {result.job.dataset}: {facts.file} has changed since it was brought; the row"
                " shows the old samples until they are brought again"
            )
    return lines


def _chosen(count: int, job: Job) -> torch.Tensor:
    generator = torch.Generator().manual_seed(derive_seed(0, job.dataset, "brought"))
    return torch.randperm(count, generator=generator)[: job.drawn_samples].sort().values
