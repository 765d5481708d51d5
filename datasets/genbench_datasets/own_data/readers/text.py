"""`text:PATH`: a UTF-8 text, cut into windows of characters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from genbench import DatasetCard
from genbench_datasets.own_data.located import BadFile
from genbench_datasets.own_data.memory import need_memory
from genbench_datasets.own_data.own_data import OwnData
from genbench_datasets.own_data.reader import Reader
from genbench_datasets.own_data.readers.characters import WINDOW, text_windows
from genbench_datasets.own_data.request import Request

if TYPE_CHECKING:
    from genbench import Dataset


def card(argument: str) -> DatasetCard:
    """The card of the text that `argument` names. Raises DataError, UsageError."""
    return READER.card(argument)


def dataset(argument: str) -> Dataset:
    """The data set of a card's `argument`, for the worker. Raises DataError."""
    return READER.dataset(argument)


def _read(request: Request, files: Sequence[Path]) -> OwnData:
    (path,) = files
    size = path.stat().st_size
    need_memory(_BYTES_PER_BYTE * size, f"{path}: a text of {size / 1e9:,.1f} GB takes")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(path, f"not UTF-8 at byte {error.start}: {error.object[error.start]:#04x}") from None
    return text_windows({path.name: text}, request.required("window", 2))


_BYTES_PER_BYTE = 16
"""What a text takes in memory while it is read, for each byte of its file: characters and their codes."""

READER = Reader("text", __name__, {"window": WINDOW}, lambda request: [request.file()], _read)
