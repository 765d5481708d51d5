"""Scores over data sets: by model and by family, over leaderboards that all compared rows have met.

On each leaderboard a score says how much of the way from its zero to real data a model has come (`board_scale`). A
summary averages the scores of models over the same leaderboards. Models that can take fewer data sets are compared in a
summary of those. The first summary, which gives the verdict, is the one that compares most: families times data sets. A
failed job counts as a score of 0, since the model has been beaten to it by the zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genbench_reports.format.numbers import format_value
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import MISSING, clean, named, plural
from genbench_reports.leaderboard.rows import Board, Row
from genbench_reports.leaderboard.setting import CONDITION_FIELDS
from genbench_reports.statistics.seeds import SIGNIFICANCE
from genbench_reports.statistics.uncertain_means import UncertainMean, adjusted_p, exceeds, rank_intervals

MIN_BOARDS = 2
"""A summary over fewer leaderboards would repeat one of them, and is made only where there is one alone."""


@dataclass(frozen=True)
class SummaryRow:
    """One model variant over the leaderboards of a summary."""

    label: str
    """Name of the variant. Not trusted."""
    family: str
    """Its family. Not trusted."""
    score: UncertainMean
    """The mean of its scores, with the error that those of the leaderboards have."""
    interval: tuple[int, int] | None
    """The ranks that the corrected tests allow; None where the error of a score is not known."""
    beaten: int
    """On how many leaderboards it beats the zero and the yardsticks beyond its error."""
    failed: int
    """On how many it has no score, because its jobs failed or its values are in doubt; it counts as 0 there."""


@dataclass(frozen=True)
class Summary:
    """Models compared over the same leaderboards."""

    title: str
    """ "all data sets" or the names of the data sets, with what sets the setting apart where there are several."""
    boards: tuple[str, ...]
    """Titles of the leaderboards."""
    rows: tuple[SummaryRow, ...]
    """From the best score to the worst."""
    left_out: Mapping[str, str]
    """Why other leaderboards of the setting are left out, by title."""
    yardsticks: tuple[str, ...]
    """Names of the zeros and yardsticks."""
    like_the_first: tuple[str, ...]
    """Labels of the rows that the corrected tests do not tell from the first."""

    @property
    def families(self) -> tuple[SummaryRow, ...]:
        """The best row of each family, in the order of the rows."""
        best: dict[str, SummaryRow] = {}
        for row in self.rows:
            best.setdefault(row.family, row)
        return tuple(best.values())

    @property
    def table(self) -> Table:
        """The rows as a table."""
        columns = (
            Column("rank", numeric=False, essential=True),
            Column("model", numeric=False, essential=True),
            Column("family", numeric=False),
            Column("score ↑", essential=True),
            Column("beats yardsticks", essential=True),
            Column("failed on"),
        )
        best = self.rows[0].score.value if len(self.rows) > 1 else math.inf
        cells = tuple(_cells(row, number, len(self.boards), best) for number, row in enumerate(self.rows, 1))
        return Table(columns, cells).without_empty_columns()

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know about the table."""
        notes = [
            "A score is the share of the way from the zero of a data set to real held-out data that a model has come,"
            " on a logarithmic scale; the table has its mean over the data sets. ± is the error of the samples, of the"
            " test sets and, with several seeds, of the seeds on these data sets; on others the order may differ.",
            f"Yardsticks: {named(self.yardsticks, most=len(self.yardsticks))}. A model beats them where it is better"
            " than each by more than its error.",
        ]
        if any(row.failed for row in self.rows):
            notes.append("A data set on which a model failed counts as a score of 0.")
        notes += [f"Without {clean(title)}. {clean(why)}" for title, why in self.left_out.items()]
        return tuple(notes)

    @property
    def verdict(self) -> str:
        """The answer in one or two sentences, equal in every report."""
        boards = plural(len(self.boards), "data set")
        first = self.rows[0]
        alike = self.like_the_first
        models = plural(len(self.rows), "model")
        if len(self.rows) == 1:
            score = score_text(first)
            met = "it" if len(self.boards) == 1 else "them all"
            return f"{clean(first.label)} has a score of {score} over {boards}; no other model met {met}."
        if first.interval is None:
            certainty = "how sure that is cannot be said, because values have no standard errors"
        elif not alike:
            certainty = "the tests tell it from all others"
        elif len(alike) == len(self.rows) - 1:
            certainty = "but it cannot be told from any other model"
        else:
            certainty = f"but it cannot be told from {named(alike)}"
        is_behind = first.score.is_known and exceeds(UncertainMean(0.0), first.score)
        behind = ", which is behind the zero" if is_behind else ""
        return (
            f"Over {boards} that {models} share, {clean(first.label)} ({clean(first.family)}) comes nearest to"
            f" real data: score {score_text(first)} of 1{behind}; {certainty}."
        )


def make_summaries(boards: Sequence[Board]) -> list[Summary]:
    """Summaries of each setting: first the one that compares most, then one for each set of leaderboards that some
    models are limited to, the largest first. Leaderboards without a scale are left out."""
    groups = boards_by_conditions(boards)
    settings = [members[0].setting for members in groups]
    summaries: list[Summary] = []
    for members, setting in zip(groups, settings, strict=True):
        differences = setting.differences(settings, CONDITION_FIELDS)
        summaries += _summaries_of(members, f" ({differences})" if differences else "")
    return summaries


