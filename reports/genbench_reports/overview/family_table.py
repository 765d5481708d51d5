"""The families as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from genbench.api import Better
from genbench_reports.format.numbers import format_count, format_seconds, format_value
from genbench_reports.format.table import Cell, Column, Table, best_values
from genbench_reports.format.text import MISSING, clean
from genbench_reports.overview.families import FamilyRow

NOT_COMPARED = "‡"
"""Marks a family whose score is over other boards than that of the verdict."""
_MEBIBYTE, _GIBIBYTE = 2**20, 2**30

_Pair = tuple[float | None, float | None]


@dataclass(frozen=True)
class _Field:
    """A column, and what its cells say."""

    column: Column
    text: Callable[[FamilyRow], str]
    number: Callable[[FamilyRow], float | None] = lambda _: None
    better: Better = "neither"
    """The direction in which the best value among the compared rows is bold."""


def family_table(rows: Sequence[FamilyRow], likelihood_title: str) -> Table:
    """A row for each family. Those that met other boards than the first stand below as rows that do not compete, and
    carry a mark. GPU memory has its column wherever a GPU was used, and then stands before that of the process, which
    narrow screens leave out."""
    compared = any(row.is_compared for row in rows)
    apart = [row for row in rows if compared and not row.is_compared]
    competing = [row for row in rows if row not in apart]
    uses_gpu = any(row.costs.uses_gpu for row in rows)
    gpu = _memory("GPU", rows, lambda row: (row.costs.train_gpu_bytes, row.costs.sample_gpu_bytes), weight=4)
    process = _memory(
        "memory",
        rows,
        lambda row: (row.costs.train_rss_bytes, row.costs.sample_rss_bytes),
        weight=0 if uses_gpu else 4,
    )
    fields = (
        _Field(
            Column("family", numeric=False, essential=True),
            lambda row: f"{clean(row.family)} {NOT_COMPARED}" if row in apart else clean(row.family),
        ),
        _Field(Column("best model", numeric=False, essential=True), lambda row: clean(row.model)),
        _Field(
            Column("score ↑", weight=6, keeps_error=True),
            _score,
            lambda row: None if row.score is None else row.score.value,
            "higher",
        ),
        _Field(
            Column(
                likelihood_title, weight=3
            ),  # nothing is the best: kinds are not ranked against each other
            lambda row: MISSING if row.likelihood is None else row.likelihood.text,
            lambda row: None if row.likelihood is None else row.likelihood.value,
        ),
        _Field(
            Column("samples/s ↑", weight=5),
            lambda row: format_count(row.costs.samples_per_second),
            lambda row: row.costs.samples_per_second,
            "higher",
        ),
        _Field(
            Column("train time", weight=2),
            lambda row: format_seconds(row.costs.train_seconds),
            lambda row: row.costs.train_seconds,
        ),
        gpu,
        process,
        _Field(
            Column("boards", weight=1),
            lambda row: f"{row.covered} of {row.boards}",
            lambda row: float(row.covered),
        ),
        _Field(
            Column(_beaten_title(yardsticks_of(rows)), weight=1),
            lambda row: f"{row.beaten} of {row.beatable}" if row.beatable else MISSING,
            lambda row: float(row.beaten),
        ),
    )
    bests = [
        best_values([field.number(row) for row in rows if row.is_compared], field.better) for field in fields
    ]

    def cells(row: FamilyRow) -> tuple[Cell, ...]:
        numbers = [field.number(row) for field in fields]
        return tuple(
            Cell(
                field.text(row),
                value=number,
                best=row.is_compared and number is not None and number == best,
            )
            for field, number, best in zip(fields, numbers, bests, strict=True)
        )

    return Table(
        tuple(field.column for field in fields),
        tuple(map(cells, competing)),
        tuple(map(cells, apart)),
        apart="other boards",
    ).without_empty_columns()


def yardsticks_of(rows: Sequence[FamilyRow]) -> tuple[str, ...]:
    """Names of the yardsticks that the rows met, each once."""
    return tuple(dict.fromkeys(name for row in rows for name in row.yardsticks))


def _beaten_title(yardsticks: Sequence[str]) -> str:
    if len(yardsticks) != 1:
        return "beats yardsticks"
    return "beats mixture" if yardsticks[0] == "gaussian-mixture" else f"beats {clean(yardsticks[0])}"


def _memory(
    title: str, rows: Sequence[FamilyRow], peaks: Callable[[FamilyRow], _Pair], weight: int
) -> _Field:
    """Peaks in training and in sampling, in one unit for the whole column."""

    def largest(row: FamilyRow) -> float | None:
        return max((peak for peak in peaks(row) if peak is not None), default=None)

    most = max((peak for row in rows if (peak := largest(row)) is not None), default=0.0)
    unit, size = ("GiB", _GIBIBYTE) if most >= _GIBIBYTE else ("MiB", _MEBIBYTE)

    def text(row: FamilyRow) -> str:
        if largest(row) is None:
            return MISSING
        return " / ".join(MISSING if peak is None else _two_digits(peak / size) for peak in peaks(row))

    return _Field(Column(f"{title} {unit} train / sample ↓", weight=weight), text, largest, "lower")


def _two_digits(value: float) -> str:
    """At least two significant digits: 198.4 -> "198", 0.0123 -> "0.012"."""
    return f"{value:,.0f}" if value >= 9.95 else f"{value:.2g}"


def _score(row: FamilyRow) -> str:
    if row.score is None:
        return MISSING
    return format_value(row.score.value, row.score.stderr if row.score.is_known else None)
