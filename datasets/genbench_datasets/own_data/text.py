"""`text:PATH`: a UTF-8 text, cut into windows of characters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genbench import DatasetCard
from genbench.errors import DataError
from genbench_datasets.own_data.examples import Examples, make_card, make_dataset, read_options

if TYPE_CHECKING:
    from genbench.data import Dataset

_OPTIONS = {"window": "256"}
_MOST_CHARACTERS = 1024


def card(argument: str) -> DatasetCard:
    """Of the text that `argument` names. Raises DataError."""
    path, options = read_options(argument, _OPTIONS)
    return make_card("text", argument, read_text(path, **options), [path], __name__)


def dataset(argument: str) -> Dataset:
    """The same, for the worker."""
    path, options = read_options(argument, _OPTIONS)
    return make_dataset("text", argument, read_text(path, **options))


def read_text(path: Path, window: str = "256") -> Examples:
    """Codes are the characters' places in sorted order; windows do not overlap. Raises DataError."""
    if not window.isdigit() or int(window) < 2:
        raise DataError(f"window={window}: expected a whole number of characters, 2 or more")
    width = int(window)
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 at byte {error.start}") from None
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    known, codes = np.unique(points, return_inverse=True)
    if len(known) < 2:
        raise DataError(f"{path}: {len(known)} different characters, expected 2 or more")
    if len(known) > _MOST_CHARACTERS:
        raise DataError(f"{path}: {len(known)} different characters, expected at most {_MOST_CHARACTERS}")
    whole = len(codes) // width * width
    kind = np.uint8 if len(known) <= 256 else np.int64
    return Examples("tokens", codes[:whole].reshape(-1, width).astype(kind), levels=len(known), in_order=True)
