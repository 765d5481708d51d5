"""`series:PATH`: a table that is one series, a row a moment and a column a channel, cut into windows."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Float32

from genbench import DatasetCard
from genbench_datasets.own_data.columns import OPTION as STANDARDISE_OPTION
from genbench_datasets.own_data.columns import real_columns
from genbench_datasets.own_data.eras import era_lengths, era_windows, eras
from genbench_datasets.own_data.located import BadFile
from genbench_datasets.own_data.memory import need_memory
from genbench_datasets.own_data.own_data import OwnData, listed
from genbench_datasets.own_data.reader import Reader
from genbench_datasets.own_data.readers.table import Table
from genbench_datasets.own_data.readers.table_text import OPTIONS as TEXT_OPTIONS
from genbench_datasets.own_data.request import Request
from genbench_datasets.own_data.splitting import Parts
from genbench_datasets.own_data.values import Place

if TYPE_CHECKING:
    from genbench import Dataset

_OPTIONS = {
    "columns": "",
    "drop": "",
    "time": "",
    "window": "24",
    "header": "yes",
    "index": "no",
    **TEXT_OPTIONS,
    **STANDARDISE_OPTION,
}
_MAX_STEP = 1.5
"""How much longer than the usual step of time a step may be: months and years differ in length, by less than this."""


def card(argument: str) -> DatasetCard:
    """The card of the series that `argument` names. Raises DataError, UsageError."""
    return READER.card(argument)


def dataset(argument: str) -> Dataset:
    """The data set of a card's `argument`, for the worker. Raises DataError."""
    return READER.dataset(argument)


def _read(request: Request, files: Sequence[Path]) -> OwnData:
    table = Table(files[0], request)
    time, width = request.text("time"), request.required("window", 2)
    wanted = table.choose(request.names("columns"), request.names("drop"), time)
    columns = real_columns(
        table.numbers(wanted),
        [repr(name) for name in wanted],
        _with_index(table.place(wanted)),
        str(table.path),
        "drop=A,B leaves columns out",
        request,
    )
    if time:
        _check_times(table, time)
    series = columns.x
    lengths = era_lengths(len(series), width)
    blocks = [eras(len(series), lengths, width, part) for part in range(3)]
    _refuse_constant_parts(series, blocks[0], wanted, table.path)
    need_memory(
        series.nbytes * width, f"{table.path}: every window of {width} steps of {len(series):,} takes"
    )
    windows = [era_windows(series, of_split, width) for of_split in blocks]
    ends = np.cumsum([len(x) for x, _ in windows])
    train, valid, test = np.split(np.arange(ends[-1]), ends[:-1])
    words = (
        f"eras of {lengths[0]:,} steps to train, {lengths[1]:,} to validate and {lengths[2]:,} to test, in turn, and"
        f" {width} steps left out after each; every window within an era is taken"
    )
    return OwnData(
        "series",
        np.concatenate([x for x, _ in windows]),
        Parts(train, valid, test, words),
        about=f"{len(series):,} steps of {listed(wanted)}, windows of {width}" + columns.words,
        starts=np.concatenate([starts for _, starts in windows]),
    )


def _with_index(place: Place) -> Place:
    """Where a value is in the file, and which step of the series it belongs to."""

    def where(index: tuple[int, ...]) -> str:
        return f"{place(index)} (step {index[0]}, counted from 0)"

    return where


# ---- time


def _check_times(table: Table, name: str) -> None:
    """Raise BadFile where a moment is none, does not follow the one before it, or follows it after a gap."""
    cells = table.cells(name)
    times = [_moment(table.path, name, line, cell) for line, cell in cells]
    steps = np.array([after - before for before, after in pairwise(times)])
    usual = float(np.median(steps)) if len(steps) else 1.0
    for index in np.flatnonzero(~((steps > 0) & (steps <= _MAX_STEP * usual))):
        (_, before), (line, cell) = cells[index : index + 2]
        where = f"line {line}, column {name!r}: step {index + 1} (counted from 0), {cell!r},"
        if steps[index] <= 0 or usual <= 0:
            raise BadFile(table.path, f"{where} is not later than {before!r} before it")
        missing = max(1, round(steps[index] / usual) - 1)
        raise BadFile(
            table.path,
            f"{where} comes {steps[index] / usual:.3g} usual steps after {before!r}: a gap of {missing:,}; fill it, or"
            f" drop={name} in place of time={name} takes each row for one step",
        )


def _moment(path: Path, name: str, line: int, cell: str) -> float:
    """Seconds of a date, or the number itself."""
    text = cell.strip()
    with contextlib.suppress(ValueError):
        if math.isfinite(number := float(text)):
            return number
    try:
        moment = datetime.fromisoformat(text if text.count("-") != 1 else f"{text}-01")
    except ValueError:
        raise BadFile(
            path, f"line {line}, column {name!r}: {cell!r} is neither a number nor a date such as 2024-01-31"
        ) from None
    return (moment.replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds()


# ---- splits


def _refuse_constant_parts(
    series: Float32[np.ndarray, "time channels"],
    blocks: Sequence[tuple[int, int]],
    names: Sequence[str],
    path: Path,
) -> None:
    parts: Float[np.ndarray, "time channels"] = np.concatenate([series[begin:end] for begin, end in blocks])
    constant = [name for name, column in zip(names, parts.T, strict=True) if column.min() == column.max()]
    if constant:
        raise BadFile(path, f"constant in all steps to train on: {listed(constant)}; there is no density")


READER = Reader("series", __name__, _OPTIONS, lambda request: [request.file()], _read)
