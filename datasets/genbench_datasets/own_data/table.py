"""`csv:PATH`: a table with a header, a row an example."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genbench import DatasetCard
from genbench.errors import DataError, UnknownNameError
from genbench_datasets.own_data.examples import Examples, make_card, make_dataset, read_options

if TYPE_CHECKING:
    import pandas as pd

    from genbench.data import Dataset

_OPTIONS = {"columns": "", "label": ""}


def card(argument: str) -> DatasetCard:
    """Of the table that `argument` names. Raises DataError."""
    path, options = read_options(argument, _OPTIONS)
    return make_card("csv", argument, read_table(path, **options), [path], __name__)


def dataset(argument: str) -> Dataset:
    """The same, for the worker."""
    path, options = read_options(argument, _OPTIONS)
    return make_dataset("csv", argument, read_table(path, **options))


def read_table(path: Path, columns: str = "", label: str = "") -> Examples:
    """columns: their names with commas; all but `label` where empty. label: the column of classes, or none.

    Raises DataError that names the row (counted from 1 after the header) and the column of a bad cell.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skip_blank_lines=True)
    except (ValueError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {' '.join(str(error).split())}") from None
    wanted = [name for name in columns.split(",") if name] or [
        name for name in table.columns if name != label
    ]
    for name in [*wanted, *([label] if label else [])]:
        if name not in table.columns:
            raise UnknownNameError(f"column of {path.name}", name, table.columns)
    x = np.stack([_numbers(table[name], path) for name in wanted], axis=1).astype(np.float32)
    if not label:
        return Examples("points", x)
    names, y = np.unique(table[label].to_numpy(str), return_inverse=True)
    return Examples("points", x, y=y, classes=tuple(names))


def _numbers(column: pd.Series, path: Path) -> np.ndarray:
    import pandas as pd

    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    broken = np.flatnonzero(~np.isfinite(values))
    if len(broken):
        row = int(broken[0])
        cell = str(column.iloc[row])
        what = f"{cell!r} is not a finite number" if cell.strip() else "is missing"
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        raise DataError(f"{path}: row {row + 1}, column {column.name!r}: {what}{more}")
    return values
