"""Checks of numbers before models are given them: finite, within their levels, no constant columns where there is a
density.

Each kind of file describes for itself where a number is; what is wrong with it is described here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool

from genbench_datasets.own_data.located import LocatedError
from genbench_datasets.own_data.own_data import Array, integer_type

Place = Callable[[tuple[int, ...]], str]
"""From the index of an entry to where it is and what stands there: "a.csv: line 3, column 'x': '1e99'"."""


def real_values(array: Array, place: Place) -> Array:
    """float32. Raises LocatedError."""
    if array.dtype.kind == "f":  # for integers the mask would only take memory
        refuse(~np.isfinite(array), place, "is no finite number")
    with np.errstate(over="ignore"):
        x = np.asarray(array, np.float32)
    refuse(~np.isfinite(x), place, "is beyond what 32 bits hold")
    return x


def whole_values(array: Array, levels: int, place: Place) -> Array:
    """Integers 0..levels-1 in the storage dtype. Raises LocatedError."""
    if array.dtype.kind == "f":
        refuse(~(np.floor(array) == array), place, f"is no whole number 0..{levels - 1}")
    # a mask is as large as the array, and mostly not needed
    if array.dtype.kind != "b" and array.size and (array.min() < 0 or array.max() >= levels):
        refuse((array < 0) | (array >= levels), place, f"is outside 0..{levels - 1}")
    return array.astype(integer_type(levels), copy=False)


def refuse(broken: Bool[np.ndarray, "..."], place: Place, why: str) -> None:
    """Raise LocatedError that names the first entry that is broken, and says how many more there are."""
    if broken.any():
        first = tuple(int(index) for index in np.unravel_index(int(broken.argmax()), broken.shape))
        more = int(broken.sum()) - 1
        raise LocatedError(f"{place(first)} {why}" + (f" (and {more} more)" if more else ""))


def refuse_constant_columns(x: Array, names: Sequence[str], where: str, remedy: str) -> None:
    """Raise LocatedError where a column of points (N, D) has one value only: no density, and no likelihood."""
    constant = [names[int(index)] for index in np.flatnonzero((x == x[:1]).all(0))] if len(x) > 1 else []
    if constant:
        shown = ", ".join(constant[:8]) + ", ..." * (len(constant) > 8)
        raise LocatedError(
            f"{where}: constant column{'s' * (len(constant) > 1)} {shown}: there is no density; {remedy}, or say"
            " levels=K if all values are integers 0..K-1"
        )
