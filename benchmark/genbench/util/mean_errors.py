"""Standard errors of means and shares, from few values, and from values that depend on each other in time.

Windows of a series depend on each other, most of all where they overlap, so that the standard deviation over √N is
several times too small. The error here is computed from the mean products of the values, in their order in time, with
the q slowest cosines (Müller 2007; Lazarus, Lewis, Stock and Watson 2018, "EWC"): these vary as the mean does, and
unlike it have the expectation 0. Two things are added, so that few windows suffice:

- The power of each cosine is compared with that of the mean in a reference process, whose windows overlap as these
  do: windowed sums of an autoregression whose correlation has fallen to e^-1.25 = 0.29 after one window.
- The result is an error whose normal intervals cover: it is multiplied by Student's quantile for q degrees of freedom
  over the normal one, since reports use ± 1.96 standard errors.

docs/statistics.md shows the share of simulated intervals that cover.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

NORMAL_QUANTILE = 1.959964
"""Half the width of a normal interval of 95 %, in standard errors."""
MIN_SEPARATE_WINDOWS = 3.0
"""With fewer windows' worth of time steps, an error is rough."""
MIN_SEPARATE_WINDOWS_OF_SHARES = 10.0
"""With fewer windows' worth of time steps, the error of a share or of a distance is rough. These take more windows than
means do: a window is either in a share or not, and the influences of windows on a distance are skewed."""
MIN_HITS = 5
"""With fewer hits, or fewer misses, the error of a share is rough."""
MAX_SKEWNESS = 0.3
"""With a larger skewness of the mean (that of the values over √N), an error is rough: the tail is heavier than so few
values show."""
_STUDENT = (12.7062, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.306, 2.26216, 2.22814)
_DECAY_PER_WINDOW = 1.25
_MIN_COSINES, _MAX_COSINES = 4, 32
# The reference process is cut off where it has decayed so far.
_NEGLIGIBLE = 1e-3


class Windows(NamedTuple):
    """Where in time the windows lie that values belong to."""

    starts: Tensor
    """The time step at which each window begins, (N,) int64, in any order."""
    length: int
    """Length of a window, in time steps."""


class MeanError(NamedTuple):
    """The standard error of a mean."""

    stderr: float
    """The standard error; NaN if there are too few values for one."""
    is_rough: bool
    """Whether it is an order of magnitude only."""


def mean_error(values: Tensor, windows: Windows | None = None) -> MeanError:
    """The standard error of the mean of `values` (N,). windows: one for each value; None if the values are
    independent."""
    x = values.detach().double().cpu()
    n = len(x)
    if n < 2:
        return MeanError(math.nan, is_rough=True)
    independent = float(x.std()) / math.sqrt(n) * _student_over_normal(n - 1)
    if windows is None:
        return MeanError(independent, is_rough=_skewness(x) > MAX_SKEWNESS * math.sqrt(n))
    begins, order = windows.starts.cpu().sort(stable=True)
    length = windows.length
    separate = _separate_windows(begins, length)
    cosines = min(max(_MIN_COSINES, round(math.sqrt(separate))), _MAX_COSINES, n - 1)
    places = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    waves = torch.cos(math.pi * torch.arange(cosines + 1, dtype=torch.float64)[:, None] * places)
    waves[1:] *= math.sqrt(2)
    power = _reference_power(waves, begins, length)
    found = (waves[1:] @ (x[order] - x.mean())).square().sum() / n**2
    variance = float(found * power[0] / power[1:].sum())
    stderr = max(independent, math.sqrt(variance) * _student_over_normal(cosines))
    return MeanError(stderr, is_rough=separate < MIN_SEPARATE_WINDOWS)


def share_error(share: float, count: int) -> MeanError:
    """The standard error of a share of `count` independent examples: that of a share with two more hits and two more
    misses (Agresti and Coull 1998), which is not 0 where the share is 0 or 1."""
    if count < 1:
        return MeanError(math.nan, is_rough=True)
    hits = share * count
    moved = (hits + 2) / (count + 4)
    return MeanError(
        math.sqrt(moved * (1 - moved) / (count + 4)), is_rough=min(hits, count - hits) < MIN_HITS
    )


def student_quantile(freedom: int) -> float:
    """The 97.5 % quantile of Student's distribution, to four digits: from a table up to 10 degrees of freedom, and by
    the expansion of Cornish and Fisher beyond (Abramowitz and Stegun 1964, 26.7.5). scipy's takes longer to import than
    most metrics take."""
    if freedom <= len(_STUDENT):
        return _STUDENT[freedom - 1]
    z = NORMAL_QUANTILE
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def _student_over_normal(freedom: int) -> float:
    return student_quantile(freedom) / NORMAL_QUANTILE


def _skewness(x: Tensor) -> float:
    """The absolute third standardised moment; 0 where all values are equal."""
    deviations = x - x.mean()
    spread = float(deviations.square().mean().sqrt())
    return abs(float(deviations.pow(3).mean())) / spread**3 if spread > 0 else 0.0


def separate_windows(windows: Windows) -> float:
    """How many windows side by side would cover the time steps that are covered."""
    return _separate_windows(windows.starts.cpu().sort().values, windows.length)


def _separate_windows(begins: Tensor, length: int) -> float:
    return float(begins.diff().clamp(max=length).sum() + length) / length


def _reference_power(waves: Tensor, begins: Tensor, length: int) -> Tensor:
    """The variance of the sum of windows, weighted by each of the waves (Q, N), in the reference process."""
    covariance = _reference_covariance(length)
    power = covariance[0] * waves.square().sum(1)
    for apart in range(1, len(begins)):
        lags = begins[apart:] - begins[:-apart]
        near = lags < len(covariance)
        if not near.any():
            break
        of_pairs = torch.where(near, covariance[lags.clamp(max=len(covariance) - 1)], 0.0)
        power += 2 * (waves[:, apart:] * waves[:, :-apart]) @ of_pairs
    return power


def _reference_covariance(length: int) -> Tensor:
    """The covariance of two windows of the reference process that begin 0, 1, 2, ... time steps apart."""
    decay = _DECAY_PER_WINDOW / length
    reach = length + math.ceil(-math.log(_NEGLIGIBLE) / decay)
    lags = torch.arange(-length + 1, reach + length, dtype=torch.float64)
    of_steps = torch.exp(-decay * lags.abs())
    overlaps = length - torch.arange(-length + 1, length, dtype=torch.float64).abs()
    return torch.nn.functional.conv1d(of_steps[None, None], overlaps[None, None])[0, 0]
