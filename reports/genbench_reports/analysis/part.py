"""What the tables of the statistics section have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from genbench_reports.format.table import Cell, Table
from genbench_reports.format.text import MISSING, plural
from genbench_reports.statistics.seeds import SIGNIFICANCE

NO_TABLE = Table((), ())
_MIN_INTERVAL_VALUES = 10
"""Intervals from fewer values come with a caution."""


@dataclass(frozen=True)
class StatisticsPart:
    """One table of the statistics, with what to know about it."""

    title: str
    """What it is about."""
    table: Table
    """`NO_TABLE` where there are sentences alone."""
    notes: tuple[str, ...]
    """Sentences below the table."""


def format_p(p: float) -> str:
    """Two digits; "< 0.001" below a thousandth."""
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
    """The caution about bootstrap intervals from few values."""
    if count < _MIN_INTERVAL_VALUES:
        yield (
            f"Intervals are from {plural(count, what)}: bootstrap intervals (BCa) from so few are too short, and"
            " cover the truth less often than they claim."
        )
