"""Real time series, cut into windows."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from statsmodels.datasets import elnino as elnino_source
from statsmodels.datasets import sunspots as sunspots_source

from genbench import Dataset, DataSpec, Split


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
    return windows_dataset(spec, by_month.reshape(-1))


def windows_dataset(spec: DataSpec, values: Float[np.ndarray, " time"]) -> Dataset:
    """Cut the series in time, 60/20/20, then take every window of each part: no window spans two splits."""
    series = torch.from_numpy(values.astype(np.float32))
    to_train, to_valid = len(series) * 3 // 5, len(series) * 4 // 5
    parts = series[:to_train], series[to_train:to_valid], series[to_valid:]
    steps, _ = spec.event_shape
    train, valid, test = (Split(spec, part.unfold(0, steps, 1).unsqueeze(-1).contiguous()) for part in parts)
    return Dataset(spec, train, valid, test)
