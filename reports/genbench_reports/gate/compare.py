"""Compares a run with a baseline: MAIN PATH of the gate, `compare_sides`.

    pair groups by name | judge jobs | judge figures | correct for their number

A change counts when it passes its threshold and a test. Figures that repeat to rounding count as equal without one,
and figures that are counted rather than measured (FLOPs, parameters) as changed without one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import msgspec

from genbench_reports.format.text import plural
from genbench_reports.gate.baseline import MISSING, Baseline, Figure, Group, Measured
from genbench_reports.gate.comparability import Pairing, pair
from genbench_reports.gate.difference_test import judge_difference
from genbench_reports.gate.thresholds import Thresholds
from genbench_reports.gate.verdict import (
    Comparison,
    FigureComparison,
    FigureOutcome,
    JobComparison,
    JobOutcome,
)
from genbench_reports.statistics.seeds import MINIMUM_SEEDS, Estimate, adjust_by_holm

ROUNDING = 1e-6
"""Relative. Figures nearer than this are equal: float32 carries seven digits."""
_EXPECTED = ("ok", "unsupported")


def compare_sides(
    baseline: Baseline, current: Baseline, thresholds: Thresholds, *, allow_missing: bool = False
) -> Comparison:
    """Everything that both have, and what only one of them has."""
    (baseline, older), (current, older_now) = _newest(baseline), _newest(current)
    pairs, gone, new = _pairs(baseline, current)
    pairings = [pair(baseline, one, current, other) for one, other in pairs]
    jobs: list[JobComparison] = []
    for pairing in pairings:
        jobs += _jobs(pairing)
    for group in gone:
        seeds = [state.seed for state in group.jobs if state.status == "ok"]
        if seeds:
            jobs.append(JobComparison(*group.name, tuple(seeds), "missing", "not in the current run"))
    for group in new:
        jobs += _new_jobs(group)
    judged = [each for pairing in pairings for each in _figures(pairing, thresholds)]
    return Comparison(
        figures=tuple(_settle(judged, thresholds.alpha)),
        jobs=tuple(jobs),
        cautions=(
            *_left_out(older, "the baseline"),
            *_left_out(older_now, "the current run"),
            *_cautions(baseline, current, pairings),
        ),
        alpha=thresholds.alpha,
        allow_missing=allow_missing,
        failed=sum(
            state.status not in (*_EXPECTED, MISSING) for group in current.groups for state in group.jobs
        ),
    )


# ---- which groups belong together


def _newest(side: Baseline) -> tuple[Baseline, list[Group]]:
    """The side with one group of each name and setting, the one that ran last, and the others: a folder that was run
    again after a default had changed holds the results of both."""

    def ran(group: Group) -> str:
        places = (state.machine for state in group.jobs if state.status == "ok")
        return max((side.machines[p].time or "" for p in places if p < len(side.machines)), default="")

    kept: dict[tuple[object, ...], Group] = {}
    for group in side.groups:
        rival = kept.get((group.name, group.setting))
        if rival is None or ran(group) >= ran(rival):
            kept[(group.name, group.setting)] = group
    chosen = {id(group) for group in kept.values()}
    older = [group for group in side.groups if id(group) not in chosen]
    groups = [group for group in side.groups if id(group) in chosen]
    return msgspec.structs.replace(side, groups=groups), older


def _left_out(groups: Sequence[Group], where: str) -> Iterable[str]:
    if groups:
        names = ", ".join(dict.fromkeys(f"{group.name[0]} on {group.name[1]}" for group in groups))
        yield f"Older results of {names} in {where} are left out: their defaults or their code have changed since."


def _pairs(
    baseline: Baseline, current: Baseline
) -> tuple[list[tuple[Group, Group]], list[Group], list[Group]]:
    """Pairs, what is gone, what is new. By name and setting; else by name, where each side has but one such group:
    then what is unlike is the reason why its figures are refused. Sources that differ make versions of one group."""
    pairs: list[tuple[Group, Group]] = []
    gone, new = list(baseline.groups), list(current.groups)
    for same in (
        lambda one, other: one.what == other.what,
        lambda one, other: (one.name, one.setting) == (other.name, other.setting),
        lambda one, other: one.name == other.name,
    ):
        for one in list(gone):
            others = [other for other in new if same(one, other)]
            rivals = [each for each in gone if any(same(each, other) for other in others)]
            if len(others) == 1 and len(rivals) == 1:
                pairs.append((one, others[0]))
                gone.remove(one)
                new.remove(others[0])
    order = {id(group): place for place, group in enumerate(baseline.groups)}
    return sorted(pairs, key=lambda both: order[id(both[0])]), gone, new


# ---- jobs


def _jobs(pairing: Pairing) -> Iterable[JobComparison]:
    """What became of the seeds. A seed that only the baseline planned is no loss: it may have more of them."""
    one, other = pairing.baseline, pairing.current
    was_sound = any(state.status == "ok" for state in one.jobs)
    found: dict[tuple[JobOutcome, str], list[int]] = {}
    for state in other.jobs:
        before = one.state(state.seed)
        was_ok = was_sound if before is None else before.status == "ok"
        outcome: JobOutcome | None = None
        if state.status == MISSING:
            outcome = "missing" if was_ok else None
        elif state.status == "ok":
            outcome = None if was_ok else "recovered"
        elif was_ok:
            outcome = "fails now"
        elif state.status != "unsupported":
            outcome = "failed before"
        if outcome is not None:
            reason = (
                "planned, without a result" if state.status == MISSING else _why(state.status, state.reason)
            )
            found.setdefault((outcome, "" if outcome == "recovered" else reason), []).append(state.seed)
    known = {seed for figure in one.figures for seed in figure.doubts}
    for figure in other.figures:
        for seed, doubt in figure.doubts.items():
            seeds = found.setdefault(("audit fails now", doubt), [])
            if seed not in known and seed not in seeds:
                seeds.append(seed)
    for (outcome, reason), seeds in found.items():
        if seeds:
            yield JobComparison(*one.name, tuple(seeds), outcome, reason)


def _new_jobs(group: Group) -> Iterable[JobComparison]:
    sound = tuple(state.seed for state in group.jobs if state.status == "ok")
    if sound:
        yield JobComparison(*group.name, sound, "new")
    for state in group.jobs:
        if state.status not in (*_EXPECTED, MISSING):
            yield JobComparison(*group.name, (state.seed,), "new and fails", _why(state.status, state.reason))


def _why(status: str, reason: str | None) -> str:
    return status if not reason else f"{status}: {reason}"


# ---- figures


def _figures(pairing: Pairing, thresholds: Thresholds) -> Iterable[FigureComparison]:
    """Every figure of the baseline, where any seed of the group still works: else its jobs say it all."""
    if not any(state.status == "ok" for state in pairing.current.jobs):
        return
    for one in pairing.baseline.figures:
        if not one.values():
            continue
        named = [other for other in pairing.current.figures if other.name == one.name]
        alike = [
            other
            for other in named
            if (other.kind, other.n, other.extractor) == (one.kind, one.n, one.extractor)
        ]
        yield _figure(pairing, one, next(iter(alike or named), None), thresholds)


def _figure(pairing: Pairing, one: Figure, other: Figure | None, thresholds: Thresholds) -> FigureComparison:
    """Before the correction for how many there are: `adjusted_p` is still open, and every change is `within`."""
    variant, dataset = pairing.baseline.name
    blank = FigureComparison(
        variant=variant,
        dataset=dataset,
        name=one.name,
        unit=one.unit,
        better=one.better,
        group=one.group,
        outcome="within",
    )
    if other is None or not other.values():
        refusal = pairing.all_figures
        if refusal is not None:
            return replace(blank, outcome="refused", reason=refusal)
        notes = [m.note for m in other.seeds.values() if m.note] if other else []
        return replace(
            blank, outcome="lost", reason=notes[0] if notes else "the current run does not have it"
        )
    if (refusal := pairing.refusal(one, other)) is not None:
        return replace(blank, outcome="refused", reason=refusal)
    if one.doubts or other.doubts:
        doubt = next(iter((one.doubts or other.doubts).values()))
        return replace(blank, outcome="refused", reason=f"its audit failed: {doubt}")
    before = one.values()
    now = _at_the_speed_of_the_baseline(other.values(), other, pairing.speed)
    means = _estimate(before), _estimate(now)
    worse = (means[1].mean - means[0].mean) * (1 if one.better == "lower" else -1)
    found = replace(
        blank,
        baseline=means[0].mean,
        current=means[1].mean,
        baseline_error=means[0].stderr,
        current_error=means[1].stderr,
        worse_by=worse,
        threshold=thresholds.of(one).size(means[0].mean),
    )
    common = sorted(before.keys() & now.keys())
    if common and one.group not in ("speed", "memory") and _equal(before, now, common):
        seeds = plural(len(common), "seed")
        return replace(found, outcome="identical", worse_by=0.0, case=f"equal to rounding, {seeds}")
    if one.group == "cost":
        return replace(found, p=0.0, case="counted, not measured")
    noisy = one.group in ("speed", "memory")
    tested = judge_difference(
        before, now, step=_step(one), log=noisy, run_noise=thresholds.run_noise.get(one.group, 0.0)
    )
    if tested.p is None:
        return replace(found, outcome="untested", reason=tested.case)
    case = tested.case
    if pairing.deterministic and common and not noisy:
        case += "; not equal, so code changed"
    return replace(found, p=tested.p, case=case)


def _settle(figures: Sequence[FigureComparison], alpha: float) -> Iterable[FigureComparison]:
    """Holm's correction over all that was tested by chance, then the verdict on each. What is equal to rounding or
    counted takes no part: nothing is left to chance there."""
    tested = [
        index for index, figure in enumerate(figures) if figure.p is not None and figure.group != "cost"
    ]
    adjusted = dict(zip(tested, adjust_by_holm([figures[index].p or 0.0 for index in tested]), strict=True))
    for index, figure in enumerate(figures):
        if figure.p is None:
            yield figure
            continue
        p = adjusted.get(index, 0.0)
        outcome: FigureOutcome = "within"
        assert figure.worse_by is not None
        assert figure.threshold is not None
        if abs(figure.worse_by) > figure.threshold and p < alpha:
            outcome = "regression" if figure.worse_by > 0 else "improvement"
        yield replace(figure, adjusted_p=p, outcome=outcome)


def _estimate(figures: Mapping[int, Measured]) -> Estimate:
    return Estimate({seed: figure.value for seed, figure in figures.items() if figure.value is not None})


def _at_the_speed_of_the_baseline(
    values: dict[int, Measured], figure: Figure, speed: float
) -> dict[int, Measured]:
    """What the times would have been on the baseline's machine, whose probe took `speed` times as long."""
    if figure.group != "speed":
        return values
    factor = speed if figure.unit == "s" else 1 / speed
    return {
        seed: Measured(measured.value * factor)
        for seed, measured in values.items()
        if measured.value is not None
    }


