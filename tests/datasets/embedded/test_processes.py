"""Processes with known densities, against statsmodels and their own definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from statsmodels.tsa.arima.model import ARIMA
from statsmodels.tsa.arima_process import arma_acovf

from genbench_datasets.embedded.processes import (
    Garch,
    StationaryARMA,
    ar2_truth,
    arma_truth,
    garch_truth,
    sines,
)


@pytest.mark.parametrize("truth", [ar2_truth(), arma_truth()], ids=["ar2", "arma"])
def test_stationary_processes_have_the_density_of_the_kalman_filter(truth: StationaryARMA) -> None:
    x = truth.sample(3, torch.Generator().manual_seed(5))
    orders = (len(truth.phi), 0, len(truth.theta))
    for window, ours in zip(x[..., 0].double().numpy(), truth.log_prob(x), strict=True):
        model = ARIMA(window, order=orders, trend="n")
        assert model.loglike(np.array([*truth.phi, *truth.theta, 1.0])) == pytest.approx(
            ours.item(), abs=1e-5
        )
    reference = arma_acovf(np.r_[1, -np.array(truth.phi)], np.r_[1, np.array(truth.theta)], truth.steps)
    np.testing.assert_allclose(truth.autocovariances, reference, rtol=1e-8, atol=1e-10)


def test_samples_of_stationary_processes_have_their_covariance() -> None:
    truth = ar2_truth()
    x = truth.sample(40_000, torch.Generator().manual_seed(0))[..., 0].double()
    found = x.T @ x / len(x)
    for lag in (0, 1, 5):
        wanted = truth.autocovariances[lag]
        assert found.diagonal(lag).mean().item() == pytest.approx(wanted, abs=0.03 * truth.autocovariances[0])


def test_garch_is_a_chain_of_normals() -> None:
    truth = garch_truth()
    x = truth.sample(4, torch.Generator().manual_seed(0))
    for row, ours in zip(x[..., 0].double().numpy(), truth.log_prob(x), strict=True):
        variance, total = truth.variance, 0.0
        for value in row:
            total += stats.norm.logpdf(value, scale=math.sqrt(variance))
            variance = truth.omega + truth.alpha * value**2 + truth.beta * variance
        assert total == pytest.approx(ours.item(), abs=1e-9)


def test_garch_has_the_moments_of_the_literature() -> None:
    """Variance omega / (1 - alpha - beta) at all times; kurtosis above 3 (Bollerslev 1986)."""
    truth = Garch(64, omega=0.15, alpha=0.25, beta=0.6)
    x = truth.sample(40_000, torch.Generator().manual_seed(0))[..., 0].double()
    assert truth.variance == pytest.approx(1.0)
    assert x.square().mean().item() == pytest.approx(1, abs=0.02)
    last = x[:, -1]
    assert (last**4).mean() / last.square().mean() ** 2 > 4
    assert (x[:, :-1] * x[:, 1:]).mean().abs() < 0.01


def test_sines_are_timegans() -> None:
    x = sines().train.x[:50].double()
    angle = torch.asin((2 * x - 1).clamp(-1, 1))
    assert (angle[:, 0] >= 0).all()
    assert (angle[:, 0] < 0.1).all()
    rising = angle[:, :9]  # up to 0.1 + 8 * 0.1, below a quarter of a turn
    steps = rising[:, 1:] - rising[:, :-1]
    torch.testing.assert_close(steps, steps[:, :1].expand_as(steps), atol=1e-5, rtol=0)
    assert (steps < 0.1 + 1e-5).all()
