"""Which rows are ranked, in which order, how sure that is, and when ranks are withheld."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from genbench.api import Better, RankingRule
from genbench.records.likelihood_kinds import comparable
from genbench_reports.format.columns import metric_title
from genbench_reports.format.text import named, plural
from genbench_reports.leaderboard.board_scale import BoardScale
from genbench_reports.leaderboard.rows import Rank, Row, Standing, Value
from genbench_reports.statistics.letter_display import letter_display
from genbench_reports.statistics.rank_groups import claim
from genbench_reports.statistics.seeds import MIN_SEEDS, SIGNIFICANCE, competition_ranks
from genbench_reports.statistics.uncertain_means import (
    STANDARD_ERRORS,
    UncertainMean,
    adjusted_p,
    rank_intervals,
)


@dataclass(frozen=True)
class Ranking:
    """The ranks of one leaderboard."""

    ranks: Mapping[str, Rank]
    """By label of the row, best first; empty where ranks are withheld."""
    claim: str
    """What the ranks say about differences between rows, or why there are none."""
    standings: Mapping[str, Standing] = field(default_factory=dict)
    """Where rows stand between zero and floor, by label; rows without a complete value are missing."""


def rank_rows(rows: Sequence[Row], rule: RankingRule, better: Better, scale: BoardScale) -> Ranking:
    """Rank the contenders that have the metric for every seed. `Row.rank` and `Row.standing` are not read.

    Calibration rows never get a rank, nor do rows over their budget. Ranks are withheld where values do not compare:
    where they have different likelihood kinds, feature extractors or numbers of samples; and where the board cannot
    tell models from real data.
    """
    metric = rule.metric
    complete = {
        row.label: value
        for row in rows
        if (value := row.values.get(metric)) is not None and value.is_complete and value.uncertain is not None
    }
    contenders = {row.label for row in rows if not row.is_calibration and not row.is_over_budget}
    values = {label: value for label, value in complete.items() if label in contenders}
    if not values:
        return Ranking({}, "No ranks: no contender has a value beyond doubt for all of its seeds.")
    if better == "neither":
        return Ranking({}, "No ranks: neither direction of this metric is better.")
    if (unlike := _unlike(list(values.values()))) is not None:
        return Ranking({}, f"No ranks: the values have different {unlike}.")
    means = {label: value.uncertain for label, value in complete.items() if value.uncertain is not None}
    standings = _standings(rows, means, values, scale)
    obstacle = rule.cannot_rank or _obstacle(rule, better, scale, {label: means[label] for label in values})
    if obstacle is not None:
        return Ranking({}, f"No ranks: {obstacle}.", standings)
    return _ranked(values, better, standings)


def _unlike(values: Sequence[Value]) -> str | None:
    """In what the values differ that must be equal for them to be ranked."""
    records = [record for value in values for record in value.records.values()]
    for what, found in (
        ("likelihood kinds", {comparable(record.kind or "none") for record in records}),
        ("feature extractors", {record.extractor or "none" for record in records}),
        ("numbers of samples", {str(record.n) for record in records}),
    ):
        if len(found) > 1:
            return f"{what} ({', '.join(sorted(found))})"
    return None


def _obstacle(
    rule: RankingRule, better: Better, scale: BoardScale, means: Mapping[str, UncertainMean]
) -> str | None:
    """Why the board cannot tell models from real data; None where it can, and where the run cannot show it."""
    floor, zero = scale.floor, scale.zero
    title = metric_title(rule.metric, "neither")
    known = floor is not None and zero is not None and floor.is_known and zero.is_known
    if floor is not None and zero is not None and known and not scale.excess(zero, floor):
        return (
            f"by {title}, real held-out data do not beat {rule.zero} by more than {STANDARD_ERRORS:g} standard"
            " errors, so that nothing can be told apart here"
        )
    beyond = [label for label, mean in means.items() if scale.beats_floor(mean)]
    if beyond:
        verb = "is" if len(beyond) == 1 else "are"
        return (
            f"by {title}, {named(beyond)} {verb} better than real held-out data by more than {STANDARD_ERRORS:g}"
            " standard errors, which no model is, so that the metric does not see here what it should"
        )
    return None


def _standings(
    rows: Sequence[Row], means: Mapping[str, UncertainMean], values: Mapping[str, Value], scale: BoardScale
) -> dict[str, Standing]:
    at_floor = _at_floor({label: means[label] for label in values}, scale)
    standings = {}
    for row in rows:
        mean = means.get(row.label)
        if mean is not None:
            score = scale.score(mean)
            if score is not None and row.label in at_floor and score.value > 1.0:
                score = UncertainMean(1.0, known_stderr=score.stderr, is_known=score.is_known)
            beaten = () if row.is_calibration else scale.not_beaten(mean)
            standings[row.label] = Standing(score, row.label in at_floor, beaten)
    return standings


def _at_floor(means: Mapping[str, UncertainMean], scale: BoardScale) -> frozenset[str]:
    """The rows that cannot be told from real data: the best ones, up to the first that can. A row whose large error
    alone reaches down to the floor, behind one that is surely above it, is not among them."""
    sign = -1.0 if scale.better == "higher" else 1.0
    found: list[str] = []
    for label in sorted(means, key=lambda label: sign * means[label].value):
        if not scale.reaches_floor(means[label]):
            break
        found.append(label)
    return frozenset(found)


def _ranked(values: Mapping[str, Value], better: Better, standings: Mapping[str, Standing]) -> Ranking:
    sign = 1.0 if better == "lower" else -1.0
    means = {label: value.uncertain for label, value in values.items() if value.uncertain is not None}
    ordered = sorted(means, key=lambda label: sign * means[label].value)
    signed = [sign * means[label].value for label in ordered]
    at_floor = [standings[label].is_at_floor for label in ordered]
    numbers = [
        1 if floor else number for number, floor in zip(competition_ranks(signed), at_floor, strict=True)
    ]
    different = [
        (i, j)
        for (i, j), p in adjusted_p([means[label] for label in ordered]).items()
        if p < SIGNIFICANCE and not (at_floor[i] and at_floor[j])
    ]
    known = all(means[label].is_known for label in ordered)
    seeds = min(len(values[label].by_seed) for label in ordered)
    letters: Sequence[str | None] = [None] * len(ordered)
    if seeds >= MIN_SEEDS:
        letters = letter_display(len(ordered), different)
    intervals: Sequence[tuple[int, int] | None] = [None] * len(ordered)
    if known:
        intervals = rank_intervals(signed, different)
    ranks = {
        label: Rank(number, group, interval)
        for label, number, group, interval in zip(ordered, numbers, letters, intervals, strict=True)
    }
    said = claim(seeds, len(ordered), is_known=known)
    if any(at_floor):
        count = plural(sum(at_floor), "row")
        said += f" {count} cannot be told from real held-out data at this number of samples and share rank 1."
    return Ranking(ranks, said, standings)


def order_by_kind(rows: Sequence[Row], metric: str, better: Better) -> dict[str, list[str]]:
    """Labels of the contenders in the order of a likelihood, best first, for each kind; kinds in alphabetical order.

    Kinds of a single contender are left out: there is nothing to order.
    """
    sign = 1.0 if better == "lower" else -1.0
    by_kind: dict[str, list[tuple[float, str]]] = {}
    for row in rows:
        value = row.values.get(metric)
        if row.is_calibration or value is None or not value.is_complete:
            continue
        if value.mean is not None and value.kind is not None:
            by_kind.setdefault(value.kind, []).append((sign * value.mean, row.label))
    return {
        kind: [label for _, label in sorted(members)]
        for kind, members in sorted(by_kind.items())
        if len(members) > 1
    }
