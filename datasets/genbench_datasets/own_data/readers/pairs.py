"""`pairs:FILE.tsv`: pairs for translation, one on each line: the source, a tab, its translation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genbench import DatasetCard
from genbench.errors import DataError
from genbench_datasets.own_data.located import BadFile
from genbench_datasets.own_data.memory import need_memory
from genbench_datasets.own_data.own_data import OwnData, integer_type
from genbench_datasets.own_data.reader import Reader
from genbench_datasets.own_data.readers.characters import one_line_end
from genbench_datasets.own_data.request import Request
from genbench_datasets.own_data.splitting import by_content

if TYPE_CHECKING:
    from genbench import Dataset

_END = "∎"
_MAX_STEPS = 512
"""Symbols of the longest source or target; one long line would make all pairs as long."""
_BYTES_PER_BYTE = 24


def card(argument: str) -> DatasetCard:
    """The card of the pairs that `argument` names. Raises DataError, UsageError."""
    return READER.card(argument)


def dataset(argument: str) -> Dataset:
    """The data set of a card's `argument`, for the worker. Raises DataError."""
    return READER.dataset(argument)


def _read(request: Request, files: Sequence[Path]) -> OwnData:
    (path,) = files
    in_words = request.choice("symbols", ("characters", "words")) == "words"
    size = path.stat().st_size
    need_memory(_BYTES_PER_BYTE * size, f"{path}: pairs of {size / 1e9:,.1f} GB take")
    try:
        text = one_line_end(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadFile(path, f"not UTF-8 at byte {error.start}: {error.object[error.start]:#04x}") from None
    pairs = [_pair(line, number, path) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not pairs:
        raise BadFile(path, "no pairs: expected a source, a tab and a translation on each line")
    sides = [[_symbols(pair[side], in_words) for pair in pairs] for side in (0, 1)]
    known = sorted({symbol for side in sides for symbols in side for symbol in symbols})
    if _END in known or f"{_END} " in known:
        raise BadFile(path, f"contains {_END}, which stands for the end of a text here")
    codes = {symbol: code for code, symbol in enumerate(known, 1)}
    levels = len(known) + 1
    longest = [_longest(side, path) for side in sides]
    x = np.zeros((len(pairs), sum(longest)), integer_type(levels))
    for row, (source, target) in enumerate(zip(*sides, strict=True)):
        x[row, : len(source)] = [codes[symbol] for symbol in source]
        x[row, longest[0] : longest[0] + len(target)] = [codes[symbol] for symbol in target]
    what = "words" if in_words else "characters"
    return OwnData(
        "tokens",
        x,
        by_content(x),
        f"{len(pairs):,} pairs of up to {longest[0]} and {longest[1]} {what}, {len(known):,} different ones",
        levels,
        alphabet=(f"{_END} " if in_words else _END, *known),
        source_steps=longest[0],
        step="word" if in_words else "character",
    )


def _pair(line: str, number: int, path: Path) -> tuple[str, str]:
    parts = [part.strip() for part in line.split("\t")]
    if len(parts) != 2:
        raise BadFile(
            path,
            f"line {number} has {len(parts)} field{'s' * (len(parts) != 1)}, expected 2: a source, a tab and its"
            " translation",
        )
    for what, part in zip(("source", "translation"), parts, strict=True):
        if not part:
            raise BadFile(path, f"line {number}: the {what} is empty")
    return parts[0], parts[1]


def _symbols(text: str, in_words: bool) -> list[str]:
    return [f"{word} " for word in text.split()] if in_words else list(text)


def _longest(side: Sequence[Sequence[str]], path: Path) -> int:
    longest = max(map(len, side))
    if longest > _MAX_STEPS:
        at = next(number for number, symbols in enumerate(side, 1) if len(symbols) == longest)
        raise DataError(
            f"{path}: pair {at} has {longest:,} symbols on one side, at most {_MAX_STEPS} are taken; symbols=words"
            " makes sequences shorter"
        )
    return longest


READER = Reader("pairs", __name__, {"symbols": "characters"}, lambda request: [request.file()], _read)
