"""Joins the folders of several runs in a new one: whole records with their parts, and nothing that does not belong
together."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from genbench.errors import DataError, RunFolderError, UsageError
from genbench.records.attempts import is_attempt_name
from genbench.records.hardware import hardware_class
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.run_folder import MAX_PART_BYTES, Plan, Run
from genbench.records.run_paths import run_folder_of
from genbench.util.regular_files import check_regular

_PACKAGES = ("genbench", "torch", "numpy")
"""The packages whose versions must be equal."""
_MAX_NAMED = 5
"""How many things that do not belong together are named."""


@dataclass
class Merged:
    """What a merge has done."""

    run: Run
    """The new run."""
    copied: int = 0
    """How many records were copied."""
    present: int = 0
    """How many the new folder had already, from an earlier merge that was interrupted."""
    repeated: int = 0
    """How many are left out because an earlier folder has the job."""


def merge_runs(folders: Sequence[Path], output: Path, *, across_hardware: bool = False) -> Merged:
    """Copy the records of all folders into `output`, which is a new folder or one of an earlier merge.

    A job that several folders have keeps the result of the first. Nothing is copied unless everything belongs together:
    one protocol, one version of each model, data set and package, and one class of hardware.
    across_hardware: several classes are allowed; reports say so.

    Raises UsageError that names what does not belong together, RunFolderError for a folder that cannot be read or
    written, DataError for a part that is not the one that its record names.
    """
    if any(folder.resolve() == output.resolve() for folder in folders):
        raise UsageError(f"-o {output} is one of the folders to merge; name a new one")
    runs = [Run.open(folder) for folder in folders]
    problems = [*_versions_apart(runs), *_surroundings_apart(runs, across_hardware)]
    if problems:
        more = len(problems) - _MAX_NAMED
        named = [*problems[:_MAX_NAMED], *([f"and {more} more"] if more > 0 else [])]
        raise UsageError("these runs do not belong together; nothing was merged:\n  " + "\n  ".join(named))
    merged = Merged(Run.create(output, _joined_plan(runs)))
    sources: dict[str, Run] = {}
    for run in runs:
        for job in run.plan.jobs:
            result = run.result(job)
            if result is None:
                continue
            if job.id in sources:
                merged.repeated += 1
                continue
            sources[job.id] = run
            if merged.run.result(job) is not None:
                merged.present += 1
            else:
                _copy(run, result, merged.run)
                merged.copied += 1
    return merged


def _joined_plan(runs: Sequence[Run]) -> Plan:
    jobs = {job.id: job for run in runs for job in run.plan.jobs}
    refused = {result.id: result for run in runs for result in run.plan.refused}
    return msgspec.structs.replace(
        runs[0].plan,
        suite=" + ".join(dict.fromkeys(run.plan.suite for run in runs)),
        jobs=list(jobs.values()),
        refused=list(refused.values()),
        datasets={name: card for run in reversed(runs) for name, card in run.plan.datasets.items()},
    )


def _versions_apart(runs: Sequence[Run]) -> Iterator[str]:
    """A line for each model and data set of which the runs have several versions."""
    for kind, name, version in (
        ("model", "model", "model_version"),
        ("data set", "dataset", "dataset_version"),
    ):
        found: dict[str, dict[str, Path]] = {}
        for run in runs:
            for job in run.plan.jobs:
                found.setdefault(getattr(job, name), {}).setdefault(getattr(job, version), run.folder)
        yield from _apart({f"{kind} {each}": versions for each, versions in found.items()})


def _surroundings_apart(runs: Sequence[Run], across_hardware: bool) -> Iterator[str]:
    """A line for each package of several versions, and one for several classes of hardware."""
    packages: dict[str, dict[str, Path]] = {name: {} for name in _PACKAGES}
    hardware: dict[str, Path] = {}
    for run in runs:
        for job in run.plan.jobs:
            result = run.result(job)
            if result is None:
                continue
            hardware.setdefault(hardware_class(result), run.folder)
            recorded = result.provenance.get("packages")
            for name in _PACKAGES:
                if isinstance(recorded, dict) and (version := recorded.get(name)):
                    packages[name].setdefault(str(version), run.folder)
    yield from _apart({f"package {name}": versions for name, versions in packages.items()})
    if not across_hardware:
        for line in _apart({"hardware": hardware}):
            yield f"{line} (--across-hardware merges them all the same, and reports say so)"


def _apart(found: dict[str, dict[str, Path]]) -> Iterator[str]:
    for what, versions in found.items():
        if len(versions) > 1:
            yield f"{what}: " + ", ".join(f"{version} in {folder}" for version, folder in versions.items())


def _copy(source: Run, result: Result, target: Run) -> None:
    """The parts that the record names, each checked; then the record."""
    job = result.job
    attempt = result.attempt if result.attempt is not None and is_attempt_name(result.attempt) else None
    folder = target.job_folder(job) if attempt is None else target.job_folder(job) / attempt
    names = list(result.parts) or _parts_of_old(source, job)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            path = source.parts_folder(job) / name
            if Path(name).name != name:
                raise DataError(f"{source.result_path(job)} names a part {name!r}, which is no file name")
            source.check_part(result, path)
            check_regular(path, max_bytes=MAX_PART_BYTES, within=run_folder_of(path))
            shutil.copyfile(path, folder / name)
    except OSError as error:
        raise RunFolderError(f"cannot copy {source.parts_folder(job)}: {error.strerror}") from None
    target.adopt(result)


def _parts_of_old(source: Run, job: Job) -> list[str]:
    """The files of a record that names none, as those of earlier versions."""
    known = ("samples.safetensors", "log.txt")
    return [name for name in known if (source.parts_folder(job) / name).is_file()]
