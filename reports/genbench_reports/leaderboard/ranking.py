"""Who is ranked, by what, and when ranks are withheld."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genbench.api.cards import Better
from genbench.records.likelihood_kinds import comparable
from genbench_reports.leaderboard.entries import Entry
from genbench_reports.statistics.rank_groups import claim, indistinct_groups
from genbench_reports.statistics.seeds import competition_ranks


@dataclass(frozen=True)
class Rank:
    """group: the letter shared by ranks that cannot be told apart; None where no test was possible."""

    number: int
    group: str | None

    def __str__(self) -> str:
        return f"{self.number}{self.group or ''}"


@dataclass(frozen=True)
class Ranking:
    """ranks: by the label of the entry, best first. claim: what they mean, or why there are none."""

    ranks: dict[str, Rank]
    claim: str


def rank_entries(entries: Sequence[Entry], metric: str, better: Better) -> Ranking:
    """Rank the contenders that have the metric for every seed.

    Calibration rows never take a rank. Ranks are withheld where the figures do not compare: of different
    likelihood kinds, feature extractors or numbers of samples.
    """
    eligible = [entry for entry in entries if not entry.is_calibration and entry.is_complete(metric)]
    if not eligible:
        return Ranking({}, "No ranks: no contender has this figure, beyond doubt, for all of its seeds.")
    if better == "neither":
        return Ranking({}, "No ranks: neither more nor less of this figure is better.")
    figures = [figure for entry in eligible for figure in entry.figures(metric).values()]
    for what, values in (
        ("likelihood kinds", {comparable(figure.kind or "none") for figure in figures}),
        ("feature extractors", {figure.extractor or "none" for figure in figures}),
        ("numbers of samples", {str(figure.n) for figure in figures}),
    ):
        if len(values) > 1:
            return Ranking({}, f"No ranks: the figures have different {what} ({', '.join(sorted(values))}).")
    sign = 1.0 if better == "lower" else -1.0
    estimates = {entry.label: entry.estimate(metric) for entry in eligible}
    known = {label: estimate for label, estimate in estimates.items() if estimate is not None}
    ordered = sorted(known, key=lambda label: sign * known[label].mean)
    numbers = competition_ranks([sign * known[label].mean for label in ordered])
    groups: Sequence[str | None] | None = indistinct_groups([known[label].by_seed for label in ordered])
    groups = groups or [None] * len(ordered)
    ranks = {
        label: Rank(number, group) for label, number, group in zip(ordered, numbers, groups, strict=True)
    }
    return Ranking(ranks, claim(min(estimate.n for estimate in known.values()), len(known)))


def order_by_kind(entries: Sequence[Entry], metric: str, better: Better) -> dict[str, list[str]]:
    """Contenders ordered by a likelihood, best first, separately for each kind; kinds by name.

    Kinds of a single contender are left out: there is nothing to order.
    """
    sign = 1.0 if better == "lower" else -1.0
    by_kind: dict[str, list[tuple[float, str]]] = {}
    for entry in entries:
        estimate, kind = entry.estimate(metric), entry.kind(metric)
        if entry.is_calibration or estimate is None or kind is None or not entry.is_complete(metric):
            continue
        by_kind.setdefault(kind, []).append((sign * estimate.mean, entry.label))
    return {
        kind: [label for _, label in sorted(members)]
        for kind, members in sorted(by_kind.items())
        if len(members) > 1
    }
