"""Carbon dioxide over Mauna Loa: how much it grows from one month to the next.

Concentrations rise, so that every later window of them is new to a model. What they grow by in a month has a cycle of a
year and hardly any trend, and its windows can be compared.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from statsmodels.datasets import co2 as source

from genbench import Dataset, DataSpec
from genbench_datasets.embedded.series import eras_dataset

FIRST_MONTH = "1964-05"
"""The months before it have gaps."""


def co2_growth() -> Dataset:
    """Windows (12, 1) of the growth in parts per million, one a month."""
    spec = DataSpec(name="co2-growth", modality="series", event_shape=(12, 1))
    return eras_dataset(spec, monthly_growth(), train=60, held_out=36)


def monthly_growth() -> Float[np.ndarray, " months"]:
    """The mean of the weeks of each month, less that of the month before, from June 1964 to December 2001."""
    weeks = source.load_pandas().data["co2"]
    months = weeks[FIRST_MONTH:].resample("MS").mean().to_numpy()
    return np.diff(months)
