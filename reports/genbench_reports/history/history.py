"""Metrics and costs over commits: an append-only file, one JSON line for each model and data set of a run.

Made to live in git. Lines never change and their order means nothing (readers sort by time), so that branches merge
by keeping both sides' lines: `history.jsonl merge=union` in .gitattributes. A line that is broken is named and
skipped; the rest of the file is read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from genbench.api import Better, MetricCard
from genbench.datasets import cache_folder
from genbench.errors import RunFolderError
from genbench.records.run_folder import Run
from genbench.util.untrusted_text import decode_json, read_bounded, without_mark
from genbench_reports.format.numbers import rounded
from genbench_reports.gate.baseline import Baseline, Group, Machine, StoredValue, baseline_of_run
from genbench_reports.statistics.seeds import Estimate

HISTORY_SCHEMA = 1
"""Version of a line.

1  first.
"""
_LOCK_SECONDS = 30
_MAX_BYTES = 2**28


class Point(msgspec.Struct, frozen=True, array_like=True):
    """A metric or cost at one commit."""

    mean: float
    """Mean over seeds."""
    stderr: float | None
    """Standard error over seeds."""
    seeds: int
    """How many seeds have a value."""
    kind: str | None = None
    """Likelihood kind; None for other metrics."""


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One model variant on one data set in one run."""

    schema: int = HISTORY_SCHEMA
    """Version of the line, see `HISTORY_SCHEMA`."""
    run: str
    """A hash that identifies the run."""
    time: str
    """When it began."""
    commit: str | None = None
    """Commit of the repository that it was started in."""
    dirty: bool = False
    """That repository had changes that were not committed."""
    suite: str
    """Name of the suite."""
    model: str
    """The model variant."""
    dataset: str
    """The data set."""
    budget: str
    """The training budget, for people to read."""
    setting: str
    """A hash of all that must be equal for quality to be comparable."""
    hardware: str
    """A hash of all that must be equal for times to be comparable."""
    machine: Machine
    """Where it ran."""
    seeds: int
    """How many seeds finished."""
    failed: int = 0
    """How many seeds failed."""
    points: dict[str, Point] = msgspec.field(default_factory=dict, name="figures")
    """Metrics and costs by name."""
    better: dict[str, Better] = {}
    """Directions of those metrics that have no card."""
    group: dict[str, str] = {}
    """Groups of those metrics that have no card."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The same line is never added twice."""
        return (self.run, self.model, self.dataset, self.setting)


@dataclass(frozen=True)
class BrokenLine:
    """A line of the file that cannot be read."""

    number: int
    """From 1."""
    why: str
    """In a few words."""


@dataclass(frozen=True)
class History:
    """The contents of a history file."""

    lines: tuple[Line, ...]
    """By time."""
    broken: tuple[BrokenLine, ...]
    """Lines that were skipped."""


def read_history(path: Path) -> History:
    """Every whole line, by time. Raises RunFolderError where the file cannot be read at all."""
    try:
        content = without_mark(read_bounded(path, max_bytes=_MAX_BYTES))
    except FileNotFoundError:
        raise RunFolderError(
            f"there is no {path}; `genai-bench history add RUN --file {path}` begins it"
        ) from None
    except OSError as error:
        raise RunFolderError(f"cannot read {path}: {error.strerror}") from None
    lines: dict[tuple[str, ...], Line] = {}
    broken: list[BrokenLine] = []
    for number, text in enumerate(content.split(b"\n"), 1):
        if not text.strip():
            continue
        try:
            line = decode_json(text, Line)
        except msgspec.DecodeError as error:
            broken.append(BrokenLine(number, str(error)))
            continue
        if line.schema != HISTORY_SCHEMA:
            broken.append(BrokenLine(number, f"schema {line.schema}, this version reads {HISTORY_SCHEMA}"))
            continue
        lines.setdefault(line.key, line)  # a merge may have kept both sides' copies
    return History(tuple(sorted(lines.values(), key=lambda line: line.time)), tuple(broken))


def add_run(path: Path, run: Run, cards: Mapping[str, MetricCard]) -> int:
    """Append a finished run, and return how many lines were added: 0 where the file has all of them.

    Raises RunFolderError where the run has jobs without a result, or the file cannot be written.
    """
    if pending := len(run.pending()):
        raise RunFolderError(
            f"{run.folder} is not finished: {pending} of {len(run.plan.jobs)} jobs have no result; the command that"
            " began it finishes it"
        )
    made = list(lines_of(run, cards))
    lock = cache_folder() / "locks" / f"{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]}.lock"
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock, timeout=_LOCK_SECONDS):
            known = {line.key for line in read_history(path).lines} if path.exists() else set()
            new = [line for line in made if line.key not in known]
            if new:
                _append(path, new)
            return len(new)
    except Timeout:
        raise RunFolderError(f"{path} has been written by another process for {_LOCK_SECONDS} s") from None
    except OSError as error:
        raise RunFolderError(f"cannot write {path}: {error.strerror}") from None


def lines_of(run: Run, cards: Mapping[str, MetricCard]) -> Iterable[Line]:
    """The lines that a run adds. Groups in which no job finished have a line too, without values."""
    side = baseline_of_run(run, cards)
    jobs = "".join(sorted(job.id for job in run.plan.jobs))
    began = str(run.plan.provenance.get("time"))
    name = hashlib.sha256(f"{jobs} {began}".encode()).hexdigest()[:12]
    for group in side.groups:
        states = [state for state in group.jobs if state.status != "unsupported"]
        if states:
            yield _line(name, side, group, began, cards)


def _line(run: str, side: Baseline, group: Group, began: str, cards: Mapping[str, MetricCard]) -> Line:
    sound = [state for state in group.jobs if state.status == "ok"]
    machines = [side.machines[state.machine] for state in sound if state.machine < len(side.machines)]
    machine = machines[0] if machines else Machine()
    measured = [stored for stored in group.stored_values if stored.values()]
    without_card = [stored for stored in measured if stored.name not in cards]
    return Line(
        run=run,
        time=machine.time or began,
        commit=machine.commit,
        dirty=machine.dirty,
        suite=side.suite,
        model=group.job.variant,
        dataset=group.job.dataset,
        budget=group.job.budget,
        setting=_short(group.setting),
        hardware=_short((*machine.hardware, group.job.threads, group.job.device)),
        machine=machine,
        seeds=len(sound),
        failed=len(group.jobs) - len(sound),
        points={stored.name: _point(stored) for stored in measured},
        better={stored.name: stored.better for stored in without_card},
        group={stored.name: stored.group for stored in without_card},
    )


def _point(stored: StoredValue) -> Point:
    estimate = Estimate({seed: m.value for seed, m in stored.values().items() if m.value is not None})
    mean = rounded(estimate.mean, 7)
    assert mean is not None  # records hold finite values
    return Point(mean, rounded(estimate.stderr, 3), estimate.n, stored.kind)


def _short(what: tuple[object, ...]) -> str:
    return hashlib.sha256(repr(what).encode()).hexdigest()[:8]


def _append(path: Path, lines: Sequence[Line]) -> None:
    """In one write, so that even a process without the lock does not split a line; and on a new line, in case another
    process left half of one."""
    text = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            text = b"\n" + text
        left = memoryview(text)
        while left:
            left = left[os.write(descriptor, left) :]
    finally:
        os.close(descriptor)
