"""What a run is compared with: metrics and costs by seed, and what decides whether they are comparable. Small enough
for git.

A baseline file, a run's folder and what `report --format json` writes are all read into the same record
(`read_side`), so that any of them can stand on either side of a comparison.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from genbench.api import Better, MetricCard
from genbench.errors import RunFolderError
from genbench.records.job import Job
from genbench.records.likelihood_kinds import comparable
from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench.util.untrusted_text import decode_json, read_bounded, without_mark
from genbench_reports.format.numbers import rounded
from genbench_reports.gate.costs import COMPARED_COSTS
from genbench_reports.leaderboard.rows import BASELINE_FAMILY
from genbench_reports.leaderboard.setting import CONDITION_FIELDS, DATA_FIELDS

BASELINE_SCHEMA = 1
"""Version of the file.

1  first.
"""
_MAX_BYTES = 2**28
MISSING = "missing"
"""Status of a job that was planned but has no result."""


class Machine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where jobs ran."""

    cpu: str | None = None
    """Name of the processor."""
    cores: int | None = None
    """How many cores it has."""
    gpu: str | None = None
    """Name of the GPU; None where there is none."""
    workers: int | None = None
    """How many jobs ran at once."""
    python: str | None = None
    """Version of Python."""
    packages: dict[str, str | None] = {}
    """Versions of installed packages by name."""
    commit: str | None = None
    """Commit of the repository that the run was started in."""
    dirty: bool = False
    """That repository had changes that were not committed."""
    time: str | None = None
    """When the run began."""
    probe_version: int | None = None
    """Version of the speed probe (`genbench.measure.machine_probe`)."""
    probe_seconds: float | None = None
    """What the probe took: the faster of the one before and the one after the run."""
    others_cores: float | None = None
    """How many cores other processes kept busy: the larger of the readings before and after the run."""

    @property
    def hardware(self) -> tuple[object, ...]:
        """Times are comparable where this is equal."""
        return (self.cpu, self.cores, self.gpu, self.workers)


class Measured(msgspec.Struct, frozen=True, array_like=True):
    """One metric or cost of one seed."""

    value: float | None
    """None where there is none."""
    stderr: float | None = None
    """Standard error that the value itself came with."""
    note: str | None = None
    """Why there is no value."""


class StoredValue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One metric or cost of a group, by seed."""

    name: str
    """Name of the metric or cost."""
    unit: str
    """Unit of its values."""
    better: Better
    """The better direction."""
    group: str
    """Group of the metric's card; speed, memory or cost for costs."""
    kind: str | None = None
    """Likelihood kind, without the accuracy of each value; None for other metrics."""
    n: int | None = None
    """How many samples each value was computed from."""
    extractor: str | None = None
    """Name and hash of what made the features."""
    version: str | None = None
    """Version of the metric; None for costs, for likelihoods, and in files that were written before there was one."""
    seeds: dict[int, Measured] = {}
    """What was measured, by seed."""
    doubts: dict[int, str] = {}
    """What failed in the audit that a value rests on, by seed."""

    def values(self) -> dict[int, Measured]:
        """The seeds that have a value."""
        return {seed: measured for seed, measured in self.seeds.items() if measured.value is not None}


