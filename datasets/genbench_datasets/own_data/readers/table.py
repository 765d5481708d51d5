"""`csv:PATH`: a table of numbers, a row an example.

pandas reads what is as it should be; a table that it cannot read is read again by the `csv` module, cell by cell, to
name the line and column of the error.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Shaped

from genbench import DatasetCard
from genbench.errors import UnknownNameError
from genbench_datasets.own_data.columns import OPTION as STANDARDISE_OPTION
from genbench_datasets.own_data.columns import Column, is_standardised, real_columns
from genbench_datasets.own_data.located import BadFile
from genbench_datasets.own_data.own_data import Array, OwnData, listed
from genbench_datasets.own_data.reader import Reader
from genbench_datasets.own_data.readers.table_text import OPTIONS as TEXT_OPTIONS
from genbench_datasets.own_data.readers.table_text import read_table_text
from genbench_datasets.own_data.request import Request
from genbench_datasets.own_data.splitting import by_content
from genbench_datasets.own_data.values import Place, whole_values

if TYPE_CHECKING:
    import pandas as pd

    from genbench import Dataset

_OPTIONS = {
    "columns": "",
    "drop": "",
    "label": "",
    "levels": "",
    "header": "yes",
    "index": "no",
    **TEXT_OPTIONS,
    **STANDARDISE_OPTION,
}
_MAX_COLUMNS = 100_000


def card(argument: str) -> DatasetCard:
    """The card of the table that `argument` names. Raises DataError, UsageError."""
    return READER.card(argument)


def dataset(argument: str) -> Dataset:
    """The data set of a card's `argument`, for the worker. Raises DataError."""
    return READER.dataset(argument)


def _read(request: Request, files: Sequence[Path]) -> OwnData:
    table = Table(files[0], request)
    label = request.text("label")
    wanted = table.choose(request.names("columns"), request.names("drop"), label)
    levels = request.levels()
    columns = table.numbers(wanted)
    place = table.place(wanted)
    words = ""
    if levels is None:
        names = [repr(name) for name in wanted]
        points = real_columns(columns, names, place, str(table.path), "drop=A,B leaves columns out", request)
        x: Array = points.x
        words = points.words
    else:
        is_standardised(request)
        x = whole_values(np.stack(columns, axis=1), levels, place)
    classes, y = table.classes(label) if label else ((), None)
    return OwnData(
        "points",
        x,
        by_content(x, y, classes, together=False),
        about=f"{len(x):,} rows of {listed(wanted)}"
        + (f", labelled by {listed([label])}" if label else "")
        + words,
        levels=levels,
        y=y,
        classes=classes,
    )


