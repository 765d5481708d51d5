"""Columns of numbers as the 32-bit floats that models are given.

A 32-bit float has 24 bits: seconds since 1970, which need 31, lose the last seven, and fifty seconds in a row become
one value. Every column is looked at for values that were different and no longer are. Where rounding is coarse beside
the spread of a column, the density of the data would be that of the rounding, and the column is refused; otherwise the
number of the values that were lost is written on the card.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Shaped

from genbench.errors import UsageError
from genbench_datasets.own_data.located import LocatedError
from genbench_datasets.own_data.own_data import Array, listed
from genbench_datasets.own_data.request import Request
from genbench_datasets.own_data.values import Place, real_values, refuse, refuse_constant_columns

OPTION = {"standardise": "no"}
"""The option and its default, for readers of columns."""
_COARSE = 1e-3
"""The spacing of 32-bit floats, in standard deviations of a column, from which the column is refused."""

Column = Shaped[np.ndarray, " rows"]


@dataclass(frozen=True)
class RealColumns:
    """Points whose coordinates are columns."""

    x: Float32[np.ndarray, "rows columns"]
    """What models are given."""
    words: str
    """For the card: whether columns were standardised, and how many values were lost; empty for neither."""


def real_columns(
    columns: Sequence[Column], names: Sequence[str], place: Place, where: str, remedy: str, request: Request
) -> RealColumns:
    """Columns of any numeric type, as 32-bit floats.

    names: of the columns. where: what the table is called. remedy: how columns are left out, for errors. Raises
    LocatedError where a value is not finite, a column is constant, or its differences are beyond 32-bit floats.
    """
    standardise = is_standardised(request)
    exact = [_exact(column) for column in columns]
    with np.errstate(invalid="ignore", over="ignore"):  # NaN of other bits, and numbers beyond 64-bit floats
        values = np.stack([column.astype(np.float64) for column in exact], axis=1)
    refuse(~np.isfinite(values), place, "is no finite number")
    if standardise and len(values):
        _refuse_constants(exact, names, where, remedy)
        with np.errstate(over="ignore", invalid="ignore"):
            x = np.stack([_standardised(column) for column in exact], axis=1).astype(np.float32)
        refuse(~np.isfinite(x), place, "is too far from the others")
        return RealColumns(x, "; each column standardised: less its mean, by its standard deviation")
    x = real_values(values, place)
    lost = [_values_lost(column, x[:, index]) for index, column in enumerate(exact)]
    for index, column in enumerate(exact):
        if lost[index] and _is_coarse(column, x[:, index]):
            raise LocatedError(
                f"{where}: column {names[index]}: {_too_coarse(column, lost[index])}; standardise=yes subtracts the"
                " mean first"
            )
    refuse_constant_columns(x, list(names), where, remedy)
    return RealColumns(x, _lost_words(names, lost))


def refuse_coarse(array: Array, x: Array, where: str) -> None:
    """Raise LocatedError where an array of examples that are no points has differences beyond 32-bit floats. x: its
    values as 32-bit floats."""
    values, rounded = array.reshape(-1), x.reshape(-1)
    if _is_coarse(values, rounded) and (lost := _values_lost(values, rounded)):
        raise LocatedError(f"{where}: {_too_coarse(values, lost)}; subtract their mean first")


def _too_coarse(values: Column, lost: int) -> str:
    different = _different(values)
    return (
        f"32-bit floats, which models are given, hold {different - lost:,} of {different:,} different values"
        f" ({lost:,} lost), because they are large beside their differences"
    )


def is_standardised(request: Request) -> bool:
    """Raises UnknownNameError, and UsageError where values are levels."""
    standardise = request.choice("standardise", ("no", "yes")) == "yes"
    if standardise and request.text("levels"):
        raise UsageError(
            f"{request.name}: standardise=yes is for real values; levels=K says that there are none"
        )
    return standardise


def _exact(column: Column) -> Column:
    return column.astype(np.uint8) if column.dtype.kind == "b" else column


def _refuse_constants(columns: Sequence[Column], names: Sequence[str], where: str, remedy: str) -> None:
    for name, column in zip(names, columns, strict=True):
        refuse_constant_columns(column[:, None], [name], where, remedy)


def _standardised(column: Column) -> Float64[np.ndarray, " rows"]:
    """Mean 0 and standard deviation 1."""
    values = _from_first(column)
    values = values - values.mean()
    return np.asarray(values / values.std())


def _from_first(column: Column) -> Float64[np.ndarray, " rows"]:
    """The differences from the first value: a mean of large numbers would be rounded to their precision."""
    if _is_beyond_float64(column):
        return np.asarray((column.astype(object) - int(column[0])).astype(np.float64))
    values = column.astype(np.float64)
    return np.asarray(values - values[0])


def _is_beyond_float64(column: Column) -> bool:
    """Whether there are whole numbers that 64-bit floats round."""
    return column.dtype.kind in "iu" and max(int(column.max()), -int(column.min())) > 2**53


def _different(column: Column) -> int:
    return len(np.unique(column))


def _values_lost(column: Column, rounded: Float32[np.ndarray, " rows"]) -> int:
    """How many of the different values of a column have become equal to another."""
    if not _is_beyond_float64(column) and np.array_equal(column, rounded):
        return 0
    # rounding keeps the order
    ordered = np.sort(column)
    separate = ordered[1:] != ordered[:-1]
    coarse = ordered.astype(np.float32)
    return int(separate.sum() - (coarse[1:] != coarse[:-1]).sum())


def _is_coarse(column: Column, rounded: Float32[np.ndarray, " rows"]) -> bool:
    return float(np.spacing(np.abs(rounded).max())) > _COARSE * float(_from_first(column).std())


def _lost_words(names: Sequence[str], lost: Sequence[int]) -> str:
    if not any(lost):
        return ""
    losing = [f"{count:,} of {name}" for name, count in zip(names, lost, strict=True) if count]
    return f"; different values that are equal as 32-bit floats: {listed(losing)}"
