"""One series, shared out to splits by eras that take turns (docs/decisions/0034)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Int

from genbench.errors import DataError

_TRAIN, _HELD_OUT = 5, 3
"""The lengths of eras: those to train to those to validate or test, the ratio that El Niño has."""
_PARTS = _TRAIN + 2 * _HELD_OUT
Block = tuple[int, int]
"""The time step at which an era begins, and the one before which it ends."""


def era_lengths(steps: int, window: int) -> tuple[int, int, int]:
    """The lengths in steps of the eras of each split: train, valid, test.

    A turn is one era of each, with a window left out after each. There are as many turns as have at least five windows
    to train on, and at least one; they fill the series. Raises DataError where an era has fewer than two windows.
    """
    gaps = 3 * window
    turns = max(1, (steps + window) // (_PARTS * window + gaps))
    usable = (steps + window) // turns - gaps
    held_out = usable * _HELD_OUT // _PARTS
    if held_out <= window:
        # the least length for this window, and the longest window for this length: (steps - 2 w) 3 / 11 >= w + 1
        least = 2 * window - (-_PARTS * (window + 1) // _HELD_OUT)
        longest = (_HELD_OUT * steps - _PARTS) // (2 * _HELD_OUT + _PARTS)
        remedy = f", or a shorter window, window={longest}" if longest >= 2 else ""
        what = "a series shorter than its window" if steps < window else "too few to split"
        raise DataError(f"{steps:,} steps, {what}: windows of {window} take {least:,}{remedy}")
    return usable - 2 * held_out, held_out, held_out


def eras(steps: int, lengths: Sequence[int], gap: int, part: int) -> list[Block]:
    """The eras of one split. part: 0 train, 1 valid, 2 test. What is left over at the end is an era as well."""
    blocks, begin, number = [], 0, 0
    while begin < steps:
        end = min(begin + lengths[number % 3], steps)
        if number % 3 == part:
            blocks.append((begin, end))
        begin, number = end + gap, number + 1
    return blocks


def era_windows(
    series: Float32[np.ndarray, "time channels"], blocks: Sequence[Block], window: int
) -> tuple[Float32[np.ndarray, "count window channels"], Int[np.ndarray, " count"]]:
    """Every window that lies within an era, in the order of time, and the step at which each begins."""
    starts = np.concatenate([np.arange(begin, end - window + 1) for begin, end in blocks])
    return series[starts[:, None] + np.arange(window)], starts
