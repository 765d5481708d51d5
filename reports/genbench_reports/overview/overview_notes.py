"""What to know about the table of families, and what it leaves out, in few lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from genbench_reports.format.likelihood_marks import marks_legend
from genbench_reports.format.text import clean, named, plural
from genbench_reports.leaderboard.summary import Summary
from genbench_reports.overview.entries import Entry
from genbench_reports.overview.families import FamilyRow
from genbench_reports.overview.family_table import NOT_COMPARED, yardsticks_of

_MAX_NAMED = 5
_GAINS = {
    "=": "exact",
    "≥": "at least this",
    "≈": "estimated",
    "~": "unsound",
    "?": "of a kind that this report does not know",
}
"""What the sign of a gain means; it is that of the weakest of its parts."""


def overview_notes(
    summaries: Sequence[Summary],
    entries: Sequence[Entry],
    families: Sequence[FamilyRow],
    other_settings: Sequence[str],
) -> Iterable[str]:
    """summaries: those of the overview's setting. other_settings: the settings that the overview is not about, in
    words."""
    if not families:
        return
    columns = " ".join((*_score(families), *_likelihood(families), *_means(families)))
    if columns:
        yield columns
    yardsticks = yardsticks_of(families)
    if len(yardsticks) > 1:
        yield (
            f"Yardsticks: {named(yardsticks, most=len(yardsticks))}. A model beats those of a data set where it is"
            " better than each of them by more than its error."
        )
    if len(families) == 1:
        yield f"All models are of one family ({clean(families[0].family)}), so families are not compared."
    if tuned := [entry.label for entry in entries if any(row.tuned is not None for _, row in entry.met)]:
        verb = "was" if len(tuned) == 1 else "were"
        yield (
            f"{named(tuned, most=_MAX_NAMED)} {verb} tuned by a search that cost more than the training (column search"
            " of the leaderboards); models with defaults are another track."
        )
    if summaries:
        yield from _comparison(summaries[0], entries, families)
    if other_settings:
        yield f"Not in this table: {plural(len(other_settings), 'other setting')} ({'; '.join(other_settings)})."


def _score(families: Sequence[FamilyRow]) -> Iterable[str]:
    if any(row.score is not None for row in families):
        yield "Score: 0 is a data set's zero, 1 is real held-out data, on a logarithmic scale."


def _likelihood(families: Sequence[FamilyRow]) -> Iterable[str]:
    found = [row.likelihood for row in families if row.likelihood is not None]
    if not found:
        return
    kinds = "; kinds are not ranked against each other" if len({each.sign for each in found}) > 1 else ""
    if not found[0].is_gain:
        yield f"Likelihood: {clean(marks_legend([each.kind for each in found]))}{kinds}."
        return
    signs = sorted({each.sign for each in found}, key=list(_GAINS).index)
    meaning = ", ".join(f"{sign} {_GAINS[sign]}" for sign in signs)
    most = max(each.boards for each in found)
    fewer = [row.family for row in families if row.likelihood is not None and row.likelihood.boards < most]
    partial = f" Over fewer data sets: {named(fewer)}." if fewer else ""
    yield f"Gain: bits per dimension saved on held-out data against that zero, {meaning}{kinds}.{partial}"


def _means(families: Sequence[FamilyRow]) -> Iterable[str]:
    """What is averaged how over data sets."""
    if families[0].boards == 1 or not any(row.costs.train_seconds for row in families):
        return
    averaged = {
        "scores": any(row.score is not None for row in families),
        "gains": any(row.likelihood is not None for row in families),
    }
    arithmetic = " and ".join(what for what, is_there in averaged.items() if is_there)
    means = f"{arithmetic} are means, speeds and times" if arithmetic else "speeds and times are"
    yield f"{means.capitalize()} geometric means over data sets, memory is the largest peak."


def _comparison(summary: Summary, entries: Sequence[Entry], families: Sequence[FamilyRow]) -> Iterable[str]:
    """What the comparison of the verdict leaves out."""
    apart = [row for row in families if not row.is_compared]
    if apart:
        where = "; ".join(
            f"{clean(row.family)} ({named(row.scored_on) if row.scored_on else 'no score over two data sets'})"
            for row in apart
        )
        yield f"{NOT_COMPARED} met other data sets, so not ranked against the rest: {where}."
    failed = [row.label for row in summary.rows if row.failed]
    if failed:
        yield f"A data set on which a model failed counts as a score of 0: {named(failed, most=_MAX_NAMED)}."
    by_reason: dict[str, list[str]] = {}
    for title, why in summary.left_out.items():
        by_reason.setdefault(why, []).append(title)
    for why, titles in by_reason.items():
        yield f"Without {named(titles, most=len(titles))}. {clean(why)}"
    shared = {row.label for row in summary.rows}
    rest = [entry.label for entry in entries if entry.label not in shared]
    if rest:
        yield f"Not in the verdict, because they did not meet all its data sets: {named(rest, most=_MAX_NAMED)}."
