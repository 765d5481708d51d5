"""What a run is compared with: its figures by seed, and what decides whether they compare. Small enough for git.

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
from genbench_reports.gate.costs import COMPARED_COSTS
from genbench_reports.leaderboard.rows import BASELINE_FAMILY
from genbench_reports.leaderboard.setting import CONDITION_FIELDS, DATA_FIELDS

BASELINE_SCHEMA = 1
"""Version of the file.

1  first.
"""
MISSING = "missing"
"""Status of a job that was planned and has no result."""


class Machine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where jobs ran. workers: how many ran at once. probe_seconds: the faster of the probes before and after
    the run, others_cores the larger of how many cores other processes kept busy (`genbench.measure.machine_probe`).
    """

    cpu: str | None = None
    cores: int | None = None
    gpu: str | None = None
    workers: int | None = None
    python: str | None = None
    packages: dict[str, str | None] = {}
    commit: str | None = None
    dirty: bool = False
    time: str | None = None
    probe_version: int | None = None
    probe_seconds: float | None = None
    others_cores: float | None = None

    @property
    def hardware(self) -> tuple[object, ...]:
        """Times compare where this is the same."""
        return (self.cpu, self.cores, self.gpu, self.workers)


class Measured(msgspec.Struct, frozen=True, array_like=True):
    """A figure of one seed, with its own standard error; value None where it could not be had, and why."""

    value: float | None
    stderr: float | None = None
    note: str | None = None


class Figure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One figure of a group, by seed. group: its card's, or speed, memory or cost. kind: of a likelihood, without the
    accuracy of each. doubts: what failed in the audit that it rests on, by seed."""

    name: str
    unit: str
    better: Better
    group: str
    kind: str | None = None
    n: int | None = None
    extractor: str | None = None
    seeds: dict[int, Measured] = {}
    doubts: dict[int, str] = {}

    def values(self) -> dict[int, Measured]:
        """The seeds that have a value."""
        return {seed: measured for seed, measured in self.seeds.items() if measured.value is not None}


class JobState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one seed. machine: its place in the list of machines."""

    seed: int
    status: str = "ok"
    reason: str | None = None
    machine: int = 0


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """One model variant on one data set under one setting. job: of its first seed."""

    job: Job
    jobs: list[JobState]
    figures: list[Figure]

    @property
    def name(self) -> tuple[str, str]:
        return (self.job.variant, self.job.dataset)

    @property
    def setting(self) -> tuple[object, ...]:
        return tuple(getattr(self.job, field) for field in (*DATA_FIELDS, *CONDITION_FIELDS))

    @property
    def what(self) -> tuple[object, ...]:
        """All that makes two groups the same but for the version of the code."""
        return (self.name, self.setting, self.job.hyperparameters)

    def state(self, seed: int) -> JobState | None:
        return next((job for job in self.jobs if job.seed == seed), None)


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """All that a comparison needs of a run."""

    schema: int = BASELINE_SCHEMA
    suite: str
    command: list[str] = []
    machines: list[Machine]
    groups: list[Group]


class _Header(msgspec.Struct):
    schema: int = 0
    groups: list[msgspec.Raw] | None = None


def read_side(path: Path, cards: Mapping[str, MetricCard]) -> Baseline:
    """A run's folder, a baseline file, or result records as JSON. Raises RunFolderError, saying what was expected."""
    if path.is_dir():
        return baseline_of_run(Run.open(path), cards)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise RunFolderError(
            f"there is no {path}; expected a run's folder, or a file that"
            " `genai-bench baseline` or `report --format json` wrote"
        ) from None
    except OSError as error:
        raise RunFolderError(f"cannot read {path}: {error.strerror}") from None
    try:
        if content.lstrip()[:1] == b"[":
            return baseline_of(msgspec.json.decode(content, type=list[Result]), cards, suite=path.name)
        header = msgspec.json.decode(content, type=_Header)
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
        return msgspec.json.decode(content, type=Baseline)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunFolderError(f"{path} cannot be read: {error}") from None


