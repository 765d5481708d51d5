"""TimeGAN's daily stock prices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from genbench import Dataset, DataSpec
from genbench.datasets import fetch
from genbench.errors import DataError
from genbench_datasets.published.files import TIMEGAN_STOCKS
from genbench_datasets.published.specs import SPECS
from genbench_datasets.windows import windows_split

_BLOCK_DAYS = 96
_TURNS = ("train", "train", "train", "valid", "test")


def timegan_stocks() -> Dataset:
    """Windows (24, 6), each variable scaled to [0, 1]."""
    (file,) = TIMEGAN_STOCKS
    values = read_prices(fetch(file))
    low, high = values.min(0), values.max(0)
    return blocks_dataset(SPECS["timegan-stocks"], (values - low) / (high - low))


def read_prices(path: Path) -> Float[np.ndarray, "days 6"]:
    """A header, then six numbers a line. Raises DataError."""
    try:
        values = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
    if values.shape[1] != 6:
        raise DataError(f"{path}: {values.shape[1]} columns, expected 6")
    return values


def blocks_dataset(spec: DataSpec, values: Float[np.ndarray, "time variables"]) -> Dataset:
    """Blocks of time go to the splits in turn; every window that lies within a block is taken."""
    series = torch.from_numpy(values.astype(np.float32))
    blocks: dict[str, list[tuple[int, int]]] = {name: [] for name in _TURNS}
    for number, begin in enumerate(range(0, len(series), _BLOCK_DAYS)):
        blocks[_TURNS[number % len(_TURNS)]].append((begin, min(begin + _BLOCK_DAYS, len(series))))
    train, valid, test = (windows_split(spec, series, blocks[name]) for name in ("train", "valid", "test"))
    return Dataset(spec, train, valid, test)
