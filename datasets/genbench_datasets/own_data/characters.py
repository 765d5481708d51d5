"""Texts as codes of characters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Integer

from genbench_datasets.own_data.own_data import integer_type

DEFAULT_WINDOW = "256"

Codes = Integer[np.ndarray, " length"]


def character_codes(texts: Sequence[str]) -> tuple[list[Codes], int]:
    """The codes of each text, places in the sorted order of all their characters; and how many those are."""
    points = [np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32) for text in texts]
    known, codes = np.unique(np.concatenate(points), return_inverse=True)
    ends = np.cumsum([len(each) for each in points])[:-1]
    return np.split(codes.astype(integer_type(len(known))), ends), len(known)


def windows_of(codes: Codes, width: int) -> Integer[np.ndarray, "count width"]:
    """Windows that do not overlap; what is left over is dropped."""
    return codes[: len(codes) // width * width].reshape(-1, width)
