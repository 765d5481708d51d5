"""TimeGAN's daily stock prices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from genbench import Dataset, DataSpec, Split
from genbench.datasets import fetch
from genbench.errors import DataError
from genbench_datasets.published.files import TIMEGAN_STOCKS
from genbench_datasets.published.specs import SPECS

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
    steps, _ = spec.event_shape
    series = torch.from_numpy(values.astype(np.float32))
    windows: dict[str, list[torch.Tensor]] = {name: [] for name in _TURNS}
    for number, block in enumerate(series.split(_BLOCK_DAYS)):
        if len(block) >= steps:
            windows[_TURNS[number % len(_TURNS)]].append(block.unfold(0, steps, 1).transpose(1, 2))
    train, valid, test = (
        Split(spec, torch.cat(windows[name]).contiguous()) for name in ("train", "valid", "test")
    )
    return Dataset(spec, train, valid, test)