class JobState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one seed."""

    seed: int
    """The seed."""
    status: str = "ok"
    """Status of its result, or `MISSING`."""
    reason: str | None = None
    """Why it failed."""
    machine: int = 0
    """Where it ran: index in `Baseline.machines`."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """One model variant on one data set under one setting."""

    job: Job
    """Job of the first seed."""
    jobs: list[JobState]
    """What became of each seed."""
    stored_values: list[StoredValue] = msgspec.field(name="figures")
    """What was measured."""

    @property
    def name(self) -> tuple[str, str]:
        return (self.job.variant, self.job.dataset)

    @property
    def setting(self) -> tuple[object, ...]:
        return tuple(getattr(self.job, field) for field in (*DATA_FIELDS, *CONDITION_FIELDS))

    @property
    def what(self) -> tuple[object, ...]:
        """Equal for groups that differ in nothing but the version of the code."""
        return (self.name, self.setting, frozenset(self.job.hyperparameters.items()))

    def state(self, seed: int) -> JobState | None:
        return next((job for job in self.jobs if job.seed == seed), None)


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """All that a comparison needs to know about a run."""

    schema: int = BASELINE_SCHEMA
    """Version of the file, see `BASELINE_SCHEMA`."""
    suite: str
    """Name of the suite."""
    command: list[str] = []
    """The command that ran it."""
    machines: list[Machine]
    """Where jobs ran."""
    groups: list[Group]
    """What was run."""


class _Header(msgspec.Struct):
    """The fields that tell whether a file is a baseline that this version reads."""

    schema: int = 0
    """Version of the file."""
    groups: list[msgspec.Raw] | None = None
    """None where the file is something else."""


def read_side(path: Path, cards: Mapping[str, MetricCard]) -> Baseline:
    """A run's folder, a baseline file, or result records as JSON. Raises RunFolderError, saying what was expected."""
    if path.is_dir():
        return baseline_of_run(Run.open(path), cards)
    try:
        content = without_mark(read_bounded(path, max_bytes=_MAX_BYTES))
    except FileNotFoundError:
        raise RunFolderError(
            f"there is no {path}; expected a run's folder, or a file that"
            " `genai-bench baseline` or `report --format json` wrote"
        ) from None
    except OSError as error:
        raise RunFolderError(f"cannot read {path}: {error.strerror}") from None
    try:
        if content.lstrip()[:1] == b"[":
            return baseline_of(
                msgspec.convert(decode_json(content, list), list[Result]), cards, suite=path.name
            )
        header = decode_json(content, _Header)
        if header.groups is None:
            raise RunFolderError(
                f"{path} is no baseline; expected a run's folder, or a file that `genai-bench baseline` or"
                " `report --format json` wrote"
            )
        if header.schema != BASELINE_SCHEMA:
            raise RunFolderError(
                f"{path} has baseline schema {header.schema}, this version reads {BASELINE_SCHEMA};"
                f" `genai-bench baseline RUN -o {path}` writes it anew"
            )
        return decode_json(content, Baseline)
    except msgspec.DecodeError as error:
        raise RunFolderError(f"{path} cannot be read: {error}") from None


def baseline_of_run(run: Run, cards: Mapping[str, MetricCard]) -> Baseline:
    """From all jobs of a plan, including those without a result."""
    results = run.results()
    ended = {result.id for result in results}
    return baseline_of(
        results,
        cards,
        suite=run.plan.suite,
        command=run.plan.command,
        pending=[job for job in run.plan.jobs if job.id not in ended],
        run_provenance=run.plan.provenance,
    )


def baseline_of(
    results: Iterable[Result],
    cards: Mapping[str, MetricCard],
    *,
    suite: str,
    command: Sequence[str] = (),
    pending: Sequence[Job] = (),
    run_provenance: Mapping[str, Any] | None = None,
) -> Baseline:
    """From result records.

    pending: planned jobs that have none. run_provenance: provenance of the run, which holds the probe after it.
    """
    machines: list[Machine] = []
    members: dict[bytes, list[tuple[JobState, Result | None, Job]]] = {}
    for result in results:
        machine = _machine(result.provenance, run_provenance or {})
        if machine not in machines and result.provenance:  # a job that never ran has none
            machines.append(machine)
        state = JobState(
            seed=result.job.seed,
            status=result.status,
            reason=result.reason,
            machine=machines.index(machine) if machine in machines else 0,
        )
        members.setdefault(_key(result.job), []).append((state, result, result.job))
    for job in pending:
        members.setdefault(_key(job), []).append((JobState(seed=job.seed, status=MISSING), None, job))
    groups = [_group(sorted(found, key=lambda each: each[0].seed), cards) for found in members.values()]
    return Baseline(suite=suite, command=list(command), machines=machines, groups=groups)


