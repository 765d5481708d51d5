"""What the parts of the statistics section have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from genbench_reports.format.table import Cell, Table
from genbench_reports.format.text import MISSING, plural
from genbench_reports.statistics.seeds import SIGNIFICANCE

NO_TABLE = Table((), ())
_SHORT = 10
"""Intervals of fewer values are said to be too short."""


@dataclass(frozen=True)
class StatisticsPart:
    """One table, with what to know about it. table: `NO_TABLE` where there is nothing but sentences."""

    title: str
    table: Table
    notes: tuple[str, ...]


def format_p(p: float) -> str:
    """Two digits; below a thousandth only that it is."""
    if p < 0.001:
        return "< 0.001"
    return f"{p:.2g}" if p < 0.995 else "1"


def p_cell(p: float | None) -> Cell:
    """Bold where it is significant."""
    if p is None:
        return Cell(MISSING)
    return Cell(format_p(p), value=p, best=p < SIGNIFICANCE)


def count_pairs(count: int) -> str:
    """ "one pair", "3 pairs"."""
    return plural(count, "pair") if count != 1 else "one pair"


def short_intervals(count: int, what: str) -> Iterable[str]:
    """The caution that goes with bootstrap intervals of few values."""
    if count < _SHORT:
        yield (
            f"Intervals are of {plural(count, what)}: bootstrap intervals (BCa) of so few are too short, and hold"
            " the truth more rarely than they say."
        )
