"""What each contender did over the boards of one setting: the values from which rows of families and points are made.

Scores and their order are those of the summaries. A model that is in none of them has no score here either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from genbench_reports.leaderboard.rows import Board, Row
from genbench_reports.leaderboard.summary import Summary, SummaryRow
from genbench_reports.overview.costs import Costs, costs_over
from genbench_reports.overview.likelihoods import Likelihood, likelihood_on, mean_gain
from genbench_reports.statistics.uncertain_means import UncertainMean


@dataclass(frozen=True)
class Entry:
    """One model variant over the boards of a setting."""

    label: str
    """Name of the variant. Not trusted."""
    family: str
    """Its family. Not trusted either."""
    met: tuple[tuple[Board, Row], ...]
    """The boards on which a seed finished, with its row there."""
    score: UncertainMean | None
    """Mean of its scores over the boards of its summary; None where it is in none."""
    interval: tuple[int, int] | None
    """The ranks that the corrected tests allow in its summary; None where it has none or errors are not known."""
    scored_on: tuple[str, ...]
    """Titles of the boards of its summary."""
    is_compared: bool
    """Whether it is in the first summary, which the verdict is about."""
    likelihood: Likelihood | None
    """Over those boards of its summary on which it finished; without a summary over all on which it finished."""
    costs: Costs
    """Over the same boards."""
    beaten: int
    """On how many boards it beats all yardsticks besides the zero beyond its error."""
    beatable: int
    """On how many of its boards there are such yardsticks; those that contain the true density are none."""
    yardsticks: tuple[str, ...]
    """Names of these yardsticks, each once."""
    failed: int
    """How many of its jobs failed."""


def make_entries(boards: Sequence[Board], summaries: Sequence[Summary]) -> list[Entry]:
    """The contenders of boards of one setting: in the order of the first summary, then those of the others, then those
    without a score by how many boards they lead. summaries: those of these boards."""
    rows: dict[str, list[tuple[Board, Row]]] = {}
    for board in boards:
        for row in board.contenders:
            rows.setdefault(row.label, []).append((board, row))
    placed: dict[str, tuple[Summary, SummaryRow]] = {}
    for summary in summaries:
        for summary_row in summary.rows:
            placed.setdefault(summary_row.label, (summary, summary_row))
    first = summaries[0] if summaries else None
    places = _places(boards)
    last = (0, 0, len(rows))
    without = sorted(
        (label for label in rows if label not in placed), key=lambda label: (places.get(label, last), label)
    )
    single = len(boards) == 1
    return [
        _entry(label, rows[label], placed.get(label), first, single)
        for label in (*(label for label in placed if label in rows), *without)
    ]


def _entry(
    label: str,
    met: Sequence[tuple[Board, Row]],
    placed: tuple[Summary, SummaryRow] | None,
    first: Summary | None,
    single: bool,
) -> Entry:
    summary, row = placed or (None, None)
    finished = [(board, each) for board, each in met if each.results]
    titles = () if summary is None else summary.boards
    counted = [(board, each) for board, each in met if summary is None or board.title in titles]
    used = [(board, each) for board, each in counted if each.results]
    yardsticks = [
        (each, names)
        for board, each in counted
        if (names := [name for name in board.yardsticks if name != board.rule.zero])
    ]
    return Entry(
        label=label,
        family=met[0][1].family,
        met=tuple(finished),
        score=None if row is None else row.score,
        interval=None if row is None else row.interval,
        scored_on=tuple(titles),
        is_compared=summary is not None and summary is first,
        likelihood=likelihood_on(finished[0][1]) if single and finished else mean_gain(used),
        costs=costs_over([each for _, each in used]),
        beaten=sum(_beats(each, names) for each, names in yardsticks),
        beatable=len(yardsticks),
        yardsticks=tuple(dict.fromkeys(name for _, names in yardsticks for name in names)),
        failed=sum(len(each.failures) for _, each in met),
    )


def _beats(row: Row, yardsticks: Sequence[str]) -> bool:
    return (
        row.standing is not None
        and not row.is_over_budget
        and not set(yardsticks) & set(row.standing.not_beaten)
    )


def _places(boards: Sequence[Board]) -> dict[str, tuple[int, int, int]]:
    """How ranked models are ordered where there are no scores, less being first: by how many boards they lead, by on
    how many they lead their family, by their best place on any."""
    led: Counter[str] = Counter()
    led_family: Counter[str] = Counter()
    place: dict[str, int] = {}
    for board in boards:
        families: set[str] = set()
        for index, row in enumerate(board.ranked):
            led[row.label] += index == 0
            led_family[row.label] += row.family not in families
            families.add(row.family)
            place[row.label] = min(index, place.get(row.label, index))
    return {label: (-led[label], -led_family[label], best) for label, best in place.items()}
