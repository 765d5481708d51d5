"""The two sides of a verdict: a run, or one model of a run, as "RUN" or "RUN@MODEL"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from genbench.errors import UnknownNameError, UsageError
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench_reports.leaderboard.rows import BASELINE_FAMILY
from genbench_reports.leaderboard.setting import CONDITION_FIELDS, Setting


@dataclass(frozen=True)
class Entry:
    """All seeds of one model on one data set."""

    variant: str
    """The model with the settings that the user chose."""
    dataset: str
    """The data set."""
    metric: str
    """The metric that ranks the data set."""
    jobs: tuple[Job, ...]
    """All jobs, those that failed too; of one setting."""
    values: dict[int, float]
    """The metric's value by seed, of the jobs that have one."""
    failures: tuple[str, ...]
    """Why the other seeds have none, a line each."""

    @property
    def data(self) -> tuple[object, ...]:
        """Equal for entries whose values compare: data, number of samples, extractor."""
        return (*Setting(self.jobs[0]).data, self.metric)

    def conditions(self) -> dict[str, object]:
        """Under which conditions the model was trained."""
        return {name: getattr(self.jobs[0], name) for name in CONDITION_FIELDS}


@dataclass(frozen=True)
class Side:
    """One side of a verdict."""

    text: str
    """As the user wrote it."""
    model: str | None
    """The model, where the user named one."""
    entries: tuple[Entry, ...]
    """Its entries, without baselines unless one was named."""


def read_side(text: str) -> Side:
    """Read "RUN" or "RUN@MODEL". Raises RunFolderError, UnknownNameError, UsageError."""
    folder, model = Path(text), None
    if not folder.exists() and "@" in text:
        place, _, model = text.rpartition("@")
        folder = Path(place)
    run = Run.open(folder)
    entries = tuple(entries_of(run))
    if model is not None:
        known = {entry.variant for entry in entries}
        if model not in known:
            raise UnknownNameError("model of the run", model, known)
        return Side(text, model, tuple(entry for entry in entries if entry.variant == model))
    models = tuple(entry for entry in entries if entry.jobs[0].family != BASELINE_FAMILY)
    if not models:
        raise UsageError(f"{folder} has no model but baselines; name one: {folder}@NAME")
    return Side(text, None, models)


def entries_of(run: Run) -> Iterator[Entry]:
    """The entries of a run, in the order of its plan."""
    results = {result.id: result for result in run.results()}
    groups: dict[tuple[object, ...], list[Job]] = {}
    for job in run.plan.jobs:
        groups.setdefault((job.variant, job.model_version, Setting(job).key), []).append(job)
    for jobs in groups.values():
        metric = _ranking(run, jobs[0])
        if metric is None:
            continue
        values: dict[int, float] = {}
        failures = []
        for job in jobs:
            result = results.get(job.id)
            found = None if result is None else result.metric(metric)
            if found is not None and found.value is not None:
                values[job.seed] = found.value
            else:
                failures.append(f"seed {job.seed}: {_why(result, metric)}")
        yield Entry(jobs[0].variant, jobs[0].dataset, metric, tuple(jobs), values, tuple(failures))


def _ranking(run: Run, job: Job) -> str | None:
    if job.ranking is not None:
        return job.ranking
    card = run.plan.datasets.get(job.dataset)
    return None if card is None else card.ranking_rule.metric


def _why(result: Result | None, metric: str) -> str:
    if result is None:
        return "not run yet"
    if result.status != "ok":
        return f"{result.status}: {result.reason}"
    found = result.metric(metric)
    return f"no {metric}" + (f": {found.note}" if found is not None and found.note else "")


def pairs_of(a: Side, b: Side) -> list[tuple[Entry, Entry]]:
    """Entries that are to be compared: of one data set, and of one model unless the user named one on each side, or
    each side has only one. Raises UsageError where there are none."""
    names = [list(dict.fromkeys(entry.variant for entry in side.entries)) for side in (a, b)]
    any_model = (a.model is not None and b.model is not None) or (len(names[0]) == len(names[1]) == 1)
    pairs = [
        (one, other)
        for one in a.entries
        for other in b.entries
        if one.dataset == other.dataset and (any_model or one.variant == other.variant)
    ]
    if not pairs:
        raise UsageError(
            f"{a.text} and {b.text} share no model on a data set; name a model on each side: RUN@MODEL. There are"
            f" {', '.join(names[0])}, and {', '.join(names[1])}"
        )
    return pairs
