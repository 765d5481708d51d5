"""Runs one job of a stored run again, from its record, in a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from genbench.datasets.versions import dataset_version
from genbench.errors import UnknownNameError, UsageError
from genbench.plugin.registry import Registry
from genbench.records.job import BROUGHT_FAMILY, PROTOCOL_VERSION, Job
from genbench.records.result import Result
from genbench.records.run_folder import Plan, Run
from genbench.runner.run_benchmark import Execution, Watcher, run_benchmark
from genbench.util.source_hash import source_hash


def job_of_today(job: Job, registry: Registry) -> tuple[Job, Plan]:
    """The job with the versions of what is installed now, and a plan of it alone.

    A folder may come from a stranger: model, data set and extractor are those that plugins announce, never those that
    the folder describes. Raises UnknownNameError where one of them is not installed, UsageError for samples that were
    brought.
    """
    if job.family == BROUGHT_FAMILY:
        raise UsageError(f"{job.variant} are samples that somebody brought; there is no model to run again")
    try:
        model = registry.model(job.model)
    except UnknownNameError as error:
        raise UsageError(f"{error}; a class of yours is named with -m my_model.py:MyModel") from None
    dataset = registry.dataset(job.dataset)
    label = job.extractor
    if label is not None:
        extractor = registry.extractor(label.partition(":")[0])
        if (obstacle := extractor.obstacle()) is not None:
            raise UsageError(obstacle)
        label = extractor.label
    today = msgspec.structs.replace(
        job,
        model_version=f"{registry.origin(model).version}+{source_hash(model.factory)}",
        dataset_version=dataset_version(dataset),
        extractor=label,
        protocol=PROTOCOL_VERSION,
    )
    return today, Plan(suite="rerun", jobs=[today], datasets={dataset.name: dataset})


def run_again(
    plan: Plan,
    folder: Path,
    registry: Registry,
    provenance: dict[str, Any],
    watcher: Watcher,
    *,
    executor: str = "local",
) -> Result:
    """Run the one job of the plan in `folder`, which is new or empty, and return its result.

    Raises RunFolderError where the folder holds something already.
    """
    run = Run.create(folder, msgspec.structs.replace(plan, provenance=provenance))
    (job,) = plan.jobs
    # the end of this run is no end of a benchmark: no reports are made of one row
    run_benchmark(run, [job], registry, Execution(executor), provenance, watcher, is_whole=False)
    result = run.result(job)
    if result is None:
        raise UsageError(f"{job.variant} on {job.dataset} ended without a result in {folder}")
    return result
