"""`npy:PATH`: one array, first axis the examples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genbench import DatasetCard
from genbench_datasets.own_data.located import BadFile
from genbench_datasets.own_data.own_data import Array, OwnData
from genbench_datasets.own_data.reader import Reader
from genbench_datasets.own_data.readers.array_examples import OPTIONS, array_examples
from genbench_datasets.own_data.request import Request
from genbench_datasets.own_data.splitting import by_content

if TYPE_CHECKING:
    from genbench import Dataset


def card(argument: str) -> DatasetCard:
    """The card of the array that `argument` names. Raises DataError, UsageError."""
    return READER.card(argument)


def dataset(argument: str) -> Dataset:
    """The data set of a card's `argument`, for the worker. Raises DataError."""
    return READER.dataset(argument)


def _read(request: Request, files: Sequence[Path]) -> OwnData:
    path = files[0]
    array = _load(path)

    def place(index: tuple[int, ...]) -> str:
        return f"{path}: example {index[0]} (counted from 0), at {list(index[1:])}: {array[index]}"

    read = array_examples(array, request, str(path), place)
    about = f"{len(read.x):,} examples of {array.dtype}{read.words}"
    return OwnData(
        read.modality, read.x, by_content(read.x, together=read.modality != "points"), about, read.levels
    )


def _load(path: Path) -> Array:
    """Mapped, not read."""
    with path.open("rb") as stream:
        magic = stream.read(6)
    if magic.startswith(b"PK"):
        raise BadFile(path, "holds several arrays (.npz); expected one, as np.save writes it")
    if magic != b"\x93NUMPY":  # numpy would take it for a pickle
        raise BadFile(path, "no .npy file")
    try:
        array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a broken header may raise anything: numpy reads it as Python
        if isinstance(error, OSError) and error.errno is not None:
            raise
        if "object" in str(error).lower():
            raise BadFile(path, "holds Python objects, which are not unpickled; expected numbers") from None
        raise BadFile(path, f"no whole .npy file: {' '.join(str(error).split())}") from None
    return array


READER = Reader("npy", __name__, OPTIONS, lambda request: [request.file()], _read)
