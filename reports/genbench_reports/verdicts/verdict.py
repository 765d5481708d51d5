"""Better, worse or undecided: per data set and over all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from genbench.api import MetricCard
from genbench_reports.statistics.seeds import SIGNIFICANCE, adjust_by_holm, mean
from genbench_reports.verdicts.difference import (
    MAX_SEEDS,
    POWER,
    Difference,
    Outcome,
    compared_by_logarithm,
    difference_of,
    outcome_of,
)
from genbench_reports.verdicts.noise import Noise
from genbench_reports.verdicts.sides import Entry, Side, pairs_of

Overall = Literal["better", "worse", "mixed", "undecided", "equal"]
_MAX_Z = 8.0
"""A board counts no more than that over all of them, however small its p-value."""


class BoardVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """B against A on one data set."""

    dataset: str
    """The data set."""
    a: str
    """Model of side A."""
    b: str
    """Model of side B."""
    metric: str
    """The metric that ranks the data set."""
    outcome: Outcome | Literal["not compared"]
    """How B did: "better", "worse", "undecided", "equal" for seeds that all agree to the bit, or "not compared"."""
    a_mean: float | None = None
    """Mean value of A over seeds."""
    b_mean: float | None = None
    """Mean value of B over seeds."""
    a_seeds: int = 0
    """Seeds of A that have a value."""
    b_seeds: int = 0
    """Seeds of B that have a value."""
    difference: float | None = None
    """B less A, signed so that more is better for B; of logarithms where `is_relative`."""
    stderr: float | None = None
    """Standard error of the difference over seeds; None where nothing tells how much seeds vary."""
    is_relative: bool = False
    """Whether the difference is one of natural logarithms: 0.1 is about ten per cent."""
    is_paired: bool = False
    """Whether equal seeds were paired."""
    p: float | None = None
    """p-value of the t-test, two-sided, of this data set alone."""
    adjusted_p: float | None = None
    """p-value adjusted for the number of data sets (Holm)."""
    seeds_to_decide: int | None = None
    """How many seeds a side would find a difference of this size with a probability of 80 %; None: more than a
    thousand, or not known."""
    notes: list[str] = []
    """Why there is no comparison, seeds that failed, conditions that differ."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """B against A, as `genai-bench verdict A B --format json` prints it."""

    a: str
    """Side A as it was named."""
    b: str
    """Side B as it was named."""
    outcome: Overall
    """How B did over all data sets; "mixed" where it is better on one and worse on another."""
    p: float | None
    """p-value over all data sets (Stouffer's sum of z-values); None where no data set has one."""
    seeds_to_decide: int | None
    """How many seeds a side would decide over all data sets; None: more than a thousand, or not known."""
    boards: list[BoardVerdict]
    """One per model and data set."""
    significance: float = SIGNIFICANCE
    """The level of all tests."""
    power: float = POWER
    """The probability behind `seeds_to_decide`."""
    reach: str = (
        "about seeds on these test examples: that other test examples would agree is not tested; the leaderboard has"
        " that part of the error"
    )
    """What the verdict is about, and what not."""
    schema: int = 1
    """Version of this record."""


def make_verdict(a: Side, b: Side, cards: Mapping[str, MetricCard], noise: Noise | None = None) -> Verdict:
    """Compare all pairs of entries. Raises UsageError where there are none."""
    found = [_compared(one, other, cards, noise) for one, other in pairs_of(a, b)]
    tested = [index for index, (_, difference) in enumerate(found) if difference and difference.p is not None]
    adjusted = dict(zip(tested, adjust_by_holm([_p(found[index][1]) for index in tested]), strict=True))
    boards = []
    for index, (board, difference) in enumerate(found):
        if difference is not None:
            p = adjusted.get(index)
            board = msgspec.structs.replace(board, outcome=outcome_of(difference, p), adjusted_p=p)
        boards.append(board)
    differences = [found[index][1] for index in tested]
    p = _p_of_all([each for each in differences if each is not None])
    return Verdict(
        a=a.text,
        b=b.text,
        outcome=_overall(boards, [each for each in differences if each is not None], p),
        p=p,
        seeds_to_decide=_seeds_for_all([each for each in differences if each is not None]),
        boards=boards,
    )


def _p(difference: Difference | None) -> float:
    assert difference is not None
    assert difference.p is not None
    return difference.p


def _compared(
    one: Entry, other: Entry, cards: Mapping[str, MetricCard], noise: Noise | None
) -> tuple[BoardVerdict, Difference | None]:
    notes = [
        f"{side}: {len(entry.failures)} of {len(entry.jobs)} seeds have no value; {entry.failures[0]}"
        for side, entry in (("A", one), ("B", other))
        if entry.failures
    ]
    board = BoardVerdict(
        dataset=one.dataset,
        a=one.variant,
        b=other.variant,
        metric=one.metric,
        outcome="not compared",
        a_mean=mean(list(one.values.values())) if one.values else None,
        b_mean=mean(list(other.values.values())) if other.values else None,
        a_seeds=len(one.values),
        b_seeds=len(other.values),
        notes=notes,
    )
    card = cards.get(one.metric)
    if one.data != other.data:
        notes.append("data, number of samples, extractor or metric differ, so that values do not compare")
        return board, None
    if card is None or card.better == "neither":
        notes.append(f"{one.metric} is not installed, or ranks nothing")
        return board, None
    if not (one.values and other.values):
        return board, None
    unlike = [name for name, value in one.conditions().items() if other.conditions()[name] != value]
    if unlike:
        notes.append(
            f"trained under other conditions: {', '.join(name.replace('_', ' ') for name in unlike)}"
        )
    relative = compared_by_logarithm(
        one.values, other.values, minimum=card.minimum, is_logarithmic=card.is_logarithmic
    )
    a, b = (
        {seed: math.log(value) if relative else value for seed, value in entry.values.items()}
        for entry in (one, other)
    )
    spread = None
    if noise is not None:
        spread = noise.spread(one.dataset, one.metric, (one.variant, other.variant), is_relative=relative)
    difference = difference_of(a, b, sign=1.0 if card.better == "higher" else -1.0, spread=spread)
    if difference.stderr is None:
        notes.append("one seed does not tell how much seeds vary: run more, or give the spread by --noise")
    return (
        msgspec.structs.replace(
            board,
            difference=difference.value,
            stderr=difference.stderr,
            is_relative=relative,
            is_paired=difference.is_paired,
            p=difference.p,
            seeds_to_decide=difference.seeds_to_decide,
        ),
        difference,
    )


def _p_of_all(differences: Sequence[Difference]) -> float | None:
    """Stouffer's sum of the signed z-values of all boards."""
    if not differences:
        return None
    from scipy import stats

    scores = [
        math.copysign(min(_MAX_Z, float(stats.norm.isf(max(_p(each), 1e-300) / 2))), each.value)
        for each in differences
    ]
    return float(2 * stats.norm.sf(abs(math.fsum(scores)) / math.sqrt(len(scores))))


def _overall(boards: Sequence[BoardVerdict], differences: Sequence[Difference], p: float | None) -> Overall:
    outcomes = {board.outcome for board in boards}
    if {"better", "worse"} <= outcomes:
        return "mixed"
    for outcome in ("better", "worse"):
        if outcome in outcomes:
            return "better" if outcome == "better" else "worse"
    if outcomes <= {"equal", "not compared"} and "equal" in outcomes:
        return "equal"
    if p is None or p >= SIGNIFICANCE:
        return "undecided"
    return "better" if math.fsum(each.value / (each.stderr or 1.0) for each in differences) > 0 else "worse"


def _seeds_for_all(differences: Sequence[Difference]) -> int | None:
    """By the normal distribution: over k boards the mean of the standardised differences counts √k times."""
    from scipy import stats

    known = [each for each in differences if each.deviation]
    if not known:
        return None
    sizes = [each.value / (each.deviation or 1.0) / (1 if each.is_paired else math.sqrt(2)) for each in known]
    effect = abs(mean(sizes)) * math.sqrt(len(sizes))
    if effect == 0:
        return None
    needed = float((stats.norm.isf(SIGNIFICANCE / 2) + stats.norm.isf(1 - POWER)) / effect) ** 2
    return max(2, math.ceil(needed)) if needed <= MAX_SEEDS else None
