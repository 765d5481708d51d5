"""Metrics of series: differences of the autocorrelation functions and of the marginal distributions.

Both follow Wiese et al. 2020 ("Quant GANs", section 7.1), which compares autocorrelation functions and the earth
mover's distance of marginals. They are computed from the values, not from features.

The standard errors say how much a metric varies between sets of series on both sides. Whole series are resampled, since
the values of one series depend on each other.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genbench.metrics.metric_values import estimated_value, metric_value, without_value
from genbench.metrics.numerics.feature_arrays import Estimate, FeatureArray, two_sided
from genbench.metrics.numerics.transport_1d import potentials_of_sorted, wasserstein_of_sorted
from genbench.metrics.scoring import ScoringInputs
from genbench.metrics.series.series_arrays import of_two_sets_of_series
from genbench.records.result import MetricValue
from genbench.util.mean_errors import Windows

_NAMES = ("autocorrelation_difference", "marginal_difference")


def autocorrelation(series: Float[Tensor, "n time channels"], lags: int) -> Float[Tensor, "lags channels"]:
    """The autocorrelation at lags 1..`lags`. Mean and variance are pooled over examples and time, since those of a
    single short window vary too much. NaN for a channel that is constant."""
    deviations = series.double() - series.double().mean((0, 1))
    variance = deviations.square().mean((0, 1))
    length = series.shape[1]
    return torch.stack(
        [
            (deviations[:, lag:] * deviations[:, : length - lag]).mean((0, 1)) / variance
            for lag in range(1, lags + 1)
        ]
    )


def autocorrelation_difference(x: FeatureArray, y: FeatureArray) -> Float[Tensor, ""]:
    """Mean absolute difference of the autocorrelation functions, over lags 1..T/2 and channels; 0 to 2."""
    return autocorrelation_difference_with_error(x, y).value


@of_two_sets_of_series
def autocorrelation_difference_with_error(
    x: Float[Tensor, "n time channels"],
    y: Float[Tensor, "m time channels"],
    windows: Windows | None = None,
    sample_windows: Windows | None = None,
) -> Estimate:
    """`autocorrelation_difference` and its standard error by the jackknife, which leaves out one series at a time on
    either side; NaN for a single series. windows: those of y; None if its series are independent.
    sample_windows: those of x."""
    lags = x.shape[1] // 2
    if lags < 1:
        raise ValueError(f"the autocorrelation of series of length {x.shape[1]}: needs at least 2")
    of_x, of_y = autocorrelation(x, lags), autocorrelation(y, lags)
    value = (of_x - of_y).abs().mean()
    if min(len(x), len(y)) < 2:
        return Estimate(value, torch.full_like(value, torch.nan))
    influence = [
        -(len(series) - 1) * (_autocorrelation_without_each(series, lags) - other).abs().mean((1, 2))
        for series, other in ((x, of_y), (y, of_x))
    ]
    on_x, on_y = influence
    return two_sided(value, on_x, on_y, windows, sample_windows=sample_windows)


def _autocorrelation_without_each(
    series: Float[Tensor, "n time channels"], lags: int
) -> Float[Tensor, "n lags channels"]:
    """`autocorrelation` of all series but one, for each series left out, from sums of values and of products."""
    count, length = series.shape[:2]
    x = series.double() - series.double().mean((0, 1))  # near 0, where sums of squares lose nothing

    def without_each(sums: Tensor) -> Tensor:
        return sums.sum(0) - sums

    mean = without_each(x.sum(1)) / ((count - 1) * length)  # N, C
    variance = without_each(x.square().sum(1)) / ((count - 1) * length) - mean.square()
    found = []
    for lag in range(1, lags + 1):
        late, early = x[:, lag:], x[:, : length - lag]
        pairs = (count - 1) * (length - lag)
        products, sums = without_each((late * early).sum(1)), without_each((late + early).sum(1))
        found.append((products / pairs - mean * sums / pairs + mean.square()) / variance)
    return torch.stack(found, dim=1)


def marginal_difference(
    x: FeatureArray,
    y: FeatureArray,
    scale: Float[Tensor, " channels"],
) -> Float[Tensor, ""]:
    """1-Wasserstein distance between all values of a channel, in units of `scale`, mean over channels."""
    return marginal_difference_with_error(x, y, scale).value


@of_two_sets_of_series
def marginal_difference_with_error(
    x: Float[Tensor, "n time channels"],
    y: Float[Tensor, "m time channels"],
    scale: Float[Tensor, " channels"],
    windows: Windows | None = None,
    sample_windows: Windows | None = None,
) -> Estimate:
    """`marginal_difference` and its standard error by the delta method, from the potentials of the transport; NaN for a
    single series. The scale counts as fixed. windows: those of y; None if its series are independent.
    sample_windows: those of x."""
    (sorted_x, order_x), (sorted_y, order_y) = _sorted_values(x), _sorted_values(y)
    value = (wasserstein_of_sorted(sorted_x, sorted_y, power=1) / scale).mean()
    influence = []
    for count, order, potentials in (
        (len(x), order_x, potentials_of_sorted(sorted_x, sorted_y, power=1)),
        (len(y), order_y, potentials_of_sorted(sorted_y, sorted_x, power=1)),
    ):
        scaled = potentials / scale[:, None] / len(scale)
        by_value = torch.zeros_like(scaled).scatter_(1, order, scaled).sum(0)
        influence.append(by_value.view(count, -1).mean(1))
    on_x, on_y = influence
    return two_sided(value, on_x, on_y, windows, sample_windows=sample_windows)


def _sorted_values(
    series: Float[Tensor, "n time channels"],
) -> tuple[Float[Tensor, "channels values"], Int[Tensor, "channels values"]]:
    found = series.double().flatten(0, 1).T.sort(dim=1)
    return found.values, found.indices


def score_series(inputs: ScoringInputs) -> list[MetricValue]:
    """The metrics `autocorrelation_difference` and `marginal_difference`."""
    for side, series in (("samples", inputs.samples), ("reference examples", inputs.reference)):
        if len(series) < 2:
            return without_value(_NAMES, inputs, f"{len(series)} {side}, needs at least 2")
    return [_autocorrelation_value(inputs), _marginal_value(inputs)]


def _autocorrelation_value(inputs: ScoringInputs) -> MetricValue:
    name = "autocorrelation_difference"
    if inputs.spec.event_shape[0] < 2:
        return metric_value(name, inputs, None, note="series of length 1 have no autocorrelation")
    samples, reference = inputs.samples.float(), inputs.reference.float()
    for side, series in (("samples", samples), ("reference", reference)):
        if (series.amax((0, 1)) == series.amin((0, 1))).any():
            return metric_value(
                name, inputs, None, note=f"a channel of the {side} never varies: no autocorrelation"
            )
    found = autocorrelation_difference_with_error(
        samples, reference, inputs.reference_windows, inputs.sample_windows
    )
    return estimated_value(name, inputs, found)


def _marginal_value(inputs: ScoringInputs) -> MetricValue:
    name = "marginal_difference"
    if len(inputs.train) == 0:
        return metric_value(name, inputs, None, note="0 training examples, needs at least 1")
    scale = inputs.train.x.double().std((0, 1), correction=0)
    if not (scale > 0).all():
        return metric_value(name, inputs, None, note="a channel of the training split never varies")
    found = marginal_difference_with_error(
        inputs.samples.float(),
        inputs.reference.float(),
        scale,
        inputs.reference_windows,
        inputs.sample_windows,
    )
    return estimated_value(name, inputs, found)
