"""The first screen as typed values, computed once from leaderboards and summaries. Every renderer reads these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genbench_reports.format.table import Table
from genbench_reports.format.text import clean, named
from genbench_reports.leaderboard.rows import Board
from genbench_reports.leaderboard.summary import Summary, boards_by_conditions
from genbench_reports.overview.entries import make_entries
from genbench_reports.overview.failures import FailedRow, failed_rows
from genbench_reports.overview.families import FamilyRow, family_rows
from genbench_reports.overview.family_table import family_table
from genbench_reports.overview.leaders import Leader, leader_table, leaders
from genbench_reports.overview.likelihoods import likelihood_title
from genbench_reports.overview.model_points import ModelPoint, QualityAxis, mean_span, model_points
from genbench_reports.overview.overview_notes import overview_notes
from genbench_reports.overview.setting_words import setting_words
from genbench_reports.overview.verdict import verdict_of

_MAX_FAILURES = 3
"""How many failed rows the first screen names."""


@dataclass(frozen=True)
class Overview:
    """The answer of a run: which family is best under its budget, how sure that is, and at what cost."""

    verdict: str
    """One or two sentences that say which model leads and how sure that is; where that cannot be said, what is missing.
    Never empty."""
    setting: str
    """What all models had in common, in a few words: budget, device, threads, seeds. Empty without results."""
    families: tuple[FamilyRow, ...]
    """One row for each family with a contender, those of the verdict first and from best to worst. Empty where no
    contender has a result."""
    table: Table
    """The families as a table. Rows that are not compared with the others are its `calibration`."""
    models: tuple[ModelPoint, ...]
    """Every contender, for the picture "quality against cost"."""
    quality: QualityAxis | None
    """What the points' quality is; None where the models have no common one, so that there is no picture."""
    leaders: tuple[Leader, ...]
    """The row that leads each board, for the boards that have ranks."""
    leader_table: Table
    """The same as a table: a row for each board that has ranks."""
    failures: tuple[FailedRow, ...]
    """The models and boards with failed jobs, of every setting and baselines included."""
    notes: tuple[str, ...]
    """What to know about the table, and what it leaves out."""

    @property
    def failure_line(self) -> str:
        """The first failures and how many others there are, in one sentence; empty where there are none."""
        rows = [f"{clean(each.label)} on {clean(each.board)} ({each.text})" for each in self.failures]
        return f"Failed: {named(rows, most=_MAX_FAILURES)}." if rows else ""


def make_overview(boards: Sequence[Board], summaries: Sequence[Summary]) -> Overview:
    """The overview of the setting with the largest comparison; notes name the other settings.

    summaries: those of the boards, as `make_summaries` returns them.
    """
    members, others = _chosen(boards, summaries)
    titles = {board.title for board in members}
    here = [summary for summary in summaries if titles.issuperset(summary.boards)]
    entries = make_entries(members, here)
    finished = [entry for entry in entries if entry.met or entry.failed]
    compared = [board for board in members if here and board.title in here[0].boards]
    families = family_rows(finished, len(members))
    axis, points = model_points(finished, mean_span(compared))
    title = likelihood_title(members)
    led = leaders(members)
    return Overview(
        verdict=verdict_of(members, here),
        setting=setting_words(members),
        families=families,
        table=family_table(families, title),
        models=points,
        quality=axis,
        leaders=tuple(led),
        leader_table=leader_table(led),
        failures=failed_rows(boards),
        notes=tuple(overview_notes(here, entries, families, [setting_words(group) for group in others])),
    )


def _chosen(boards: Sequence[Board], summaries: Sequence[Summary]) -> tuple[list[Board], list[list[Board]]]:
    """The boards of the setting that the overview is about, and those of each other setting."""
    groups = boards_by_conditions(boards)
    if not groups:
        return [], []

    def size(group: list[Board]) -> tuple[int, int]:
        titles = {board.title for board in group}
        compared = [len(each.boards) * len(each.rows) for each in summaries if titles.issuperset(each.boards)]
        return max(compared, default=0), sum(len(board.rows) for board in group)

    chosen = max(groups, key=size)
    return chosen, [group for group in groups if group is not chosen]
