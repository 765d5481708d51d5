"""A table as data: what renderers draw, and nothing of how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from genbench.api import Better
from genbench_reports.format.text import MISSING


@dataclass(frozen=True)
class Column:
    """essential: kept however narrow the screen is."""

    title: str
    numeric: bool = True
    essential: bool = False


@dataclass(frozen=True)
class Cell:
    """text is not trusted: renderers escape it. value: the number behind it, where there is one.
    notes: numbers of footnotes."""

    text: str
    value: float | None = None
    best: bool = False
    notes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Table:
    """Rows that compete, and below them, set apart, those that only calibrate."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    calibration: tuple[tuple[Cell, ...], ...] = ()

    def without_empty_columns(self) -> Table:
        """Without the columns, essential ones excepted, that say nothing in any row."""
        kept = [
            index
            for index, column in enumerate(self.columns)
            if column.essential or any(row[index].text != MISSING for row in (*self.rows, *self.calibration))
        ]
        return self.select(kept)

    def select(self, indices: Sequence[int]) -> Table:
        """The columns at `indices` alone."""
        return Table(
            columns=tuple(self.columns[index] for index in indices),
            rows=tuple(tuple(row[index] for index in indices) for row in self.rows),
            calibration=tuple(tuple(row[index] for index in indices) for row in self.calibration),
        )


@dataclass
class Footnotes:
    """Numbers footnotes as they come; the same text keeps its number."""

    texts: list[str] = field(default_factory=list)

    def number(self, text: str) -> int:
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1

    def numbers(self, texts: Sequence[str]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(self.number(text) for text in texts))


def best_values(values: Sequence[float | None], better: Better) -> float | None:
    """The best of a column; None where nothing is better, or there are not two values to compare."""
    known = [value for value in values if value is not None]
    if better == "neither" or len(known) < 2:
        return None
    return min(known) if better == "lower" else max(known)
