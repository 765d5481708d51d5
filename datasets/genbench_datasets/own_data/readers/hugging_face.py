"""`hf:NAME`: a data set of the Hugging Face hub, or local parquet files, read by the library `datasets`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genbench import DatasetCard
from genbench.errors import DataError, UnknownNameError, UsageError
from genbench_datasets.own_data.columns import is_standardised, real_columns
from genbench_datasets.own_data.own_data import Array, OwnData, listed
from genbench_datasets.own_data.progress import shown
from genbench_datasets.own_data.reader import Reader
from genbench_datasets.own_data.readers.array_examples import OPTIONS as ARRAY_OPTIONS
from genbench_datasets.own_data.readers.array_examples import Examples, array_examples
from genbench_datasets.own_data.readers.characters import WINDOW, text_windows
from genbench_datasets.own_data.readers.hf_columns import Column, kind_of
from genbench_datasets.own_data.readers.hf_library import Splits
from genbench_datasets.own_data.readers.hf_splits import data_files, published_splits
from genbench_datasets.own_data.readers.image_file import read_images, size_option
from genbench_datasets.own_data.request import Request
from genbench_datasets.own_data.splitting import Parts, as_published, by_content
from genbench_datasets.own_data.values import whole_values

if TYPE_CHECKING:
    from genbench import Dataset

_OPTIONS = {
    "column": "",
    "columns": "",
    "label": "",
    "config": "",
    "split": "",
    "revision": "",
    "size": "",
    "window": WINDOW,
    **ARRAY_OPTIONS,
}


def card(argument: str) -> DatasetCard:
    """The card of the data set or files that `argument` names. Raises DataError, UsageError."""
    return READER.card(argument)


def dataset(argument: str) -> Dataset:
    """The data set of a card's `argument`, for the worker. Raises DataError."""
    return READER.dataset(argument)


def _read(request: Request, files: Sequence[Path]) -> OwnData:
    with published_splits(request) as (splits, left_out):
        data = _read_splits(request, splits)
    if left_out:
        about = f"{data.about}; left out: split{'s' * (len(left_out) > 1)} {listed(left_out)}"
        return replace(data, about=about)
    return data


def _read_splits(request: Request, splits: Splits) -> OwnData:
    label = request.text("label")
    names = _choose(request, splits, label)
    columns = [Column.of(request.place, splits, name) for name in names]
    about = f"column{'s' * (len(names) > 1)} {listed(names)}"
    if columns[0].kind == "text":
        if label:
            raise UsageError(f"{request.shown}: windows of texts have no labels; leave out label={label}")
        data = text_windows(
            {split: columns[0].text(split) for split in splits}, request.required("window", 2)
        )
        return replace(data, about=f"{about}: {data.about}")
    read = _examples(request, columns)
    classes, y = Column.of(request.place, splits, label).classes() if label else ((), None)
    parts = _parts(splits, read.x, y, classes, together=read.modality != "points")
    about = f"{len(read.x):,} rows, {about}{read.words}"
    return OwnData(read.modality, read.x, parts, about, read.levels, y, classes)


def _examples(request: Request, columns: Sequence[Column]) -> Examples:
    first = columns[0]
    if first.kind == "image":
        read = read_images(
            first.images(), size_option(request), first.place, shown(f"reading {request.place}")
        )
        return Examples("image", read.images, 256)
    if first.kind == "array":
        array = first.array()
        where = f"{request.place}: column {first.name!r}"
        return array_examples(
            array,
            request,
            where,
            lambda index: f"{first.place(index[0])}, at {list(index[1:])}: {array[index]}",
        )
    numbers = [column.numbers() for column in columns]
    levels = request.levels()

    def place(index: tuple[int, ...]) -> str:
        return f"{columns[index[1]].place(index[0])}: {numbers[index[1]][index[0]]}"

    if levels is not None:
        is_standardised(request)
        return Examples("points", whole_values(np.stack(numbers, axis=1), levels, place), levels)
    names = [repr(column.name) for column in columns]
    points = real_columns(numbers, names, place, request.place, "columns=A,B chooses others", request)
    return Examples("points", points.x, None, points.words)


def _parts(
    splits: Splits, x: Array, y: np.ndarray | None, classes: Sequence[str], *, together: bool
) -> Parts:
    if len(splits) == 1:
        return by_content(x, y, classes, together=together)
    ends = np.cumsum([len(split) for split in splits.values()])
    rows = np.split(np.arange(len(x)), ends[:-1])
    return as_published(x, dict(zip(splits, rows, strict=True)), together=together)


def _choose(request: Request, splits: Splits, label: str) -> tuple[str, ...]:
    """Names of the columns that are examples: those asked for, or the only ones possible."""
    first = next(iter(splits.values()))
    schema = first.with_format("arrow")[:0].schema
    kinds = {name: kind_of(feature, schema.field(name).type) for name, feature in first.features.items()}
    one, several = request.text("column"), request.names("columns")
    if one and several:
        raise UsageError(f"{request.shown}: column is for one, columns for several; one of both")
    for name in (*filter(None, (one, label)), *several):
        if name not in kinds:
            raise UnknownNameError(f"column of {request.place}", name, kinds)
    if one:
        if kinds[one] == "other":
            raise DataError(
                f"column {one!r} is {schema.field(one).type}; expected images, numbers, lists or text"
            )
        return (one,)
    for name in several:
        if kinds[name] != "number":
            raise DataError(f"column {name!r} is {schema.field(name).type}; columns= takes numbers")
    if several:
        return several
    wanted = {name: kind for name, kind in kinds.items() if name != label}
    images = [name for name, kind in wanted.items() if kind == "image"]
    alone = images or [name for name, kind in wanted.items() if kind in ("array", "text")]
    numbers = tuple(name for name, kind in wanted.items() if kind == "number")
    if len(alone) == 1 and (images or not numbers):
        return (alone[0],)
    if numbers and not alone:
        return numbers
    known = ", ".join(f"{name} ({kind})" for name, kind in kinds.items())
    raise DataError(f"which column? column=NAME, or columns=A,B for numbers; it has {known}")


READER = Reader("hf", __name__, _OPTIONS, data_files, _read)