class Table:
    """The text of a table, its header, and what pandas made of it, if it could."""

    def __init__(self, path: Path, request: Request) -> None:
        self.path = path
        whole = read_table_text(path, request)
        self._whole = whole
        self._text, self._separator, self._number = whole.text, whole.separator, whole.numbers
        self._has_header = request.choice("header", ("yes", "no")) == "yes"
        self._has_index = request.choice("index", ("no", "yes")) == "yes"
        self._cells, self._places = self._read_header(request)
        self.header = list(self._places)
        self._parsed = self._parse()

    # ---- columns

    def choose(self, columns: Sequence[str], drop: Sequence[str], label: str) -> list[str]:
        for name in (*columns, *drop, *([label] if label else [])):
            if name not in self.header:
                raise UnknownNameError(f"column of {self.path.name}", name, self.header)
        wanted = [name for name in columns or self.header if name not in drop and name != label]
        if not wanted:
            raise BadFile(self.path, "no columns are left")
        return list(dict.fromkeys(wanted))

    def numbers(self, names: Sequence[str]) -> list[Column]:
        """(rows,) of each column, in whatever type holds it. Raises BadFile that names line and column of the first
        cell that is no number."""
        if self._parsed is None or any(self._column(name).dtype.kind not in "iuf" for name in names):
            return list(self._numbers_by_hand(names).T)
        return [self._column(name).to_numpy() for name in names]

    def classes(self, name: str) -> tuple[tuple[str, ...], Shaped[np.ndarray, " rows"]]:
        """Names of the classes, and (N,) their numbers. In the order of numbers where all are numbers."""
        where = self._places[name]
        cells = [row[where].strip() for _, row in self._rows()]
        for (line, _), cell in zip(self._rows(), cells, strict=True):
            if not cell:
                raise BadFile(self.path, f"line {line}, column {name!r}: the label is missing")
        names = sorted(set(cells), key=self._number.order)
        numbers = {each: number for number, each in enumerate(names)}
        return tuple(names), np.array([numbers[cell] for cell in cells], np.int64)

    def cells(self, name: str) -> list[tuple[int, str]]:
        """The line of each row, and the row's cell of one column as text. Raises BadFile."""
        return [(line, row[self._places[name]]) for line, row in self._rows()]

    def place(self, names: Sequence[str]) -> Place:
        """Where the (row, column) of an array of the columns `names` is in the file."""

        def place(index: tuple[int, ...]) -> str:
            row, column = index
            line, cells = next(itertools.islice(self._rows(), row, None))
            name = names[column]
            return f"{self.path}: line {line}, column {name!r}: {cells[self._places[name]]!r}"

        return place

    # ---- reading

    def _read_header(self, request: Request) -> tuple[int, dict[str, int]]:
        """How many cells a row has, and where the cell of each column is, by the names of the columns."""
        stream = io.StringIO(self._text, newline="")
        records = self._records(stream)
        first = next((row for _, row in records), None)
        if first is None:
            raise BadFile(self.path, "is empty; expected a line of columns' names, then rows")
        if len(first) > _MAX_COLUMNS:
            raise BadFile(self.path, f"{len(first):,} columns; at most {_MAX_COLUMNS:,} are read")
        self._body = stream.tell() if self._has_header else 0
        if not self._has_header:
            places = {str(number + 1): number for number in range(len(first))}
            return len(first), dict(list(places.items())[self._has_index :])
        cells = len(first)
        if self._has_index:
            below = next((row for _, row in records), first)
            if len(below) == len(first) + 1:  # R names all columns but the one of the rows' names
                cells = len(below)
            else:
                first = first[1:]
        header = [name.strip() for name in first]
        places = {name: cells - len(header) + number for number, name in reversed(list(enumerate(header)))}
        for number, name in enumerate(header, 1):
            if not name:
                remedy = "; index=yes leaves it out if it numbers the rows" * (
                    number == 1 and not self._has_index
                )
                raise BadFile(self.path, f"column {number} of {len(header)} has no name{remedy}")
            if (before := places[name] - cells + len(header) + 1) != number:
                raise BadFile(self.path, f"two columns are called {name!r}: the {before}. and the {number}.")
        if header and all(self._number.is_number(name) for name in header):
            raise BadFile(
                self.path, "the first line holds numbers, not columns' names; header=no if it has none"
            )
        if not header:
            raise BadFile(self.path, "no columns are left beside the first, which index=yes leaves out")
        others = "" if len(header) > 1 or request.text("separator") else self._whole.other_separator(first[0])
        if others:
            raise BadFile(self.path, f"one column, called {header[0]!r}; perhaps {others}?")
        return cells, {name: places[name] for name in header}

    def _parse(self) -> pd.DataFrame | None:
        """None where something is wrong, or odd: then `_rows` says what."""
        import pandas as pd

        stream = io.StringIO(self._text, newline="")
        stream.seek(self._body)
        try:
            table = pd.read_csv(
                stream,
                header=None,
                sep=self._separator,
                decimal="," if self._number.decimal_comma else ".",
                na_filter=False,
                low_memory=False,
                index_col=False,
            )
        except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError):
            return None
        return table if table.shape[1] == self._cells else None

    def _column(self, name: str) -> pd.Series:
        assert self._parsed is not None
        return self._parsed[self._places[name]]

    def _numbers_by_hand(self, names: Sequence[str]) -> Float[np.ndarray, "rows columns"]:
        where = [self._places[name] for name in names]
        values: list[list[float]] = []
        for line, row in self._rows():
            for name, index in zip(names, where, strict=True):
                if not self._number.is_number(row[index]):
                    what = "the cell is empty"
                    if row[index].strip():
                        what = (
                            f"{row[index]!r} is no number{self._number.remedy(row[index])}; drop={name} leaves the"
                            f" column out, label={name} takes it for classes"
                        )
                    raise BadFile(self.path, f"line {line}, column {name!r}: {what}")
            values.append([self._number.value(row[index]) for index in where])
        return np.array(values, np.float64).reshape(len(values), len(names))

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """(line, cells) of each row below the header. Raises BadFile where a row has too few or too many."""
        for number, (line, row) in enumerate(self._records(io.StringIO(self._text, newline=""))):
            if number == 0 and self._has_header:
                continue
            if len(row) != self._cells:
                raise BadFile(
                    self.path,
                    f"line {line} has {len(row)} cell{'s' * (len(row) != 1)}, the first line {self._cells}"
                    + self._remedy_for_length(len(row), is_first=number == self._has_header),
                )
            yield line, row

    def _remedy_for_length(self, cells: int, *, is_first: bool) -> str:
        if is_first and cells == self._cells + 1 and not self._has_index:
            return "; index=yes if the first cell of each row is its name or number"
        if cells == 2 * self._cells and self._separator == ",":
            return "; decimal=comma if the comma is the decimal mark"
        return ""

    def _records(self, stream: io.StringIO) -> Iterator[tuple[int, list[str]]]:
        """(line, cells) of each record that is not blank; `line` is the one where it ends."""
        # by a function, which leaves the stream at the end of the record
        read: Callable[[], str] = stream.readline
        reader = csv.reader(iter(read, ""), delimiter=self._separator, strict=True)
        try:
            for row in reader:
                if row:
                    yield reader.line_num, row
        except csv.Error as error:
            raise BadFile(self.path, f"line {reader.line_num}: {error}") from None


READER = Reader("csv", __name__, _OPTIONS, lambda request: [request.file()], _read)
