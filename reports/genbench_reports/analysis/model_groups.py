"""Models grouped by what their cards say: families, years, institutions, countries, or any other field.

The best value of a group improves with its number of models, being the best of more attempts; its median does not.
Tables show both, and the number of models.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from genbench.api import ModelCard
from genbench.errors import UnknownNameError
from genbench_reports.format.numbers import format_value
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import clean
from genbench_reports.leaderboard.leaderboard import Leaderboards
from genbench_reports.leaderboard.summary import Summary, SummaryRow, score_text

ORIGIN = "origin"
"""Stands for two fields, country and institution, with a table each."""
_LISTS = ("institution", "country")
"""Fields with several names between commas; a model counts for each of them."""
NO_GROUPS = (
    "There are no scores to group by: they take a run with real held-out data and with the zero of its data sets, which"
    " the suites include."
)
NOT_INSTALLED = "(plugin not installed)"
NOT_STATED = "(not stated)"


@dataclass(frozen=True)
class GroupTable:
    """Models grouped by one field of their cards, under one setting."""

    title: str
    """The field, with the setting where there are several."""
    table: Table
    """A row per group."""
    notes: tuple[str, ...]
    """How to read the table."""


def group_fields() -> list[str]:
    """The fields that models can be grouped by: those of their cards, and `origin`."""
    without = ("name", "summary", "factory", "defaults")
    return [ORIGIN, *(field for field in ModelCard.__struct_fields__ if field not in without)]


def group_tables(boards: Leaderboards, cards: Mapping[str, ModelCard], field: str) -> list[GroupTable]:
    """A table for each summary, two for `origin`. Contenders only, in the order of their scores.

    cards: those of installed models. Of other models only the family is known, from the records. Raises
    UnknownNameError where cards have no such field.
    """
    if field not in group_fields():
        raise UnknownNameError("field of model cards", field, group_fields())
    fields = ("country", "institution") if field == ORIGIN else (field,)
    jobs = {row.label: row.job for board in boards.boards for row in board.board.entrants}
    tables = []
    for summary in boards.summaries:
        for name in fields:
            groups = {
                row.label: _groups_of(cards.get(jobs[row.label].model), name, row.family)
                for row in summary.rows
            }
            tables.append(_table(summary, name, groups))
    return tables


def _groups_of(card: ModelCard | None, field: str, family: str) -> tuple[str, ...]:
    """The groups that a model belongs to, at least one."""
    if field == "family":
        return (family,)
    if card is None:
        return (NOT_INSTALLED,)
    value = getattr(card, field)
    if value is None or value in ("", ()):
        return (NOT_STATED,)
    if field in _LISTS:
        return tuple(part for part in (part.strip() for part in str(value).split(",")) if part)
    if isinstance(value, tuple):
        return tuple(str(part) for part in value)
    if isinstance(value, bool):
        return ("yes" if value else "no",)
    return (str(value),)


def _table(summary: Summary, field: str, groups: Mapping[str, Sequence[str]]) -> GroupTable:
    members: dict[str, list[SummaryRow]] = {}
    for row in summary.rows:  # from the best score to the worst, and so are the groups
        for group in groups[row.label]:
            members.setdefault(group, []).append(row)
    rows = tuple(
        (
            Cell(clean(group)),
            Cell(str(len(theirs)), value=len(theirs)),
            Cell(score_text(theirs[0]), value=theirs[0].score.value, best=place == 0 and len(members) > 1),
            Cell(clean(theirs[0].label)),
            Cell(format_value(median := _median(theirs)), value=median),
            Cell(clean(", ".join(row.label for row in theirs))),
        )
        for place, (group, theirs) in enumerate(members.items())
    )
    columns = (
        Column(field.replace("_", " "), numeric=False, essential=True),
        Column("models", essential=True),
        Column("best score ↑", essential=True),
        Column("best model", numeric=False, essential=True),
        Column("median score", essential=True),
        Column("which", numeric=False),
    )
    title = f"by {field.replace('_', ' ')}: {clean(summary.title)}"
    return GroupTable(title, Table(columns, rows), tuple(_notes(summary, field, members, groups)))


def _median(rows: Sequence[SummaryRow]) -> float:
    return statistics.median(row.score.value for row in rows)


def _notes(
    summary: Summary,
    field: str,
    members: Mapping[str, Sequence[SummaryRow]],
    groups: Mapping[str, Sequence[str]],
) -> Iterable[str]:
    yield summary.verdict
    yield (
        "The best of many models is better than the best of few by chance alone, and a single model represents itself"
        " rather than those who published it. Groups are not tested against each other."
    )
    if field in _LISTS and any(len(theirs) > 1 for theirs in groups.values()):
        yield f"A model of several {'countries' if field == 'country' else 'institutions'} counts for each."
    if NOT_INSTALLED in members:
        missing = ", ".join(clean(row.label) for row in members[NOT_INSTALLED])
        yield f"No installed plugin announces {missing}: only what the records say is known."
    yield from summary.notes
