"""Series: do samples depend on their past as the data does, and do their values spread as its values do?

Both follow Wiese et al. 2020 ("Quant GANs", section 7.1), which compares autocorrelation functions and the
earth mover's distance of marginals. Computed on the values, not on features.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from genbench.metrics.figures import figure, without_value
from genbench.metrics.sliced_wasserstein import wasserstein_of_sorted
from genbench.result import MetricValue
from genbench.scoring import ScoringInputs

_NAMES = ("autocorrelation_difference", "marginal_difference")


def autocorrelation(series: Float[Tensor, "n time channels"], lags: int) -> Float[Tensor, "lags channels"]:
    """Of lags 1..`lags`, pooled over examples and time: windows are short, and their own means and
    variances would be most of what they show. NaN for a channel that never varies."""
    deviations = series.double() - series.double().mean((0, 1))
    variance = deviations.square().mean((0, 1))
    length = series.shape[1]
    return torch.stack(
        [
            (deviations[:, lag:] * deviations[:, : length - lag]).mean((0, 1)) / variance
            for lag in range(1, lags + 1)
        ]
    )


def autocorrelation_difference(
    x: Float[Tensor, "n time channels"], y: Float[Tensor, "m time channels"]
) -> Float[Tensor, ""]:
    """Mean absolute difference of the autocorrelation functions, over lags 1..T/2 and channels; 0 to 2."""
    lags = x.shape[1] // 2
    if lags < 1:
        raise ValueError(f"the autocorrelation of series of length {x.shape[1]}: needs at least 2")
    return (autocorrelation(x, lags) - autocorrelation(y, lags)).abs().mean()


def marginal_difference(
    x: Float[Tensor, "n time channels"],
    y: Float[Tensor, "m time channels"],
    scale: Float[Tensor, " channels"],
) -> Float[Tensor, ""]:
    """1-Wasserstein distance between all values of a channel, in units of `scale`, mean over channels."""
    return (wasserstein_of_sorted(_sorted_values(x), _sorted_values(y), power=1) / scale).mean()


def _sorted_values(series: Float[Tensor, "n time channels"]) -> Float[Tensor, "channels values"]:
    return series.double().flatten(0, 1).T.sort(dim=1).values


def score_series(inputs: ScoringInputs) -> list[MetricValue]:
    for side, series in (("samples", inputs.samples), ("reference examples", inputs.reference)):
        if len(series) < 2:
            return without_value(_NAMES, inputs, f"{len(series)} {side}, needs at least 2")
    return [_autocorrelation_figure(inputs), _marginal_figure(inputs)]


def _autocorrelation_figure(inputs: ScoringInputs) -> MetricValue:
    name = "autocorrelation_difference"
    if inputs.spec.event_shape[0] < 2:
        return figure(name, inputs, None, note="series of length 1 have no autocorrelation")
    samples, reference = inputs.samples.float(), inputs.reference.float()
    for side, series in (("samples", samples), ("reference", reference)):
        if (series.amax((0, 1)) == series.amin((0, 1))).any():
            return figure(
                name, inputs, None, note=f"a channel of the {side} never varies: no autocorrelation"
            )
    return figure(name, inputs, autocorrelation_difference(samples, reference))


def _marginal_figure(inputs: ScoringInputs) -> MetricValue:
    name = "marginal_difference"
    if len(inputs.train) == 0:
        return figure(name, inputs, None, note="0 training examples, needs at least 1")
    scale = inputs.train.x.double().std((0, 1), correction=0)
    if not (scale > 0).all():
        return figure(name, inputs, None, note="a channel of the training split never varies")
    difference = marginal_difference(inputs.samples.float(), inputs.reference.float(), scale)
    return figure(name, inputs, difference)
