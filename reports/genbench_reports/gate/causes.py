"""What changed between a baseline and a run, as far as both recorded it: the first thing that a reader of a regression
asks. Nothing here proves that a change is the cause of a regression; changes of the rows that got worse come first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass

from genbench_reports.format.text import clean, named, shorten
from genbench_reports.gate.baseline import Baseline, Machine
from genbench_reports.gate.comparability import Pairing
from genbench_reports.gate.verdict import Cause, Place
from genbench_reports.leaderboard.setting import CONDITION_FIELDS, DATA_FIELDS

MAX_CHANGES = 5
"""How many changes of one kind are listed; the last says how many more there are."""
_COMMIT_CHARACTERS = 10
_MAX_CHARACTERS = 160
"""The longest description of one change, since names and values come from plugins."""
_SETTINGS = tuple(field for field in (*DATA_FIELDS, *CONDITION_FIELDS) if not field.startswith("dataset"))


@dataclass(frozen=True)
class _Change:
    """One thing that changed."""

    text: str
    """What it was and what it is."""
    places: tuple[Place, ...]
    """The rows that it concerns."""
    is_local: bool = False
    """It need not concern every row, so that the data sets are named."""


def find_causes(
    baseline: Baseline, current: Baseline, pairings: Sequence[Pairing], worse: Set[Place]
) -> tuple[Cause, ...]:
    """Settings, code, versions and machines that differ between the two sides.

    worse: the rows that got worse, whose changes are listed first.
    """
    return tuple(
        Cause(kind, _capped(changes))
        for kind, changes in (
            ("settings", _listed(_settings(pairings), worse)),
            ("code", [*_listed(_sources(pairings), worse), *_commits(baseline, current)]),
            ("versions", _packages(baseline, current)),
            ("machine", _hardware(baseline, current)),
        )
        if changes
    )


def _settings(pairings: Sequence[Pairing]) -> Iterable[_Change]:
    """Conditions of whole runs, then hyperparameters of models."""
    conditions: dict[str, list[Place]] = {}
    hyperparameters: dict[str, list[Place]] = {}
    for pairing in pairings:
        one, other, place = pairing.baseline.job, pairing.current.job, pairing.baseline.name
        for field in _SETTINGS:
            before, now = getattr(one, field), getattr(other, field)
            if before != now:
                change = f"{field.replace('_', ' ')} {before} → {now}"
                conditions.setdefault(change, []).append(place)
        for name in sorted(one.hyperparameters.keys() | other.hyperparameters.keys()):
            before, now = one.hyperparameters.get(name), other.hyperparameters.get(name)
            if before != now:
                change = f"{clean(name)} of {clean(one.variant)} {before} → {now}"
                hyperparameters.setdefault(change, []).append(place)
    for text, places in conditions.items():
        yield _Change(text, tuple(places))
    for text, places in hyperparameters.items():
        yield _Change(text, tuple(places), is_local=True)


def _sources(pairings: Sequence[Pairing]) -> Iterable[_Change]:
    """Models, data sets and metrics of another version."""
    models: dict[str, list[Place]] = {}
    datasets: dict[str, list[Place]] = {}
    metrics: dict[str, list[Place]] = {}
    for pairing in pairings:
        one, other, place = pairing.baseline, pairing.current, pairing.baseline.name
        if one.job.model_version != other.job.model_version:
            models.setdefault(one.job.model, []).append(place)
        if one.job.dataset_version != other.job.dataset_version:
            datasets.setdefault(one.job.dataset, []).append(place)
        versions = {stored.name: stored.version for stored in other.stored_values}
        for stored in one.stored_values:
            now = versions.get(stored.name)
            if None not in (stored.version, now) and stored.version != now:
                metrics.setdefault(stored.name, []).append(place)
    for noun, changed in (("model", models), ("data set", datasets), ("metric", metrics)):
        if changed:
            places = dict.fromkeys(place for each in changed.values() for place in each)
            names = f"{noun}{'s' * (len(changed) > 1)} {named(list(changed))}"
            yield _Change(f"source of {names}", tuple(places))


def _listed(changes: Iterable[_Change], worse: Set[Place]) -> list[str]:
    """In words, those of rows that got worse first."""
    ordered = sorted(changes, key=lambda change: worse.isdisjoint(change.places))
    texts = []
    for change in ordered:
        datasets = list(dict.fromkeys(dataset for _, dataset in change.places))
        texts.append(f"{change.text} on {named(datasets)}" if change.is_local else change.text)
    return texts


def _capped(texts: Sequence[str]) -> tuple[str, ...]:
    """Runs record whatever their plugins and machines are called, and as many packages as they like."""
    shown = [shorten(text, _MAX_CHARACTERS) for text in texts]
    if len(shown) > MAX_CHANGES:
        shown[MAX_CHANGES - 1 :] = [f"and {len(shown) - MAX_CHANGES + 1} more"]
    return tuple(shown)


def _commits(baseline: Baseline, current: Baseline) -> Iterable[str]:
    before, now = (_known(side, commit_of) for side in (baseline, current))
    return _change("commit", before, now)


def commit_of(machine: Machine) -> str | None:
    """The commit in short, and whether the tree had changes besides it; None where it is unknown."""
    if machine.commit is None:
        return None
    return machine.commit[:_COMMIT_CHARACTERS] + " with uncommitted changes" * machine.dirty


def _packages(baseline: Baseline, current: Baseline) -> list[str]:
    names = sorted(
        {name for side in (baseline, current) for machine in side.machines for name in machine.packages}
    )
    readers: list[tuple[str, Callable[[Machine], str | None]]] = [
        ("Python", lambda machine: machine.python),
        *((name, lambda machine, name=name: machine.packages.get(name)) for name in names),
    ]
    return [
        change
        for name, read in readers
        for change in _change(clean(name), *(_known(side, read) for side in (baseline, current)))
    ]


def _hardware(baseline: Baseline, current: Baseline) -> list[str]:
    readers: tuple[tuple[str, Callable[[Machine], object]], ...] = (
        ("CPU", lambda machine: machine.cpu),
        ("cores", lambda machine: machine.cores),
        ("GPU", lambda machine: machine.gpu),
        ("workers", lambda machine: machine.workers),
    )
    return [
        change
        for name, read in readers
        for change in _change(name, *(_known(side, read) for side in (baseline, current)))
    ]


def _known(side: Baseline, read: Callable[[Machine], object]) -> list[str]:
    return [clean(str(value)) for machine in side.machines if (value := read(machine)) is not None]


def _change(name: str, before: Sequence[str], now: Sequence[str]) -> Iterable[str]:
    """Nothing where both sides are alike, or where neither recorded it."""
    one, other = (sorted(set(side)) for side in (before, now))
    if one != other:
        yield f"{name} {', '.join(one) or 'unknown'} → {', '.join(other) or 'unknown'}"
