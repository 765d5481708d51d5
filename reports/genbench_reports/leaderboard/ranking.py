"""Which rows are ranked, in which order, and when ranks are withheld."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genbench.api import Better
from genbench.records.likelihood_kinds import comparable
from genbench_reports.leaderboard.rows import Rank, Row
from genbench_reports.statistics.rank_groups import claim, row_letters
from genbench_reports.statistics.seeds import competition_ranks


@dataclass(frozen=True)
class Ranking:
    """The ranks of one leaderboard."""

    ranks: Mapping[str, Rank]
    """By label of the row, best first; empty where ranks are withheld."""
    claim: str
    """What the ranks say about differences between rows, or why there are none."""


def rank_rows(rows: Sequence[Row], metric: str, better: Better) -> Ranking:
    """Rank the contenders that have the metric for every seed. `Row.rank` is not read.

    Calibration rows never get a rank. Ranks are withheld where values do not compare: where they have different
    likelihood kinds, feature extractors or numbers of samples.
    """
    values = {
        row.label: value
        for row in rows
        if not row.is_calibration and (value := row.values.get(metric)) is not None and value.is_complete
    }
    if not values:
        return Ranking({}, "No ranks: no contender has a value beyond doubt for all of its seeds.")
    if better == "neither":
        return Ranking({}, "No ranks: neither direction of this metric is better.")
    records = [record for value in values.values() for record in value.records.values()]
    for what, found in (
        ("likelihood kinds", {comparable(record.kind or "none") for record in records}),
        ("feature extractors", {record.extractor or "none" for record in records}),
        ("numbers of samples", {str(record.n) for record in records}),
    ):
        if len(found) > 1:
            return Ranking({}, f"No ranks: the values have different {what} ({', '.join(sorted(found))}).")
    sign = 1.0 if better == "lower" else -1.0
    means = {label: sign * value.mean for label, value in values.items() if value.mean is not None}
    ordered = sorted(means, key=means.__getitem__)
    numbers = competition_ranks([means[label] for label in ordered])
    groups: Sequence[str | None] | None = row_letters([values[label].by_seed for label in ordered])
    groups = groups or [None] * len(ordered)
    ranks = {
        label: Rank(number, group) for label, number, group in zip(ordered, numbers, groups, strict=True)
    }
    return Ranking(ranks, claim(min(len(values[label].by_seed) for label in ordered), len(ordered)))


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