def encode_baseline(baseline: Baseline) -> str:
    """JSON with a line for each metric or cost, so that a change of one is a change of one line."""

    def lines(records: Sequence[Any], indent: str) -> str:
        return f",\n{indent}".join(_json(record) for record in records)

    groups = ",\n  ".join(
        f'{{"job": {_json(group.job)},\n   "jobs": {_json(group.jobs)},\n   "figures": [\n    '
        f"{lines(group.stored_values, '    ')}\n   ]}}"
        for group in baseline.groups
    )
    return (
        f'{{"schema": {baseline.schema},\n "suite": {_json(baseline.suite)},\n "command": {_json(baseline.command)},\n'
        f' "machines": [\n  {lines(baseline.machines, "  ")}\n ],\n "groups": [\n  {groups}\n ]}}\n'
    )


def _json(record: object) -> str:
    return msgspec.json.encode(record).decode()


def _key(job: Job) -> bytes:
    """Equal for jobs that differ in nothing but the seed."""
    return msgspec.json.encode(msgspec.structs.replace(job, seed=0), order="deterministic")


def _group(members: Sequence[tuple[JobState, Result | None, Job]], cards: Mapping[str, MetricCard]) -> Group:
    found: dict[tuple[object, ...], StoredValue] = {}
    for _, result, _ in members:
        if result is None or result.status != "ok":
            continue
        for stored in _stored_values(result, cards):
            key = (stored.name, stored.kind, stored.n, stored.extractor, stored.version)
            into = found.setdefault(key, stored)
            into.seeds.update(stored.seeds)
            into.doubts.update(stored.doubts)
    return Group(
        job=members[0][2],
        jobs=[state for state, _, _ in members],
        stored_values=list(found.values()),
    )


def _stored_values(result: Result, cards: Mapping[str, MetricCard]) -> Iterable[StoredValue]:
    """Metrics and costs that have a direction: more or less of any other is no regression."""
    seed = result.job.seed
    for metric in result.metrics:
        if metric.better == "neither":
            continue
        card = cards.get(metric.name)
        doubt = result.doubt(metric)
        yield StoredValue(
            name=metric.name,
            unit=metric.unit,
            better=metric.better,
            group="quality" if card is None else card.group,
            kind=None if metric.kind is None else comparable(metric.kind),
            n=metric.n,
            extractor=metric.extractor,
            version=metric.version,
            seeds={
                seed: Measured(
                    rounded(metric.value, 10),
                    rounded(metric.stderr, 4),
                    metric.note if metric.value is None else None,
                )
            },
            doubts={} if doubt is None else {seed: doubt},
        )
    for cost in COMPARED_COSTS:
        value = cost.read(result.cost)
        # calibration models do not train, and how fast they copy does not matter
        if value is not None and result.job.family != BASELINE_FAMILY:
            yield StoredValue(
                name=cost.name,
                unit=cost.unit,
                better=cost.better,
                group=cost.group,
                seeds={seed: Measured(rounded(float(value), 10))},
            )


def _machine(provenance: Mapping[str, Any], after: Mapping[str, Any]) -> Machine:
    """Records may lack any of these fields, and other versions may have written other types."""

    def of(kind: type, *keys: str, within: Mapping[str, Any] = provenance) -> Any:
        found: Any = within
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found if isinstance(found, kind) else None

    probes = [of(float, "probe_seconds"), of(float, "probe_after_seconds", within=after)]
    others = [of(float, "probe_others_cores"), of(float, "probe_after_others_cores", within=after)]
    packages = of(dict, "packages") or {}
    return Machine(
        cpu=of(str, "cpu"),
        cores=of(int, "cores"),
        gpu=of(str, "gpu", "name"),
        workers=of(int, "workers"),
        python=of(str, "python"),
        packages={str(name): str(version) for name, version in packages.items() if version},
        commit=of(str, "git", "commit"),
        dirty=bool(of(bool, "git", "dirty")),
        time=of(str, "time"),
        probe_version=of(int, "probe_version"),
        probe_seconds=min(seconds for seconds in probes if seconds) if probes[0] else None,
        others_cores=max((cores for cores in others if cores is not None), default=None),
    )