def _equal(before: Mapping[int, Measured], now: Mapping[int, Measured], seeds: Sequence[int]) -> bool:
    return all(
        math.isclose(before[seed].value or 0.0, now[seed].value or 0.0, rel_tol=ROUNDING, abs_tol=1e-12)
        for seed in seeds
    )


def _step(figure: Figure) -> float:
    """The smallest difference that the figure can have."""
    if figure.unit == "modes":
        return 1.0
    return 1 / figure.n if figure.unit == "share" and figure.n else 0.0


# ---- what to know


def _cautions(baseline: Baseline, current: Baseline, pairings: Sequence[Pairing]) -> Iterable[str]:
    seeds = min(
        (
            min(sum(s.status == "ok" for s in group.jobs) for group in (p.baseline, p.current))
            for p in pairings
        ),
        default=MINIMUM_SEEDS,
    )
    if 0 < seeds < MINIMUM_SEEDS:
        yield (
            f"Some rows have only {plural(seeds, 'seed')}: what another seed would give is unknown there, and a change"
            " of the random streams alone can look like a change of the model."
        )
    packages = [
        sorted({f"{name} {version}" for m in side.machines for name, version in m.packages.items()})
        for side in (baseline, current)
    ]
    changed = [
        f"{', '.join(sorted({*packages[0]} - {*packages[1]})) or 'none'} in the baseline,"
        f" {', '.join(sorted({*packages[1]} - {*packages[0]})) or 'none'} now"
    ]
    if packages[0] != packages[1]:
        yield f"Packages differ: {changed[0]}."
    for pairing in pairings:
        one, other = pairing.baseline.job, pairing.current.job
        unlike = [
            f"{name} {one.hyperparameters.get(name)} → {other.hyperparameters.get(name)}"
            for name in sorted(one.hyperparameters.keys() | other.hyperparameters.keys())
            if one.hyperparameters.get(name) != other.hyperparameters.get(name)
        ]
        if unlike:
            yield f"Defaults of {one.variant} changed on {one.dataset}: {', '.join(unlike)}."
    factors = {round(pairing.speed, 2) for pairing in pairings if pairing.times is None} - {1.0}
    if factors:
        factor = min(factors)
        yield (
            f"This machine ran its probe {abs(factor - 1) * 100:.0f} % {'faster' if factor > 1 else 'slower'} than the"
            " baseline's; speeds are brought to the baseline's machine."
        )
