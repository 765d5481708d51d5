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
from genbench_datasets.own_data.located import BadFile
from genbench_datasets.own_data.own_data import OwnData, listed
from genbench_datasets.own_data.reader import Reader
from genbench_datasets.own_data.request import Request
from genbench_datasets.own_data.splitting import by_content
from genbench_datasets.own_data.values import Place, real_values, refuse_constant_columns, whole_values

if TYPE_CHECKING:
    import pandas as pd

    from genbench import Dataset

_OPTIONS = {"columns": "", "drop": "", "label": "", "levels": "", "separator": "", "header": "yes"}


def card(argument: str) -> DatasetCard:
    """The card of the table that `argument` names. Raises DataError, UsageError."""
    return READER.card(argument)


def dataset(argument: str) -> Dataset:
    """The data set of a card's `argument`, for the worker. Raises DataError."""
    return READER.dataset(argument)


def _read(request: Request, files: Sequence[Path]) -> OwnData:
    table = _Table(files[0], request)
    label = request.text("label")
    wanted = table.choose(request.names("columns"), request.names("drop"), label)
    levels = request.whole("levels", 2)
    values = table.numbers(wanted)
    place = table.place(wanted)
    if levels is None:
        x = real_values(values, place)
        remedy = "drop=A,B leaves columns out"
        refuse_constant_columns(x, [repr(name) for name in wanted], str(table.path), remedy)
    else:
        x = whole_values(values, levels, place)
    classes, y = table.classes(label) if label else ((), None)
    return OwnData(
        "points",
        x,
        by_content(x, y, classes, together=False),
        about=f"{len(x):,} rows of {listed(wanted)}" + (f", labelled by {listed([label])}" if label else ""),
        levels=levels,
        y=y,
        classes=classes,
    )


class _Table:
    """The text of a table, its header, and what pandas made of it, if it could."""

    def __init__(self, path: Path, request: Request) -> None:
        self.path = path
        self._text = _decode(path)
        self._separator = _separator(request, path)
        self._has_header = request.choice("header", ("yes", "no")) == "yes"
        self.header = self._read_header(request)
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

    def numbers(self, names: Sequence[str]) -> Float[np.ndarray, "rows columns"]:
        """float64. Raises BadFile that names line and column of the first cell that is no number."""
        if self._parsed is None or any(self._column(name).dtype.kind not in "iuf" for name in names):
            values = self._numbers_by_hand(names)
        else:
            values = np.stack([self._column(name).to_numpy(np.float64) for name in names], axis=1)
        return values

    def classes(self, name: str) -> tuple[tuple[str, ...], Shaped[np.ndarray, " rows"]]:
        """Names of the classes, and (N,) their numbers. In the order of numbers where all are numbers."""
        where = self.header.index(name)
        cells = [row[where].strip() for _, row in self._rows()]
        for (line, _), cell in zip(self._rows(), cells, strict=True):
            if not cell:
                raise BadFile(self.path, f"line {line}, column {name!r}: the label is missing")
        names = sorted(set(cells), key=_number_first)
        numbers = {each: number for number, each in enumerate(names)}
        return tuple(names), np.array([numbers[cell] for cell in cells], np.int64)

    def place(self, names: Sequence[str]) -> Place:
        """Where the (row, column) of an array of the columns `names` is in the file."""

        def place(index: tuple[int, ...]) -> str:
            row, column = index
            line, cells = next(itertools.islice(self._rows(), row, None))
            name = names[column]
            return f"{self.path}: line {line}, column {name!r}: {cells[self.header.index(name)]!r}"

        return place

    # ---- reading

    def _read_header(self, request: Request) -> list[str]:
        stream = io.StringIO(self._text, newline="")
        first = next((row for _, row in self._records(stream)), None)
        if first is None:
            raise BadFile(self.path, "is empty; expected a line of columns' names, then rows")
        self._body = stream.tell() if self._has_header else 0
        if not self._has_header:
            return [str(number) for number in range(1, len(first) + 1)]
        header = [name.strip() for name in first]
        for number, name in enumerate(header, 1):
            if not name:
                raise BadFile(self.path, f"column {number} of {len(header)} has no name")
            if name in header[: number - 1]:
                raise BadFile(
                    self.path,
                    f"two columns are called {name!r}: the {header.index(name) + 1}. and the {number}.",
                )
        if all(_is_number(name) for name in header):
            raise BadFile(
                self.path, "the first line holds numbers, not columns' names; header=no if it has none"
            )
        others = [name for name, mark in _SEPARATORS.items() if mark != self._separator and mark in header[0]]
        if len(header) == 1 and others and not request.text("separator"):
            raise BadFile(self.path, f"one column, called {header[0]!r}; perhaps separator={others[0]}?")
        return header

    def _parse(self) -> pd.DataFrame | None:
        """None where something is wrong, or odd: then `_rows` says what."""
        import pandas as pd

        stream = io.StringIO(self._text, newline="")
        stream.seek(self._body)
        try:
            table = pd.read_csv(
                stream, header=None, sep=self._separator, na_filter=False, low_memory=False, index_col=False
            )
        except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError):
            return None
        return table if table.shape[1] == len(self.header) else None

    def _column(self, name: str) -> pd.Series:
        assert self._parsed is not None
        return self._parsed[self.header.index(name)]

    def _numbers_by_hand(self, names: Sequence[str]) -> Float[np.ndarray, "rows columns"]:
        where = [self.header.index(name) for name in names]
        values: list[list[float]] = []
        for line, row in self._rows():
            for name, index in zip(names, where, strict=True):
                if not _is_number(row[index]):
                    what = "the cell is empty"
                    if row[index].strip():
                        what = (
                            f"{row[index]!r} is no number; drop={name} leaves the column out, label={name} takes it"
                            " for classes"
                        )
                    raise BadFile(self.path, f"line {line}, column {name!r}: {what}")
            values.append([float(row[index]) for index in where])
        return np.array(values, np.float64).reshape(len(values), len(names))

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """(line, cells) of each row below the header. Raises BadFile where a row has too few or too many."""
        for number, (line, row) in enumerate(self._records(io.StringIO(self._text, newline=""))):
            if number == 0 and self._has_header:
                continue
            if len(row) != len(self.header):
                raise BadFile(
                    self.path,
                    f"line {line} has {len(row)} cell{'s' * (len(row) != 1)}, the first line {len(self.header)}",
                )
            yield line, row

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


_SEPARATORS = {"semicolon": ";", "tab": "\t", "comma": ",", "space": " "}


def _separator(request: Request, path: Path) -> str:
    if not request.text("separator"):
        return "\t" if path.suffix.lower() in (".tsv", ".tab") else ","
    return _SEPARATORS[request.choice("separator", list(_SEPARATORS))]


def _decode(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadFile(path, f"line {line}: not UTF-8 (byte {error.start})") from None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python's own way to write 1_000


def _number_first(cell: str) -> tuple[bool, float, str]:
    number = _is_number(cell)
    return not number, float(cell) if number else 0.0, cell


READER = Reader("csv", __name__, _OPTIONS, lambda request: [request.file()], _read)
