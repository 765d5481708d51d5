"""The families as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from genbench.api import Better
from genbench_reports.format.numbers import format_count, format_seconds, format_value
from genbench_reports.format.table import Cell, Column, Table, best_values
from genbench_reports.format.text import MISSING, clean
from genbench_reports.overview.families import FamilyRow

NOT_COMPARED = "‡"
"""Marks a family whose score is over other boards than that of the verdict."""

_Write = Callable[[float | None], str]


def family_table(rows: Sequence[FamilyRow], likelihood_title: str) -> Table:
    """A row for each family. Those that met other boards than the first stand below as rows that do not compete, and
    carry a mark. GPU memory has its column wherever a GPU was used, and then stands before that of the process, which
    narrow screens leave out."""
    uses_gpu = any(row.costs.uses_gpu for row in rows)
    gpu = [Column("GPU MiB train / sample ↓", essential=True)]
    columns = (
        Column("family", numeric=False, essential=True),
        Column("best model", numeric=False, essential=True),
        Column("score ↑", essential=True, keeps_error=True),
        Column(likelihood_title, weight=3),
        Column("samples/s ↑", essential=True),
        Column("train", weight=2),
        *(gpu if uses_gpu else []),
        Column("memory MiB train / sample ↓", essential=not uses_gpu, weight=0),
        Column("boards", weight=1),
        Column("beats mixture", weight=1),
    )
    bests = {name: _best(rows, name, better) for name, better in _DIRECTIONS.items()}
    compared = any(row.is_compared for row in rows)
    apart = [row for row in rows if compared and not row.is_compared]
    competing = [row for row in rows if row not in apart]
    return Table(
        columns,
        tuple(_cells(row, uses_gpu=uses_gpu, bests=bests, mark="") for row in competing),
        tuple(_cells(row, uses_gpu=uses_gpu, bests={}, mark=f" {NOT_COMPARED}") for row in apart),
        apart="other boards",
    ).without_empty_columns()


_DIRECTIONS: dict[str, Better] = {
    "score": "higher",
    "samples_per_second": "higher",
    "gpu": "lower",
    "rss": "lower",
}


def _best(rows: Sequence[FamilyRow], name: str, better: Better) -> float | None:
    """The best value among the rows that are compared."""
    return best_values([_number(row, name) for row in rows if row.is_compared], better)


def _number(row: FamilyRow, name: str) -> float | None:
    costs = row.costs
    if name == "score":
        return None if row.score is None else row.score.value
    if name == "samples_per_second":
        return costs.samples_per_second
    pair = (
        (costs.train_gpu_bytes, costs.sample_gpu_bytes)
        if name == "gpu"
        else (costs.train_rss_bytes, costs.sample_rss_bytes)
    )
    return max((each for each in pair if each is not None), default=None)


def _cells(row: FamilyRow, *, uses_gpu: bool, bests: dict[str, float | None], mark: str) -> tuple[Cell, ...]:
    costs = row.costs

    def cell(text: str, name: str) -> Cell:
        number = _number(row, name)
        return Cell(text, value=number, best=number is not None and number == bests.get(name))

    gpu = cell(_pair(costs.train_gpu_bytes, costs.sample_gpu_bytes), "gpu")
    return (
        Cell(clean(row.family) + mark),
        Cell(clean(row.model)),
        cell(_score(row), "score"),
        Cell(
            MISSING if row.likelihood is None else row.likelihood.text,
            value=None if row.likelihood is None else row.likelihood.value,
        ),
        cell(format_count(costs.samples_per_second), "samples_per_second"),
        Cell(format_seconds(costs.train_seconds), value=costs.train_seconds),
        *([gpu] if uses_gpu else []),
        cell(_pair(costs.train_rss_bytes, costs.sample_rss_bytes), "rss"),
        Cell(f"{row.covered} of {row.boards}", value=row.covered),
        Cell(f"{row.beaten} of {row.beatable}" if row.beatable else MISSING, value=row.beaten),
    )


def _score(row: FamilyRow) -> str:
    if row.score is None:
        return MISSING
    return format_value(row.score.value, row.score.stderr if row.score.is_known else None)


def _pair(train: float | None, sample: float | None) -> str:
    """Both peaks in MiB: "198 / 210"."""
    if train is None and sample is None:
        return MISSING
    return " / ".join(MISSING if each is None else _mebibytes(each) for each in (train, sample))


def _mebibytes(value: float) -> str:
    return f"{value / 2**20:,.0f}" if value >= 9.95 * 2**20 else f"{value / 2**20:.1f}"
