"""`text:PATH`: a UTF-8 text, cut into windows of characters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from genbench import DatasetCard
from genbench_datasets.own_data.bad_file import BadFile
from genbench_datasets.own_data.characters import DEFAULT_WINDOW, character_codes, windows_of
from genbench_datasets.own_data.own_data import OwnData
from genbench_datasets.own_data.reader import Reader
from genbench_datasets.own_data.request import Request
from genbench_datasets.own_data.splitting import FEWEST, in_order

if TYPE_CHECKING:
    from genbench.data import Dataset

_OPTIONS = {"window": DEFAULT_WINDOW}


def card(argument: str) -> DatasetCard:
    """Of the text that `argument` names. Raises DataError, UsageError."""
    return _READER.card(argument)


def dataset(argument: str) -> Dataset:
    """The same, for the worker."""
    return _READER.dataset(argument)


def _read(request: Request, files: Sequence[Path]) -> OwnData:
    path = files[0]
    width = request.whole("window", 2)
    assert width is not None
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(path, f"not UTF-8 at byte {error.start}: {error.object[error.start]:#04x}") from None
    if len(text) < FEWEST * width:
        shorter = f", or a shorter one, window={len(text) // FEWEST}" if len(text) >= 2 * FEWEST else ""
        raise BadFile(
            path,
            f"{len(text):,} characters; {FEWEST} windows of {width} take {FEWEST * width:,}{shorter}",
        )
    (codes,), levels = character_codes([text])
    if levels < 2:
        raise BadFile(path, f"one character, {text[0]!r}, again and again")
    x = windows_of(codes, width)
    about = f"{len(text):,} characters, {levels} different ones, in windows of {width} that do not overlap"
    return OwnData("tokens", x, in_order(len(x)), about, levels)


_READER = Reader("text", __name__, _OPTIONS, lambda request: [request.file()], _read)
