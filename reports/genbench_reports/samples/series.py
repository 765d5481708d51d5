"""Series: a few of them, their autocorrelation and their spectrum, as numbers for a chart. The first channel."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from genbench.metrics.series import autocorrelation
from genbench_reports.samples.image_grids import rounded

_SHOWN, _LONGEST = 8, 512


def series_numbers(x: Shaped[Tensor, "n time channels"]) -> dict[str, Any]:
    """lines: the first series. autocorrelation: at lags 1 to half the length. spectrum: see `spectrum`."""
    first = x[:, :, :1].double()
    lags = max(1, first.shape[1] // 2)
    found = {"lines": [rounded(line[:_LONGEST]) for line in first[:_SHOWN, :, 0]]}
    if first.shape[1] > 1:
        found["autocorrelation"] = [rounded(autocorrelation(first, lags)[:_LONGEST, 0])]
        found["spectrum"] = [rounded(spectrum(first[:, :, 0])[:_LONGEST])]
    return found


def spectrum(x: Float[Tensor, "n time"]) -> Float[np.ndarray, " frequencies"]:
    """Mean periodogram |rfft|²/T of the deviations from the mean over all series and times, at 1/T, 2/T, ... cycles
    a step: it sums (counted for negative frequencies too) to T times the variance, less the windows' own means."""
    deviations = x.double() - x.double().mean()
    power = torch.fft.rfft(deviations, dim=1).abs().square().mean(0) / x.shape[1]
    found: Float[np.ndarray, " frequencies"] = power[1:].numpy()
    return found
