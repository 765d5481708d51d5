"""Tables as the page shows them: rows know their model, and columns what they are about.

A leaderboard is one table that holds every metric and cost. Readers choose its columns; at first those of the main
table without the score are shown. Without scripts all of them are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from genbench.records.likelihood_kinds import (
    BOUND_SIGN,
    ESTIMATE_SIGN,
    EXACT_SIGN,
    UNKNOWN_SIGN,
    UNSOUND_SIGN,
    sign,
)
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import MISSING, clean
from genbench_reports.leaderboard.leaderboard import Leaderboard
from genbench_reports.leaderboard.rows import BoardMetric, Row
from genbench_reports.overview.overview import Overview

_SIGNS = (EXACT_SIGN, BOUND_SIGN, ESTIMATE_SIGN, UNSOUND_SIGN, UNKNOWN_SIGN)
"""The order in which likelihoods of several kinds are listed."""
LEADERBOARD, COST, FURTHER = "leaderboard", "cost, mean over seeds", "further metrics"
"""Headings in the chooser of columns."""
MODEL = "model"
"""Title of the column that names the rows."""
SCORE = "score ↑"
"""Title of the column of scores."""


@dataclass(frozen=True)
class ColumnView:
    """One column."""

    title: str
    """Its heading."""
    is_number: bool
    """Aligned to the right."""
    names_model: bool = False
    """Its cells are the names of the rows."""
    metric: str | None = None
    """Name of the metric that it shows; None where it shows none that the page explains."""
    group: str = ""
    """Heading under which the chooser lists it; empty for a table without a chooser."""
    is_optional: bool = False
    """Hidden until a reader chooses it."""
    model: str | None = None
    """The model that the whole column is about; None where it is about all."""
    family: str = ""
    """The family of `model`."""
    kinds: tuple[str, ...] = ()
    """For likelihoods: the kinds of its values, exact ones first. Rows are sorted within a kind and never across."""


@dataclass(frozen=True)
class CellView:
    """One cell."""

    cell: Cell
    """Its text, value and footnotes."""
    kind: str | None = None
    """Kind of its likelihood; None where it is none."""

    @property
    def sort_key(self) -> str:
        """What a column is sorted by: the value or the text; "" for a missing value."""
        if self.cell.text == MISSING:
            return ""
        return self.cell.text if self.cell.value is None else repr(self.cell.value)


@dataclass(frozen=True)
class RowView:
    """One row."""

    label: str
    """Label of its model, cleaned; empty where it is about no model."""
    family: str
    """Family of its model, cleaned."""
    cells: tuple[CellView, ...]
    """A cell for each column."""


@dataclass(frozen=True)
class TableView:
    """A table of models."""

    columns: tuple[ColumnView, ...]
    """From left to right."""
    rows: tuple[RowView, ...]
    """Rows that compete."""
    calibration: tuple[RowView, ...] = ()
    """Rows that do not."""
    apart: str = "calibration"
    """What those are, in a word or two."""

    @property
    def has_chooser(self) -> bool:
        """Whether there are columns to choose."""
        return any(column.is_optional for column in self.columns)


def board_table(leaderboard: Leaderboard) -> TableView:
    """The whole leaderboard: the main table, then the costs that it lacks, then the metrics that it lacks, whose
    footnotes are numbered after those of the main table."""
    metrics, rows = leaderboard.board.metrics, leaderboard.board.rows
    columns: list[ColumnView] = []
    cells: list[list[CellView]] = [[] for _ in rows]
    parts = ((leaderboard.main, LEADERBOARD), (leaderboard.cost, COST), (leaderboard.further, FURTHER))
    main = {column.title for column in leaderboard.main.columns}
    for table, group in parts:
        lines = (*table.rows, *table.calibration)
        shift = len(leaderboard.footnotes) if group == FURTHER else 0
        for index, column in enumerate(table.columns):
            is_repeated = column.title == MODEL or (group == COST and column.title in main)
            if group != LEADERBOARD and is_repeated:
                continue
            metric = None if group == COST or column.name is None else metrics.get(column.name)
            # the score says again what the metric that ranks says, and the table should fit a desk
            is_optional = group != LEADERBOARD or column.title == SCORE
            columns.append(
                _column(
                    column,
                    metric,
                    group=group,
                    is_optional=is_optional,
                    kinds=() if metric is None else _kinds(rows, metric),
                )
            )
            for row, line, found in zip(rows, lines, cells, strict=True):
                found.append(CellView(_renumbered(line[index], shift), _kind(row, metric)))
    views = [
        RowView(clean(row.label), clean(row.family), tuple(found))
        for row, found in zip(rows, cells, strict=True)
    ]
    contenders = len(leaderboard.main.rows)
    rest = tuple(views[contenders:])
    return TableView(tuple(columns), tuple(views[:contenders]), rest, leaderboard.main.apart)


def models_table(table: Table, families: Mapping[str, str]) -> TableView:
    """A table over several leaderboards, of which rows, and sometimes columns, are models.

    families: of all models, by their labels as the table writes them.
    """
    columns = tuple(_column(column, None, family=families.get(column.title)) for column in table.columns)
    name = next((index for index, column in enumerate(columns) if column.names_model), None)

    def view(cells: Sequence[Cell]) -> RowView:
        label = "" if name is None else cells[name].text
        return RowView(label, families.get(label, ""), tuple(CellView(cell) for cell in cells))

    return TableView(columns, tuple(map(view, table.rows)), tuple(map(view, table.calibration)), table.apart)


def families_table(overview: Overview) -> TableView:
    """The families with their best models, whose likelihoods are of several kinds."""
    table, members = overview.table, overview.families
    lines = (*table.rows, *table.calibration)
    kinds = {clean(row.likelihood.kind): row.likelihood.kind for row in members if row.likelihood is not None}
    ordered = tuple(sorted(kinds, key=lambda kind: (_SIGNS.index(sign(kinds[kind])), kind)))
    views = []
    likelihood_columns: set[int] = set()
    for row, line in zip(members, lines, strict=True):
        text = None if row.likelihood is None else row.likelihood.text
        place = next((index for index, cell in enumerate(line) if cell.text == text), None)
        if place is not None:
            likelihood_columns.add(place)
        cells = tuple(
            CellView(cell, clean(row.likelihood.kind) if row.likelihood and index == place else None)
            for index, cell in enumerate(line)
        )
        views.append(RowView(clean(row.model), clean(row.family), cells))
    columns = tuple(
        _column(column, None, kinds=ordered if index in likelihood_columns else ())
        for index, column in enumerate(table.columns)
    )
    competing = len(table.rows)
    return TableView(columns, tuple(views[:competing]), tuple(views[competing:]), table.apart)


def _column(
    column: Column,
    metric: BoardMetric | None,
    *,
    group: str = "",
    is_optional: bool = False,
    family: str | None = None,
    kinds: tuple[str, ...] = (),
) -> ColumnView:
    """family: that of the model whose name is the column's title; None where that is no model's name."""
    return ColumnView(
        title=column.title,
        is_number=column.numeric,
        names_model=column.title in (MODEL, "best model"),
        metric=None if metric is None else metric.name,
        group=group,
        is_optional=is_optional,
        model=None if family is None else column.title,
        family=family or "",
        kinds=kinds,
    )


def _renumbered(cell: Cell, shift: int) -> Cell:
    return (
        replace(cell, notes=tuple(number + shift for number in cell.notes)) if shift and cell.notes else cell
    )


def _kind(row: Row, metric: BoardMetric | None) -> str | None:
    value = None if metric is None else row.values.get(metric.name)
    return None if value is None or value.mean is None or value.kind is None else clean(value.kind)


def _kinds(rows: Collection[Row], metric: BoardMetric) -> tuple[str, ...]:
    found = {kind for row in rows if (kind := _kind(row, metric)) is not None}
    return tuple(sorted(found, key=lambda kind: (_SIGNS.index(sign(kind)), kind)))
