"""The first screen as typed values, computed once from leaderboards and summaries. Every renderer reads these."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from genbench_reports.format.likelihood_marks import marks_legend
from genbench_reports.format.table import Table
from genbench_reports.format.text import clean, named, plural
from genbench_reports.leaderboard.rows import Board
from genbench_reports.leaderboard.summary import Summary, boards_by_conditions
from genbench_reports.overview.entries import Entry, make_entries
from genbench_reports.overview.failures import FailedRow, failed_rows
from genbench_reports.overview.families import FamilyRow, family_rows
from genbench_reports.overview.family_table import NOT_COMPARED, family_table
from genbench_reports.overview.leaders import Leader, leader_table, leaders
from genbench_reports.overview.likelihoods import likelihood_title
from genbench_reports.overview.model_points import ModelPoint, QualityAxis, mean_span, model_points
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
    """The models and boards with failed jobs, baselines included."""
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
    return Overview(
        verdict=verdict_of(members, here),
        setting=setting_words(members),
        families=families,
        table=family_table(families, title),
        models=points,
        quality=axis,
        leaders=tuple(leaders(members)),
        leader_table=leader_table(leaders(members)),
        failures=failed_rows(members),
        notes=tuple(_notes(members, here, entries, families, others)),
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


def _notes(
    boards: Sequence[Board],
    summaries: Sequence[Summary],
    entries: Sequence[Entry],
    families: Sequence[FamilyRow],
    others: Sequence[Sequence[Board]],
) -> Iterable[str]:
    if any(row.score is not None for row in families):
        over = "; mean over data sets" if len(boards) > 1 else ""
        yield f"Score: 0 is the zero of a data set, 1 is real held-out data, on a logarithmic scale{over}."
    yield from _likelihood_notes(families)
    if len(boards) > 1 and any(row.costs.train_seconds for row in families):
        yield "Speeds and times are geometric means over data sets; memory is the peak over all of them."
    if len(families) == 1:
        yield f"All models are of one family ({clean(families[0].family)}), so families are not compared."
    if summaries:
        yield from _comparison_notes(summaries[0], entries, families)
    if others:
        count = plural(len(others), "other setting")
        yield f"Not in this table: {count} ({'; '.join(setting_words(group) for group in others)})."


def _comparison_notes(
    summary: Summary, entries: Sequence[Entry], families: Sequence[FamilyRow]
) -> Iterable[str]:
    """What the comparison of the verdict leaves out."""
    apart = [row for row in families if not row.is_compared]
    if apart:
        where = "; ".join(
            f"{clean(row.family)}: {named(row.scored_on) if row.scored_on else 'no score over two data sets'}"
            for row in apart
        )
        yield f"{NOT_COMPARED} met other data sets, so not ranked against the other families ({where})."
    failed = [row.label for row in summary.rows if row.failed]
    if failed:
        yield f"A data set on which a model failed counts as a score of 0: {named(failed)}."
    by_reason: dict[str, list[str]] = {}
    for title, why in summary.left_out.items():
        by_reason.setdefault(why, []).append(title)
    for why, titles in by_reason.items():
        yield f"Without {named(titles, most=len(titles))}. {clean(why)}"
    shared = {row.label for row in summary.rows}
    rest = [entry.label for entry in entries if entry.label not in shared]
    if rest:
        yield f"Not in the verdict, because they did not meet all of its data sets: {named(rest, most=5)}."


def _likelihood_notes(families: Sequence[FamilyRow]) -> Iterable[str]:
    found = [row.likelihood for row in families if row.likelihood is not None]
    if not found:
        return
    kinds = " Kinds are not ranked against each other." if len({each.sign for each in found}) > 1 else ""
    if not found[0].is_gain:
        yield f"Likelihood: {clean(marks_legend([each.kind for each in found]))}.{kinds}"
        return
    signs = sorted({each.sign for each in found}, key="=≥≈~?".index)
    meaning = "; ".join(f"{sign} {_MEANINGS[sign]}" for sign in signs)
    most = max(each.boards for each in found)
    fewer = [row.family for row in families if row.likelihood is not None and row.likelihood.boards < most]
    partial = f" Over fewer data sets: {named(fewer)}." if fewer else ""
    yield (
        "Gain: how many bits per dimension less than the zero of a data set a model takes for held-out data, mean over"
        f" data sets. {meaning}.{kinds}{partial}"
    )


_MEANINGS = {
    "=": "exact",
    "≥": "at least this, with bounds among its parts",
    "≈": "with estimates among its parts",
    "~": "with unsound values among its parts",
    "?": "with unknown kinds among its parts",
}
