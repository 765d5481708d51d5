"""Models grouped by what their cards say: families, years, institutions, countries, or any other field.

The best value of a group improves with its number of models, being the best of more attempts; its median does not.
Tables show both, and the number of models.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genbench.api import Better, ModelCard
from genbench.errors import UnknownNameError
from genbench_reports.analysis.score_matrix import ScoreMatrix, score_matrices
from genbench_reports.format.columns import metric_title
from genbench_reports.format.numbers import format_value
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import MISSING, clean
from genbench_reports.leaderboard.leaderboard import Leaderboards

if TYPE_CHECKING:
    import pandas as pd

ORIGIN = "origin"
"""Stands for two fields, country and institution, with a table each."""
_LISTS = ("institution", "country")
"""Fields with several names between commas; a model counts for each of them."""
NOT_INSTALLED = "(plugin not installed)"
NOT_STATED = "(not stated)"
NEVER = "∞"


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
    """A table for each setting, two for `origin`. Contenders only.

    cards: those of installed models. Of other models only the family is known, from the records. Raises
    UnknownNameError where cards have no such field.
    """
    if field not in group_fields():
        raise UnknownNameError("field of model cards", field, group_fields())
    fields = ("country", "institution") if field == ORIGIN else (field,)
    all_boards = [leaderboard.board for leaderboard in boards.boards]
    jobs = {row.label: row.job for board in all_boards for row in board.entrants}
    tables = []
    for matrix in score_matrices(all_boards):
        for name in fields:
            groups = {
                model: _groups_of(cards.get(jobs[model].model), name, jobs[model].family)
                for model in matrix.models
            }
            tables.append(_table(matrix, name, groups))
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


def _table(matrix: ScoreMatrix, field: str, groups: Mapping[str, Sequence[str]]) -> GroupTable:
    members: dict[str, list[str]] = {}
    for model in matrix.models:
        for group in groups[model]:
            members.setdefault(group, []).append(model)
    values = _group_values(matrix, members)
    ranks = {
        how: values[how].unstack("dataset").rank(axis=0).mean(axis=1).to_dict() for how in ("min", "median")
    }
    place = {group: _finite(ranks["min"].get(group)) for group in members}
    order = sorted(members, key=lambda group: (place[group] is None, place[group] or 0.0, group))
    rows = [
        (
            Cell(clean(group)),
            Cell(str(len(members[group])), value=len(members[group])),
            *(_rank_cell(ranks[how].get(group)) for how in ("min", "median")),
            *(_value_cell(matrix, dataset, values, group) for dataset in matrix.datasets),
            Cell(clean(", ".join(members[group]))),
        )
        for group in order
    ]
    columns = (
        Column(field.replace("_", " "), numeric=False, essential=True),
        Column("models", essential=True),
        Column("rank of best", essential=True),
        Column("rank of median", essential=True),
        *(Column(_heading(matrix, name)) for name in matrix.datasets),
        Column("which", numeric=False),
    )
    title = f"by {field.replace('_', ' ')}" + (f" ({clean(matrix.title)})" if matrix.title else "")
    return GroupTable(title, Table(columns, tuple(rows)), tuple(_notes(matrix, field, members)))


def _group_values(matrix: ScoreMatrix, members: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Columns "min" and "median", less being better, by group and data set: over the models of the group that were run
    on the data set, with infinity for those without a rank."""
    import pandas as pd

    rows = [
        (group, dataset, matrix.mean(dataset, model))
        for dataset in matrix.datasets
        for group, models in members.items()
        for model in models
        if model in matrix.run[dataset]
    ]
    frame = pd.DataFrame(rows, columns=["group", "dataset", "value"])
    return frame.groupby(["group", "dataset"])["value"].agg(["min", "median"])


def _value_cell(matrix: ScoreMatrix, dataset: str, values: pd.DataFrame, group: str) -> Cell:
    """ "best / median"; bold where no other group has a better best value."""
    if (group, dataset) not in values.index:
        return Cell(MISSING)
    sign = -1.0 if dataset in matrix.higher_is_better else 1.0
    rivals = [float(value) for value in values["min"].xs(dataset, level="dataset")]
    own, median = (float(values[how].to_dict()[group, dataset]) for how in ("min", "median"))
    texts = [format_value(sign * value) if math.isfinite(value) else NEVER for value in (own, median)]
    is_best = math.isfinite(own) and own == min(rivals) and len(rivals) > 1
    return Cell(" / ".join(texts), value=sign * own if math.isfinite(own) else None, best=is_best)


def _heading(matrix: ScoreMatrix, dataset: str) -> str:
    better: Better = "higher" if dataset in matrix.higher_is_better else "lower"
    return f"{clean(dataset)}: {metric_title(matrix.metric[dataset], better)}"


def _rank_cell(value: float | None) -> Cell:
    rank = _finite(value)
    return Cell(MISSING) if rank is None else Cell(f"{rank:.2f}", value=rank)


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _notes(matrix: ScoreMatrix, field: str, members: Mapping[str, Sequence[str]]) -> Iterable[str]:
    yield (
        f"By data set: the best model of the group / the median of its models, where a failed model counts as {NEVER}."
        " Ranks are among groups, and means over the data sets on which the group has a model."
    )
    yield (
        "The best of many models is better than the best of few by chance alone, and a single model represents itself"
        " rather than those who published it. Groups are not tested against each other."
    )
    if field in _LISTS and any(sum(m in models for models in members.values()) > 1 for m in matrix.models):
        yield f"A model of several {'countries' if field == 'country' else 'institutions'} counts for each."
    if NOT_INSTALLED in members:
        missing = ", ".join(map(clean, members[NOT_INSTALLED]))
        yield f"No installed plugin announces {missing}: only what the records say is known."
    for name, why in matrix.left_out.items():
        yield f"Without {clean(name)}. {clean(why)}"
