"""Real time series, cut into windows."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from statsmodels.datasets import elnino as elnino_source
from statsmodels.datasets import sunspots as sunspots_source

from genbench import Dataset, DataSpec
from genbench_datasets.windows import windows_split


def sunspots() -> Dataset:
    """Windows (16, 1) of sunspot numbers, one a year."""
    table = sunspots_source.load_pandas().data
    spec = DataSpec(name="sunspots", modality="series", event_shape=(16, 1))
    return windows_dataset(spec, table["SUNACTIVITY"].to_numpy())


def elnino() -> Dataset:
    """Windows (24, 1) of temperatures in degrees Celsius, one a month."""
    table = elnino_source.load_pandas().data
    by_month = table.drop(columns="YEAR").to_numpy()  # (years, 12)
    spec = DataSpec(name="elnino", modality="series", event_shape=(24, 1))
    return eras_dataset(spec, by_month.reshape(-1), train=120, held_out=72)


def windows_dataset(spec: DataSpec, values: Float[np.ndarray, " time"]) -> Dataset:
    """Cut the series in time, 60/20/20, then take every window of each part: no window spans two splits."""
    to_train, to_valid, end = len(values) * 3 // 5, len(values) * 4 // 5, len(values)
    return _dataset(spec, values, [(0, to_train)], [(to_train, to_valid)], [(to_valid, end)])


def eras_dataset(spec: DataSpec, values: Float[np.ndarray, " time"], *, train: int, held_out: int) -> Dataset:
    """Blocks of `train` steps to train, `held_out` to validate and `held_out` to test, in turn until the series ends.
    The steps of one window are left out after each block, and every window within a block is taken."""
    gap, _ = spec.event_shape
    turns: tuple[list[tuple[int, int]], ...] = ([], [], [])
    begin, number = 0, 0
    while begin < len(values):
        length = train if number % 3 == 0 else held_out
        turns[number % 3].append((begin, min(begin + length, len(values))))
        begin, number = begin + length + gap, number + 1
    return _dataset(spec, values, *turns)


def _dataset(spec: DataSpec, values: Float[np.ndarray, " time"], *blocks: list[tuple[int, int]]) -> Dataset:
    series = torch.from_numpy(values.astype(np.float32))[:, None]
    train, valid, test = (windows_split(spec, series, of_split) for of_split in blocks)
    return Dataset(spec, train, valid, test)
