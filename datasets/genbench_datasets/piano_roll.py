"""Piano rolls, (time, 88) of 0 and 1 with a column per key from A0 to C8, and windows of them. No torch here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, UInt8

LOWEST_KEY, KEYS = 21, 88
"""MIDI's number of A0; how many keys a piano has."""

Roll = UInt8[np.ndarray, "_ 88"]
Windows = UInt8[np.ndarray, "_ _ 88"]


def windows_of(roll: Roll, steps: int) -> Windows:
    """(count, steps, 88): windows that do not overlap; what is left over is dropped."""
    return roll[: len(roll) // steps * steps].reshape(-1, steps, roll.shape[1])


def starts_in_pieces(counts: Sequence[int], steps: int) -> Int[np.ndarray, " count"]:
    """Where windows of `steps` begin, (count,), if all pieces were played one after the other, with a pause of four
    windows between them. counts: windows of each piece."""
    pieces = np.repeat(np.arange(len(counts)), counts)
    starts: Int[np.ndarray, " count"] = (np.arange(len(pieces)) + 4 * pieces) * steps
    return starts
