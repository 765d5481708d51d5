"""Series as numbers for a chart: a few of them, their autocorrelation and their spectrum. Only the first channel."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from genbench.metrics.series import autocorrelation
from genbench_reports.format.numbers import rounded

_MAX_LINES, _MAX_VALUES = 8, 512
_ORDER_SEED = 0


def series_numbers(x: Shaped[Tensor, "n time channels"]) -> dict[str, Any]:
    """Returns "lines", the first series; "autocorrelation" at lags from 1 to half the length; and "spectrum"."""
    first = x[:, :, :1].double()
    lags = max(1, first.shape[1] // 2)
    found = {"lines": [_numbers(line[:_MAX_VALUES]) for line in first[:_MAX_LINES, :, 0]]}
    if first.shape[1] > 1:
        found["autocorrelation"] = [_numbers(autocorrelation(first, lags)[:_MAX_VALUES, 0])]
        found["spectrum"] = [_numbers(spectrum(first[:, :, 0])[:_MAX_VALUES])]
    return found


def spectrum(x: Float[Tensor, "n time"]) -> Float[np.ndarray, " frequencies"]:
    """Mean periodogram |rfft|²/T of the deviations from the mean over all series and times, at 1/T, 2/T, ... cycles
    per step. Its sum over positive and negative frequencies is T times the variance around the mean of each series."""
    deviations = x.double() - x.double().mean()
    power = torch.fft.rfft(deviations, dim=1).abs().square().mean(0) / x.shape[1]
    found: Float[np.ndarray, " frequencies"] = power[1:].numpy()
    return found


def spread(x: Shaped[Tensor, "n time channels"]) -> Shaped[Tensor, "n time channels"]:
    """The windows in a random order, which is always the same one. Held-out windows are cut from one long series and
    begin a step after each other, so that the first few show one stretch of time again and again."""
    return x[torch.randperm(len(x), generator=torch.Generator().manual_seed(_ORDER_SEED))]


def _numbers(values: Float[np.ndarray, "..."] | Tensor) -> list[float | None]:
    """Four significant digits of each value."""
    return [rounded(value, 4) for value in np.asarray(values, dtype=np.float64).ravel().tolist()]
