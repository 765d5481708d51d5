"""The one sentence that every output begins with, also where there is nothing to be said."""

from __future__ import annotations

from collections.abc import Sequence

from genbench_reports.format.text import clean, named, plural
from genbench_reports.leaderboard.rows import Board
from genbench_reports.leaderboard.summary import Summary
from genbench_reports.overview.leaders import leaders

_MAX_NAMED = 4


def verdict_of(boards: Sequence[Board], summaries: Sequence[Summary]) -> str:
    """The verdict of the first summary; where there is none, what leads and what is missing. Never empty.

    boards, summaries: those of one setting.
    """
    if summaries:
        return summaries[0].verdict
    contenders = [row for board in boards for row in board.contenders]
    finished = [row for row in contenders if row.results]
    if not contenders:
        only = " Only baselines were run." if any(board.rows for board in boards) else ""
        return f"No verdict: no model has finished or failed a job yet.{only}"
    if not finished:
        failures = sum(len(row.failures) for row in contenders)
        return f"No verdict: no model finished, because {_all_jobs(failures)} failed."
    if not any(board.can_rank for board in boards):
        claims = dict.fromkeys(clean(board.claim) for board in boards if board.contenders)
        where = "the board" if len(boards) == 1 else f"none of the {len(boards)} boards"
        verb = "cannot" if len(boards) == 1 else "can"
        return f"No verdict: {where} {verb} rank. {' '.join(claims)}".rstrip()
    return f"{_leads(boards)} {_why_no_scores(boards)}"


def _all_jobs(count: int) -> str:
    return "the only job of a model" if count == 1 else f"all {count} jobs of models"


def _leads(boards: Sequence[Board]) -> str:
    found = leaders(boards)
    if len(found) == 1:
        (leader,) = found
        one = len(leader.board.ranked) == 1
        said = "is the only ranked model" if one else "is ranked first"
        by = leader.board.ranking_metric.plain_title
        certainty = "" if one else f" {leader.certainty}"
        return (
            f"On {clean(leader.board.title)}, {leader.label} ({clean(leader.family)}) {said}: {by}"
            f" {leader.value}.{certainty}"
        )
    won: dict[tuple[str, str], list[str]] = {}
    for leader in found:
        won.setdefault((leader.label, clean(leader.family)), []).append(leader.board.title)
    ordered = sorted(won.items(), key=lambda item: -len(item[1]))
    parts = [f"{label} ({family}) on {named(titles)}" for (label, family), titles in ordered[:_MAX_NAMED]]
    rest = len(ordered) - _MAX_NAMED
    others = f"; {plural(rest, 'other model')} elsewhere" if rest > 0 else ""
    sure = sum(leader.is_sure for leader in found)
    return (
        f"Ranked first: {', '.join(parts)}{others}. On {sure} of {plural(len(found), 'data set')} the tests tell the"
        " first from all others."
    )


def _why_no_scores(boards: Sequence[Board]) -> str:
    """What the run lacks for scores, which alone can be averaged over boards."""
    missing = dict.fromkeys(
        name
        for board in boards
        for name, value in ((board.rule.floor, board.floor), (board.rule.zero, board.zero))
        if value is None
    )
    if missing:
        return f"There are no scores, because the run has no values of {named(list(missing))}."
    if any(board.has_scores for board in boards):
        return "No two models met the same boards, so that no scores are compared."
    return "There are no scores, because no model has a value beyond doubt for all of its seeds."
