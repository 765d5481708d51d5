"""Compares a run with a baseline. `compare_sides` is the main path of the gate:

    pair groups by name | judge jobs | judge metrics and costs | correct for their number

A change counts when it is larger than its threshold and passes a test. No test is needed for values that are equal to
rounding, nor for values that are counted rather than measured (FLOPs, parameters).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace

import msgspec

from genbench_reports.format.text import plural
from genbench_reports.gate.baseline import MISSING, Baseline, Group, Measured, StoredValue
from genbench_reports.gate.causes import find_causes
from genbench_reports.gate.comparability import Pairing, pair
from genbench_reports.gate.difference_test import judge_difference
from genbench_reports.gate.thresholds import Thresholds
from genbench_reports.gate.verdict import (
    JobComparison,
    JobOutcome,
    ValueComparison,
    ValueOutcome,
    Verdict,
)
from genbench_reports.statistics.seeds import MIN_SEEDS, Estimate, adjust_by_holm

ROUNDING = 1e-6
"""Relative. Values that differ by less are equal: float32 carries seven digits."""
_EXPECTED = ("ok", "unsupported")


def compare_sides(
    baseline: Baseline, current: Baseline, thresholds: Thresholds, *, allow_missing: bool = False
) -> Verdict:
    """Compares everything that both sides have, and lists what only one of them has."""
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
    judged = [each for pairing in pairings for each in _values(pairing, thresholds)]
    verdict = Verdict(
        values=tuple(_settle(judged, thresholds.alpha)),
        jobs=tuple(jobs),
        cautions=(
            *_left_out(older, "the baseline"),
            *_left_out(older_now, "the current run"),
            *_cautions(pairings),
        ),
        alpha=thresholds.alpha,
        allow_missing=allow_missing,
        failed=sum(
            state.status not in (*_EXPECTED, MISSING) for group in current.groups for state in group.jobs
        ),
    )
    worse = {value.place for value in verdict.regressions} | {job.place for job in verdict.job_regressions}
    return replace(verdict, causes=find_causes(baseline, current, pairings, worse))


# ---- which groups belong together


def _newest(side: Baseline) -> tuple[Baseline, list[Group]]:
    """The side with the latest group of each name and setting, and the older groups: a folder in which a run was
    repeated after a default had changed holds the results of both."""

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
    """Pairs of groups, groups that are gone, and new groups. Groups are paired by name and setting; and by name alone
    where each side has only one such group, in which case the difference of settings is the reason for not comparing
    them. Groups that differ only in the version of the source are versions of one group."""
    pairs: list[tuple[Group, Group]] = []
    gone, new = list(baseline.groups), list(current.groups)
    keys: tuple[Callable[[Group], Hashable], ...] = (
        lambda group: group.what,
        lambda group: (group.name, group.setting),
        lambda group: group.name,
    )
    for key in keys:
        alike: dict[Hashable, tuple[list[Group], list[Group]]] = {}
        for side, groups in enumerate((gone, new)):
            for group in groups:
                alike.setdefault(key(group), ([], []))[side].append(group)
        found = [(ones[0], others[0]) for ones, others in alike.values() if len(ones) == len(others) == 1]
        paired = {id(group) for pair in found for group in pair}
        gone, new = ([group for group in groups if id(group) not in paired] for groups in (gone, new))
        pairs += found
    order = {id(group): place for place, group in enumerate(baseline.groups)}
    return sorted(pairs, key=lambda both: order[id(both[0])]), gone, new


# ---- jobs


def _jobs(pairing: Pairing) -> Iterable[JobComparison]:
    """What became of the seeds. A seed that only the baseline planned is not missing: baselines may have more seeds."""
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
    known = {seed for stored in one.stored_values for seed in stored.doubts}
    for stored in other.stored_values:
        for seed, doubt in stored.doubts.items():
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


# ---- metrics and costs


def _values(pairing: Pairing, thresholds: Thresholds) -> Iterable[ValueComparison]:
    """Every metric and cost of the baseline, where any seed of the group still finishes. Where none does, the failed
    jobs say it all."""
    if not any(state.status == "ok" for state in pairing.current.jobs):
        return
    for one in pairing.baseline.stored_values:
        if not one.values():
            continue
        named = [other for other in pairing.current.stored_values if other.name == one.name]
        alike = [
            other
            for other in named
            if (other.kind, other.n, other.extractor) == (one.kind, one.n, one.extractor)
        ]
        yield _value(pairing, one, next(iter(alike or named), None), thresholds)


def _value(
    pairing: Pairing, one: StoredValue, other: StoredValue | None, thresholds: Thresholds
) -> ValueComparison:
    """Before the correction for the number of comparisons: `adjusted_p` is not set, and every change is `within`."""
    variant, dataset = pairing.baseline.name
    blank = ValueComparison(
        variant=variant,
        dataset=dataset,
        name=one.name,
        unit=one.unit,
        better=one.better,
        group=one.group,
        outcome="within",
        ranks=one.name == pairing.baseline.job.ranking,
    )
    if other is None or not other.values():
        refusal = pairing.everything
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


def _settle(values: Sequence[ValueComparison], alpha: float) -> Iterable[ValueComparison]:
    """Holm's correction over all tests, then the outcome of each value. Values that are equal to rounding, and values
    that are counted, take no part: chance plays no role there."""
    tested = [index for index, value in enumerate(values) if value.p is not None and value.group != "cost"]
    adjusted = dict(zip(tested, adjust_by_holm([values[index].p or 0.0 for index in tested]), strict=True))
    for index, value in enumerate(values):
        if value.p is None:
            yield value
            continue
        p = adjusted.get(index, 0.0)
        outcome: ValueOutcome = "within"
        assert value.worse_by is not None
        assert value.threshold is not None
        if abs(value.worse_by) > value.threshold and p < alpha:
            outcome = "regression" if value.worse_by > 0 else "improvement"
        yield replace(value, adjusted_p=p, outcome=outcome)


def _estimate(values: Mapping[int, Measured]) -> Estimate:
    return Estimate({seed: each.value for seed, each in values.items() if each.value is not None})


def _at_the_speed_of_the_baseline(
    values: dict[int, Measured], stored: StoredValue, speed: float
) -> dict[int, Measured]:
    """Converts times to the baseline's machine, whose probe took `speed` times as long."""
    if stored.group != "speed":
        return values
    factor = speed if stored.unit == "s" else 1 / speed
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


def _step(stored: StoredValue) -> float:
    """The smallest possible difference between two values."""
    if stored.unit == "modes":
        return 1.0
    return 1 / stored.n if stored.unit == "share" and stored.n else 0.0


# ---- cautions


def _cautions(pairings: Sequence[Pairing]) -> Iterable[str]:
    seeds = min(
        (
            min(sum(s.status == "ok" for s in group.jobs) for group in (p.baseline, p.current))
            for p in pairings
        ),
        default=MIN_SEEDS,
    )
    if 0 < seeds < MIN_SEEDS:
        yield (
            f"Some rows have only {plural(seeds, 'seed')}: what another seed would give is unknown there, and a change"
            " of the random streams alone can look like a change of the model."
        )
    factors = {round(pairing.speed, 2) for pairing in pairings if pairing.times is None} - {1.0}
    if factors:
        factor = min(factors)
        yield (
            f"This machine ran its probe {abs(factor - 1) * 100:.0f} % {'faster' if factor > 1 else 'slower'} than the"
            " baseline's; speeds are converted to the baseline's machine."
        )
