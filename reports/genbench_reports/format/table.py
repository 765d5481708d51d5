"""Tables as data: what renderers draw, but not how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from genbench.api import Better
from genbench_reports.format.text import MISSING


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    title: str
    """Heading. Not trusted: renderers escape it."""
    numeric: bool = True
    """Aligned to the right."""
    essential: bool = False
    """Shown even on the narrowest screen."""
    weight: int = 0
    """Where there is no room for all columns that are not essential, those of less weight are left out first, and of
    equal ones the rightmost."""
    keeps_error: bool = False
    """Whether cells show their "±" on the narrowest screen too. Other columns lose it before any column is left out."""
    name: str | None = None
    """Name of the metric or of the cost (a field of `Cost`) that the column shows; None for other columns."""


@dataclass(frozen=True)
class Cell:
    """One cell of a table."""

    text: str
    """What is shown. Not trusted: renderers escape it."""
    value: float | None = None
    """The number behind the text, where there is one."""
    best: bool = False
    """Set in bold, as the best of its column."""
    notes: tuple[int, ...] = ()
    """Numbers of footnotes."""


@dataclass(frozen=True)
class Table:
    """A table as data."""

    columns: tuple[Column, ...]
    """From left to right."""
    rows: tuple[tuple[Cell, ...], ...]
    """Rows that compete."""
    calibration: tuple[tuple[Cell, ...], ...] = ()
    """Rows that do not compete, and are shown below the others."""
    apart: str = "calibration"
    """What the rows of `calibration` are, in a word or two."""

    def without_empty_columns(self) -> Table:
        """The table without the columns that are empty in every row; essential columns stay."""
        kept = [
            index
            for index, column in enumerate(self.columns)
            if column.essential or any(row[index].text != MISSING for row in (*self.rows, *self.calibration))
        ]
        return self.select(kept)

    def select(self, indices: Sequence[int]) -> Table:
        """Only the columns at `indices`."""
        return Table(
            columns=tuple(self.columns[index] for index in indices),
            rows=tuple(tuple(row[index] for index in indices) for row in self.rows),
            calibration=tuple(tuple(row[index] for index in indices) for row in self.calibration),
            apart=self.apart,
        )


@dataclass
class Footnotes:
    """Numbers footnotes in the order in which they come; equal texts share a number."""

    texts: list[str] = field(default_factory=list)
    """The first has number 1."""

    def number(self, text: str) -> int:
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1

    def numbers(self, texts: Sequence[str]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(self.number(text) for text in texts))


def best_values(values: Sequence[float | None], better: Better) -> float | None:
    """The best of a column; None where the column has no direction, or fewer than two values."""
    known = [value for value in values if value is not None]
    if better == "neither" or len(known) < 2:
        return None
    return min(known) if better == "lower" else max(known)
