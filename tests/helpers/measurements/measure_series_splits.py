"""Under which splits can a short series rank models? The table of docs/decisions/0034.

    PYTHONPATH=tests/helpers python tests/helpers/measurements/measure_series_splits.py

For each layout of eras, held-out windows, marginals and an autoregression fitted to the training windows are compared
with the test windows, by four figures. The table has differences in standard errors: marginals less held-out windows,
which should exceed 2, and held-out windows less the autoregression, which should not. All random numbers have a fixed
seed.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from torch import Generator, Tensor

from genbench import DataSpec, Split
from genbench.datasets import fetch
from genbench.metrics.frechet import frechet_distance_with_error
from genbench.metrics.numerics.feature_arrays import Estimate
from genbench.metrics.series import autocorrelation_difference_with_error
from genbench.metrics.sliced_wasserstein import sliced_wasserstein_with_error
from genbench.metrics.train_on_samples import train_on_samples_log_prob
from genbench.util.mean_errors import mean_error, separate_windows
from genbench_datasets.embedded.growth import monthly_growth
from genbench_datasets.published.files import TIMEGAN_STOCKS
from genbench_datasets.published.stock_returns import daily_returns
from genbench_datasets.published.stocks import read_prices
from genbench_datasets.windows import windows_split

Blocks = list[tuple[int, int]]


def series_of(name: str) -> Tensor:
    """(time, channels)."""
    from statsmodels.datasets import elnino, sunspots

    if name == "sunspots":
        values = sunspots.load_pandas().data[["SUNACTIVITY"]].to_numpy()
    elif name == "elnino":
        values = elnino.load_pandas().data.drop(columns="YEAR").to_numpy().reshape(-1, 1)
    elif name == "co2-growth":
        values = monthly_growth()[:, None]
    else:
        values = read_prices(fetch(*TIMEGAN_STOCKS))
        low, high = values.min(0), values.max(0)
        values = (values - low) / (high - low) if name == "timegan-stocks" else daily_returns(values)
    return torch.from_numpy(values.astype(np.float32))


def chronological(length: int) -> tuple[Blocks, Blocks, Blocks]:
    """60/20/20, as the sets were cut before."""
    to_train, to_valid = length * 3 // 5, length * 4 // 5
    return [(0, to_train)], [(to_train, to_valid)], [(to_valid, length)]


def eras(length: int, train: int, held_out: int, gap: int, order: str) -> tuple[Blocks, Blocks, Blocks]:
    """Eras in turn, in the order of the letters t, v and e, with a gap after each."""
    found: dict[str, Blocks] = {"t": [], "v": [], "e": []}
    begin, turn = 0, 0
    while begin < length:
        letter = order[turn % 3]
        steps = train if letter == "t" else held_out
        found[letter].append((begin, min(begin + steps, length)))
        begin, turn = begin + steps + gap, turn + 1
    return found["t"], found["v"], found["e"]


def autoregression(x: Tensor, order: int, count: int, generator: Generator) -> Tensor:
    """(count, steps, channels): windows of a vector autoregression that is fitted to the windows x (N, steps, channels)
    by least squares."""
    mean, (_, steps, channels) = x.double().mean((0, 1)), x.shape
    z = x.double() - mean
    past = torch.cat([z[:, t - order : t].flip(1).flatten(1) for t in range(order, steps)])
    now = z[:, order:].transpose(0, 1).reshape(-1, channels)
    weights = torch.linalg.lstsq(past, now, driver="gelsd").solution
    noise = now - past @ weights
    drawn = list(z[torch.randint(len(z), (count,), generator=generator), :order].unbind(1))
    for _ in range(order, steps):
        step = torch.stack(drawn[: -order - 1 : -1], 1).flatten(1) @ weights
        drawn.append(step + noise[torch.randint(len(noise), (count,), generator=generator)])
    return (torch.stack(drawn, 1) + mean).float()


def measure(name: str, length: int, blocks: tuple[Blocks, Blocks, Blocks], layout: str) -> None:
    series = series_of(name)
    spec = DataSpec(name=name, modality="series", event_shape=(length, series.shape[1]))
    train, valid, test = (windows_split(spec, series, each) for each in blocks)
    count = min(len(valid), len(test))
    valid, test = (split.random_subset(count, 1) for split in (valid, test))
    generator = Generator().manual_seed(0)
    known = train.x
    drawn = {
        "held-out": valid,
        "marginals": torch.stack(
            [known[torch.randint(len(known), (count,), generator=generator), t] for t in range(length)], 1
        ),
        "autoregression": autoregression(
            known, min(9 if series.shape[1] == 1 else 2, length - 2), count, generator
        ),
    }
    assert test.windows is not None
    cells = [
        f"{name}, {layout}",
        f"{len(train)}/{len(valid)}/{len(test)}",
        f"{separate_windows(test.windows):.1f}",
    ]
    rows = {model: _figures(each, train, test, spec) for model, each in drawn.items()}
    for figure in ("frechet", "sliced", "autocorrelation", "train on samples"):
        found = [rows[model][figure] for model in ("marginals", "held-out", "autoregression")]
        cells.append(" / ".join(f"{_apart(*pair):.1f}" for pair in pairwise(found)))
    print(f"| {' | '.join(cells)} |", flush=True)


def _figures(drawn: Split | Tensor, train: Split, test: Split, spec: DataSpec) -> dict[str, Estimate]:
    windows = drawn.windows if isinstance(drawn, Split) else None
    x = drawn.x if isinstance(drawn, Split) else drawn
    flat, real = x.flatten(1), test.x.flatten(1)
    nll = -train_on_samples_log_prob(x, test.x, train.x, spec)
    error = mean_error(nll, test.windows)
    return {
        "frechet": frechet_distance_with_error(flat, real, test.windows, windows),
        "sliced": sliced_wasserstein_with_error(
            flat, real, Generator().manual_seed(0), 64, test.windows, windows
        ),
        "autocorrelation": autocorrelation_difference_with_error(x, test.x, test.windows, windows),
        "train on samples": Estimate(nll.mean(), torch.tensor(error.stderr)),
    }


def _apart(worse: Estimate, better: Estimate) -> float:
    return float(worse.value - better.value) / math.hypot(float(worse.stderr), float(better.stderr))


def main() -> None:
    figures = "Fréchet | sliced W | autocorrelation | train on samples"
    print(
        f"| series and layout | train/valid/test | windows side by side | {figures} |\n|---|---|---|---|---|---|---|"
    )
    years, months = 309, 732
    measure("sunspots", 16, chronological(years), "windows of 16, 60/20/20")
    for length, train, held_out in ((8, 33, 22), (8, 44, 33), (11, 33, 22), (11, 44, 33)):
        for order in ("tve", "vte", "tev"):
            layout = f"windows of {length}, eras of {train} and {held_out}, {order}"
            measure("sunspots", length, eras(years, train, held_out, length, order), layout)
    measure("elnino", 24, chronological(months), "windows of 24, 60/20/20")
    for length, train, held_out in ((24, 84, 60), (24, 120, 72), (12, 72, 36)):
        for order in ("tve", "vte", "evt"):
            layout = f"windows of {length}, eras of {train} and {held_out}, {order}"
            measure("elnino", length, eras(months, train, held_out, length, order), layout)
    months = len(series_of("co2-growth"))
    measure("co2-growth", 24, chronological(months), "windows of 24, 60/20/20")
    for length, train, held_out in ((24, 60, 36), (24, 84, 48), (12, 60, 36)):
        for order in ("tve", "vte", "evt"):
            layout = f"windows of {length}, eras of {train} and {held_out}, {order}"
            measure("co2-growth", length, eras(months, train, held_out, length, order), layout)
    for name in ("timegan-stocks", "timegan-stocks-returns"):
        days = len(series_of(name))
        measure(name, 24, eras(days, 96 * 3, 96, 0, "tve"), "windows of 24, eras of 288 and 96, no gap")
        for train, held_out in ((96 * 3, 96), (240, 120), (480, 240)):
            for order in ("tve", "vte", "evt"):
                layout = f"windows of 24, eras of {train} and {held_out}, {order}"
                measure(name, 24, eras(days, train, held_out, 24, order), layout)


if __name__ == "__main__":
    main()