def baseline_of_run(run: Run, cards: Mapping[str, MetricCard]) -> Baseline:
    """From all jobs of a plan, those without a result too."""
    return baseline_of(
        run.results(),
        cards,
        suite=run.plan.suite,
        command=run.plan.command,
        pending=run.pending(),
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
    """From result records. pending: planned jobs that have none. run_provenance: the run's, with the
    probe after it."""
    machines: list[Machine] = []
    members: dict[bytes, list[tuple[JobState, Result | None, Job]]] = {}
    for result in results:
        machine = _machine(result.provenance, run_provenance or {})
        if machine not in machines and result.provenance:  # what never ran has none
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
    """JSON with a line for every figure, so that a change of one is a change of one line."""

    def lines(records: Sequence[Any], indent: str) -> str:
        return f",\n{indent}".join(_json(record) for record in records)

    groups = ",\n  ".join(
        f'{{"job": {_json(group.job)},\n   "jobs": {_json(group.jobs)},\n   "figures": [\n    '
        f"{lines(group.figures, '    ')}\n   ]}}"
        for group in baseline.groups
    )
    return (
        f'{{"schema": {baseline.schema},\n "suite": {_json(baseline.suite)},\n "command": {_json(baseline.command)},\n'
        f' "machines": [\n  {lines(baseline.machines, "  ")}\n ],\n "groups": [\n  {groups}\n ]}}\n'
    )


def _json(record: object) -> str:
    return msgspec.json.encode(record).decode()


def _key(job: Job) -> bytes:
    """All but the seed."""
    return msgspec.json.encode(msgspec.structs.replace(job, seed=0), order="deterministic")


def _group(members: Sequence[tuple[JobState, Result | None, Job]], cards: Mapping[str, MetricCard]) -> Group:
    figures: dict[tuple[object, ...], Figure] = {}
    for _, result, _ in members:
        if result is None or result.status != "ok":
            continue
        for figure in _figures(result, cards):
            key = (figure.name, figure.kind, figure.n, figure.extractor)
            into = figures.setdefault(key, figure)
            into.seeds.update(figure.seeds)
            into.doubts.update(figure.doubts)
    return Group(job=members[0][2], jobs=[state for state, _, _ in members], figures=list(figures.values()))


def _figures(result: Result, cards: Mapping[str, MetricCard]) -> Iterable[Figure]:
    """What has a direction: more of `neither` is no regression."""
    seed = result.job.seed
    for metric in result.metrics:
        if metric.better == "neither":
            continue
        card = cards.get(metric.name)
        doubt = result.doubt(metric)
        yield Figure(
            name=metric.name,
            unit=metric.unit,
            better=metric.better,
            group="quality" if card is None else card.group,
            kind=None if metric.kind is None else comparable(metric.kind),
            n=metric.n,
            extractor=metric.extractor,
            seeds={
                seed: Measured(
                    _rounded(metric.value, 10),
                    _rounded(metric.stderr, 4),
                    metric.note if metric.value is None else None,
                )
            },
            doubts={} if doubt is None else {seed: doubt},
        )
    for cost in COMPARED_COSTS:
        value = cost.read(result.cost)
        # what calibrates does not train; how fast it copies is nobody's concern
        if value is not None and result.job.family != BASELINE_FAMILY:
            yield Figure(
                name=cost.name,
                unit=cost.unit,
                better=cost.better,
                group=cost.group,
                seeds={seed: Measured(_rounded(float(value), 10))},
            )


def _rounded(value: float | None, digits: int) -> float | None:
    """More digits than rounding leaves to compare would only make the file large."""
    return None if value is None else float(f"{value:.{digits}g}")


def _machine(provenance: Mapping[str, Any], after: Mapping[str, Any]) -> Machine:
    """Records may lack any of it, and another version may have written something else."""

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
