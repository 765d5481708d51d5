"""Metrics of series: differences of the spectra, and of the tails of the values.

spectrum_difference  the mean absolute difference of the log spectra, in decibels, over frequencies above 0 and channels
                     (the log spectral distance of Gray and Markel 1976, with absolute values in place of squares). A
                     spectrum is the mean periodogram of the series, whose mean over time is subtracted first
tail_difference      the mean absolute difference of the expected shortfalls: the mean of the lowest 5 % of a channel's
                     values, and that of the highest 5 % (Acerbi and Tasche 2002), in standard deviations of the
                     training data. Quant GANs are judged by such tails (Wiese et al. 2020, section 7)

Standard errors are those of the delta method, with whole series as units.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from genbench.metrics.metric_values import estimated_value, metric_value, without_value
from genbench.metrics.numerics.feature_arrays import Estimate, two_sided
from genbench.metrics.scoring import ScoringInputs
from genbench.metrics.series.series_arrays import of_two_sets_of_series
from genbench.records.result import MetricValue
from genbench.util.mean_errors import Windows

_NAMES = ("spectrum_difference", "tail_difference")
_DECIBELS = 10 / math.log(10)
TAIL = 0.05
"""The share of the values in each tail."""


@of_two_sets_of_series
def spectrum_difference(
    x: Float[Tensor, "n time channels"],
    y: Float[Tensor, "m time channels"],
    windows: Windows | None = None,
    sample_windows: Windows | None = None,
) -> Estimate:
    """The mean absolute difference of the log spectra, in decibels. windows: those of y. sample_windows: those of x.
    Raises ValueError for series of length 1, and where a spectrum is 0 at a frequency."""
    if x.shape[1] < 2:
        raise ValueError("the spectrum of series of length 1: needs at least 2")
    of_x, of_y = _periodograms(x), _periodograms(y)
    mean_x, mean_y = of_x.mean(0), of_y.mean(0)
    if not ((mean_x > 0).all() and (mean_y > 0).all()):
        raise ValueError("a spectrum is 0 at a frequency")
    apart = (mean_x / mean_y).log() * _DECIBELS  # frequencies, channels
    slope = apart.sign() * _DECIBELS / apart.numel()
    on_x = (slope * of_x / mean_x).sum((1, 2))
    on_y = (-slope * of_y / mean_y).sum((1, 2))
    return two_sided(apart.abs().mean(), on_x, on_y, windows, sample_windows=sample_windows)


def _periodograms(series: Float[Tensor, "n time channels"]) -> Float[Tensor, "n frequencies channels"]:
    deviations = series.double() - series.double().mean(1, keepdim=True)
    found: Tensor = torch.fft.rfft(deviations, dim=1)[:, 1:].abs().square() / series.shape[1]
    return found


@of_two_sets_of_series
def tail_difference(
    x: Float[Tensor, "n time channels"],
    y: Float[Tensor, "m time channels"],
    scale: Float[Tensor, " channels"],
    windows: Windows | None = None,
    sample_windows: Windows | None = None,
) -> Estimate:
    """The mean absolute difference of the expected shortfalls, over both tails and over channels, in units of `scale`,
    which counts as fixed. windows: those of y. sample_windows: those of x."""
    apart, on_x, on_y = [], [], []
    for direction in (1.0, -1.0):
        of_x, each_x = _shortfall(direction * x.double() / scale)
        of_y, each_y = _shortfall(direction * y.double() / scale)
        sign = (of_x - of_y).sign() / (2 * len(scale))
        apart.append((of_x - of_y).abs())
        on_x.append((each_x * sign).sum(1))
        on_y.append((-each_y * sign).sum(1))
    value = torch.stack(apart).mean()
    return two_sided(
        value, torch.stack(on_x).sum(0), torch.stack(on_y).sum(0), windows, sample_windows=sample_windows
    )


def _shortfall(
    series: Float[Tensor, "n time channels"],
) -> tuple[Float[Tensor, " channels"], Float[Tensor, "n channels"]]:
    """The mean of the lowest values of each channel, and the influence of each series on it: with q the quantile, that
    of a value v is q - (q - v)+ / TAIL, up to a constant."""
    values = series.flatten(0, 1)  # N T, channels
    count = max(1, round(TAIL * len(values)))
    lowest = values.topk(count, dim=0, largest=False).values
    quantile = lowest.amax(0)
    each = quantile - (quantile - series).clamp_min(0.0) / TAIL  # N, T, channels
    return lowest.mean(0), each.mean(1)


def score_spectrum_and_tails(inputs: ScoringInputs) -> list[MetricValue]:
    """The metrics `spectrum_difference` and `tail_difference`."""
    for side, series in (("samples", inputs.samples), ("reference examples", inputs.reference)):
        if len(series) < 2:
            return without_value(_NAMES, inputs, f"{len(series)} {side}, needs at least 2")
    return [_spectrum_value(inputs), _tail_value(inputs)]


def _spectrum_value(inputs: ScoringInputs) -> MetricValue:
    name = "spectrum_difference"
    x, y = inputs.samples.double(), inputs.reference.double()
    try:
        found = spectrum_difference(x, y, inputs.reference_windows, inputs.sample_windows)
    except ValueError as error:
        return metric_value(name, inputs, None, note=str(error))
    return estimated_value(name, inputs, found)


def _tail_value(inputs: ScoringInputs) -> MetricValue:
    name = "tail_difference"
    if len(inputs.train) == 0:
        return metric_value(name, inputs, None, note="0 training examples, needs at least 1")
    scale = inputs.train.x.double().std((0, 1), correction=0)
    if not (scale > 0).all():
        return metric_value(name, inputs, None, note="a channel of the training split never varies")
    x, y = inputs.samples.double(), inputs.reference.double()
    found = tail_difference(x, y, scale, inputs.reference_windows, inputs.sample_windows)
    return estimated_value(name, inputs, found)
