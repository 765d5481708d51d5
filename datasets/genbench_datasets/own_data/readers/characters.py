"""Texts as windows of characters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Integer

from genbench.errors import DataError
from genbench_datasets.own_data.own_data import OwnData, integer_type
from genbench_datasets.own_data.splitting import MIN_EXAMPLES_IN_ORDER, as_published, in_order

WINDOW = "256"
"""The default of the option `window`."""


def one_line_end(text: str) -> str:
    """The text with LF alone at the end of each line, whichever system it was written on."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def text_windows(texts: Mapping[str, str], width: int) -> OwnData:
    """One text, of whatever name, is shared out in order; several are splits as they came: "train" and others.

    Codes are the characters' places in the sorted order of all characters of all texts. Windows of `width` do not
    overlap, and what is left over is dropped. Line ends are LF, whatever they were. Raises DataError.
    """
    texts = {name: one_line_end(text) for name, text in texts.items()}
    if len(texts) == 1:
        (text,) = texts.values()
        _need_length(text, width)
    points = [np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32) for text in texts.values()]
    known, codes = np.unique(np.concatenate(points), return_inverse=True)
    if len(known) < 2:
        raise DataError(
            f"one character, {chr(known[0])!r}, again and again" if len(known) else "no characters"
        )
    ends = np.cumsum([len(each) for each in points])[:-1]
    windows = [_windows(part, width) for part in np.split(codes.astype(integer_type(len(known))), ends)]
    x = np.concatenate(windows)
    if len(texts) == 1:
        parts = in_order(len(x))
    else:
        starts = np.cumsum([0, *(len(each) for each in windows)])
        indices = {
            name: np.arange(start, start + len(each))
            for name, start, each in zip(texts, starts, windows, strict=False)
        }
        parts = as_published(x, indices, ordered=True)
    about = (
        f"{len(codes):,} characters, {len(known):,} different ones, in windows of {width} that do not overlap"
    )
    # texts are as far apart as windows that have nothing to do with each other
    texts_of_windows = np.repeat(np.arange(len(windows)), [len(each) for each in windows])
    begins = (np.arange(len(x)) + 4 * texts_of_windows) * width
    alphabet = tuple(map(chr, known))
    if any(
        "\ud800" <= symbol <= "\udfff" for symbol in alphabet
    ):  # halves of characters, which no record can hold
        return OwnData("tokens", x, parts, about, len(known), starts=begins)
    return OwnData("tokens", x, parts, about, len(known), starts=begins, alphabet=alphabet)


def _windows(codes: Integer[np.ndarray, " length"], width: int) -> Integer[np.ndarray, "count width"]:
    return codes[: len(codes) // width * width].reshape(-1, width)


def _need_length(text: str, width: int) -> None:
    if len(text) < MIN_EXAMPLES_IN_ORDER * width:
        shorter = (
            f", or a shorter window, window={len(text) // MIN_EXAMPLES_IN_ORDER}"
            if len(text) >= 2 * MIN_EXAMPLES_IN_ORDER
            else ""
        )
        raise DataError(
            f"{len(text):,} characters; {MIN_EXAMPLES_IN_ORDER} windows of {width} take"
            f" {MIN_EXAMPLES_IN_ORDER * width:,}{shorter}"
        )
