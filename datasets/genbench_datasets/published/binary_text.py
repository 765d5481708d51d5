"""Text files of binary examples, one per line: "0" or "1" between separators of one character."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from genbench.errors import DataError

_ZERO = ord("0")


def read_binary_text(path: Path, width: int, separator: str) -> UInt8[np.ndarray, "count width"]:
    """All lines are equally long, so the text is a matrix of bytes: nothing is parsed. Raises DataError.

    width: values per line.
    """
    content = np.fromfile(path, np.uint8)
    if len(content) and content[-1] != ord("\n"):
        content = np.append(content, np.uint8(ord("\n")))
    length = 2 * width
    if len(content) == 0 or len(content) % length:
        raise DataError(f"{path}: {len(content)} bytes are no whole number of lines of {width} values")
    lines = content.reshape(-1, length)
    values = lines[:, ::2] - np.uint8(_ZERO)  # what is below "0" wraps round to more than 1
    between, ends = lines[:, 1:-1:2], lines[:, -1]
    wrong = (values > 1).any(1) | (between != ord(separator)).any(1) | (ends != ord("\n"))
    if wrong.any():
        raise DataError(
            f"{path}: line {int(wrong.argmax()) + 1} is not {width} of 0 or 1 separated by {separator!r}"
        )
    return values
