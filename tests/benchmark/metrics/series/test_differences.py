"""Metrics of series: against numpy and scipy, processes with known autocorrelation, and what they can tell apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from genbench.metrics.series import autocorrelation, autocorrelation_difference, marginal_difference


def autoregressive(count: int, length: int, coefficient: float, seed: int) -> Tensor:
    """Stationary AR(1) with unit variance: its autocorrelation at lag l is coefficient**l. (N, T, 1)."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(count, length, generator=generator) * (1 - coefficient**2) ** 0.5
    x = torch.empty(count, length)
    x[:, 0] = torch.randn(count, generator=generator)
    for t in range(1, length):
        x[:, t] = coefficient * x[:, t - 1] + noise[:, t]
    return x.unsqueeze(-1)


def test_autocorrelation_of_an_autoregressive_process() -> None:
    series = torch.cat([autoregressive(5000, 20, 0.8, 0), autoregressive(5000, 20, -0.5, 1)], -1)
    lags = torch.arange(1, 11, dtype=torch.float64)
    expected = torch.stack([0.8**lags, (-0.5) ** lags], -1)
    torch.testing.assert_close(autocorrelation(series, 10), expected, rtol=0.0, atol=0.03)


def test_autocorrelation_by_numpy() -> None:
    series = autoregressive(7, 12, 0.3, 0) * 5 + 100
    x = series[..., 0].double().numpy()
    deviations = x - x.mean()
    expected = [np.mean(deviations[:, lag:] * deviations[:, :-lag]) / deviations.var() for lag in range(1, 7)]
    np.testing.assert_allclose(autocorrelation(series, 6)[:, 0].numpy(), expected, rtol=1e-9)


def test_difference_is_the_mean_over_lags_and_channels() -> None:
    x, y = autoregressive(9, 10, 0.9, 0), autoregressive(9, 10, 0.1, 1)
    one = (autocorrelation(x, 5) - autocorrelation(y, 5)).abs().mean()
    assert autocorrelation_difference(x, y).item() == pytest.approx(one.item())
    with_equal_channel = autocorrelation_difference(torch.cat([x, x], -1), torch.cat([y, x], -1))
    assert with_equal_channel.item() == pytest.approx(one.item() / 2)


def test_shuffled_time_keeps_the_marginal_and_loses_the_dependence() -> None:
    real, other = autoregressive(2000, 16, 0.9, 0), autoregressive(2000, 16, 0.9, 1)
    shuffled = other[:, torch.randperm(16, generator=torch.Generator().manual_seed(0))]
    scale = torch.ones(1, dtype=torch.float64)
    assert autocorrelation_difference(other, real) < 0.02
    assert autocorrelation_difference(shuffled, real) > 0.1
    assert marginal_difference(shuffled, real, scale) == marginal_difference(other, real, scale)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 6), m=st.integers(1, 6), time=st.integers(1, 8), seed=st.integers(0, 1000))
def test_marginal_difference_equals_scipy(n: int, m: int, time: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.randn(n, time, 2, generator=generator), torch.randn(m, time, 2, generator=generator) * 2
    scale = torch.tensor([0.5, 4.0], dtype=torch.float64)
    a, b = x.double().flatten(0, 1).T.numpy(), y.double().flatten(0, 1).T.numpy()
    expected = np.mean(
        [stats.wasserstein_distance(p, q) / s for p, q, s in zip(a, b, (0.5, 4.0), strict=True)]
    )
    assert marginal_difference(x, y, scale).item() == pytest.approx(expected, rel=1e-9)


def test_a_shift_is_counted_in_standard_deviations() -> None:
    x = autoregressive(50, 10, 0.5, 0)
    scale = torch.tensor([2.0], dtype=torch.float64)
    assert marginal_difference(x + 3.0, x, scale).item() == pytest.approx(1.5, rel=1e-6)
    assert autocorrelation_difference(4 * x + 3.0, x).item() == pytest.approx(0.0, abs=1e-6)


def test_too_short() -> None:
    with pytest.raises(ValueError, match="series of length 1"):
        autocorrelation_difference(torch.zeros(3, 1, 1), torch.zeros(3, 1, 1))


def test_arrays_of_numpy_are_taken_and_bad_ones_named() -> None:
    x, y = autoregressive(30, 8, 0.3, 0), autoregressive(40, 8, 0.3, 1)
    assert autocorrelation_difference(x.numpy(), y.numpy()) == autocorrelation_difference(x, y)
    y[3, 2] = torch.nan
    with pytest.raises(ValueError, match="the second array has NaN or infinite values in 1 of its 40 rows"):
        autocorrelation_difference(x, y)
    with pytest.raises(
        ValueError, match=r"series of unequal length or channels, \(30, 7, 1\) and \(40, 8, 1\)"
    ):
        marginal_difference(x[:, 1:], y.nan_to_num(), torch.ones(1))