def boards_by_conditions(boards: Sequence[Board]) -> list[list[Board]]:
    """The leaderboards whose settings are equal but for the data, in the order of the leaderboards."""
    groups: dict[tuple[object, ...], list[Board]] = {}
    for board in boards:
        groups.setdefault(board.setting.conditions, []).append(board)
    return list(groups.values())


def _summaries_of(boards: Sequence[Board], suffix: str) -> list[Summary]:
    usable = [board for board in boards if board.can_rank and board.has_scores]
    left_out = {board.title: _why_left_out(board) for board in boards if board not in usable}
    met: dict[str, list[int]] = {}
    for index, board in enumerate(usable):
        for row in board.contenders:
            met.setdefault(row.label, []).append(index)
    found: list[Summary] = []
    compared: list[frozenset[str]] = []
    family_of = {row.label: row.family for board in usable for row in board.contenders}
    for indices in sets_to_compare(met, family_of, min(MIN_BOARDS, len(usable))):
        members = [label for label, theirs in met.items() if set(indices) <= set(theirs)]
        if frozenset(members) in compared:
            continue
        compared.append(frozenset(members))
        chosen = [usable[index] for index in indices]
        whole = len(indices) == len(boards)
        title = "all data sets" if whole else named([board.title for board in chosen], most=len(chosen))
        found.append(_summary(f"{title}{suffix}", chosen, members, left_out))
    return found


def sets_to_compare(
    met: Mapping[str, Sequence[int]], family_of: Mapping[str, str], least: int
) -> list[tuple[int, ...]]:
    """Sets of leaderboards, by their indices: first the one on which most is compared, then those that models have met,
    the largest first. Models that take every kind of data may be few, and a verdict over all leaderboards would then
    be about them alone.

    met: the indices of the leaderboards of each model. family_of: the family of each model. least: the size of the
    smallest set.
    """
    whole = {frozenset(indices) for indices in met.values()}
    shared = {one & other for one in whole for other in whole}

    def compares(indices: frozenset[int]) -> tuple[int, int, int]:
        families = {family_of[label] for label, theirs in met.items() if indices <= set(theirs)}
        return len(families) * len(indices), len(families), len(indices)

    def largest(indices: frozenset[int]) -> tuple[int, list[int]]:
        return -len(indices), sorted(indices)

    enough = sorted((each for each in whole | shared if len(each) >= least), key=largest)
    if not enough:
        return []
    first = max(enough, key=compares)
    return [
        tuple(sorted(each)) for each in [first, *(each for each in enough if each in whole and each != first)]
    ]


def _why_left_out(board: Board) -> str:
    if not board.can_rank:
        return board.claim
    if board.floor is None or board.zero is None:
        missing = board.rule.floor if board.floor is None else board.rule.zero
        return f"No scores: the run has no value of {missing}."
    return "No scores: no contender has a value beyond doubt for all of its seeds."


def _summary(
    title: str, boards: Sequence[Board], labels: Sequence[str], left_out: Mapping[str, str]
) -> Summary:
    by_label = [{row.label: row for row in board.contenders} for board in boards]
    rows = [_row([rows[label] for rows in by_label]) for label in labels]
    rows.sort(key=lambda row: (-row.score.value, row.label))
    different = {pair for pair, p in adjusted_p([row.score for row in rows]).items() if p < SIGNIFICANCE}
    intervals: list[tuple[int, int] | None] = [None] * len(rows)
    if all(row.score.is_known for row in rows):
        intervals = list(rank_intervals([-row.score.value for row in rows], different))
    yardsticks = dict.fromkeys(name for board in boards for name in board.yardsticks)
    return Summary(
        title=title,
        boards=tuple(board.title for board in boards),
        rows=tuple(
            SummaryRow(row.label, row.family, row.score, interval, row.beaten, row.failed)
            for row, interval in zip(rows, intervals, strict=True)
        ),
        left_out=left_out,
        yardsticks=tuple(yardsticks),
        like_the_first=tuple(
            row.label for place, row in enumerate(rows) if place and (0, place) not in different
        ),
    )


def _row(rows: Sequence[Row]) -> SummaryRow:
    """One model's row on each leaderboard."""
    scores = [_score_of(row) for row in rows]
    values = [0.0 if score is None else score.value for score in scores]
    errors = [0.0 if score is None else score.stderr for score in scores]
    beaten = sum(
        row.standing is not None and score is not None and not row.standing.not_beaten
        for row, score in zip(rows, scores, strict=True)
    )
    return SummaryRow(
        label=rows[0].label,
        family=rows[0].family,
        score=UncertainMean(
            math.fsum(values) / len(values),
            known_stderr=math.hypot(*errors) / len(errors),
            is_known=all(score is None or score.is_known for score in scores),
        ),
        interval=None,
        beaten=beaten,
        failed=sum(score is None for score in scores),
    )


def _score_of(row: Row) -> UncertainMean | None:
    """The score of a row that competes; None where it has none."""
    if row.is_over_budget or row.standing is None:
        return None
    return row.standing.score


def score_text(row: SummaryRow) -> str:
    """The score with its error."""
    return format_value(row.score.value, row.score.stderr if row.score.is_known else None)


def _cells(row: SummaryRow, number: int, boards: int, best: float) -> tuple[Cell, ...]:
    low, high = row.interval or (number, number)
    return (
        Cell(str(low) if low == high else f"{low}-{high}", value=number),
        Cell(clean(row.label)),
        Cell(clean(row.family)),
        Cell(score_text(row), value=row.score.value, best=row.score.value == best),
        Cell(f"{row.beaten} of {boards}", value=row.beaten),
        Cell(str(row.failed) if row.failed else MISSING, value=row.failed or None),
    )
