"""TimeGAN's daily stock prices as returns: each day by the day before it.

Prices wander, and a window of them says little beyond where they are. Returns are nearly free of each other in time;
what is left to learn is how open, high, low, close and volume of one day belong together, how heavy the tails are, and
that calm and restless times come in clusters.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from genbench import Dataset, DataSpec
from genbench.datasets import fetch
from genbench_datasets.published.files import TIMEGAN_STOCKS
from genbench_datasets.published.stocks import blocks_dataset, read_prices


def timegan_stocks_returns() -> Dataset:
    """Windows (24, 5), in per cent."""
    (file,) = TIMEGAN_STOCKS
    spec = DataSpec(name="timegan-stocks-returns", modality="series", event_shape=(24, 5))
    return blocks_dataset(spec, daily_returns(read_prices(fetch(file))))


def daily_returns(values: Float[np.ndarray, "days 6"]) -> Float[np.ndarray, "later_days 5"]:
    """From the second day on, 100 times the logarithm of open, high, low and close over the close of the day before,
    and of volume over that of the day before. The adjusted close is left out, since it equals the close."""
    prices, volume = np.log(values[:, :4]), np.log(values[:, 5])
    of_prices = prices[1:] - prices[:-1, 3:]
    return 100 * np.concatenate([of_prices, np.diff(volume)[:, None]], 1)
