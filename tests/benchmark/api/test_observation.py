"""Observation models sum to 1, match scipy, and draw what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from genbench.api import observation

LEVELS = [2, 17, 256]


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("name", ["logistic", "gaussian"])
@settings(max_examples=50, deadline=None)
@given(mean=st.floats(-50, 300), log_scale=st.floats(-6, 6))
def test_discretised_sums_to_one(name: str, levels: int, mean: float, log_scale: float) -> None:
    log_prob = getattr(observation, f"discretised_{name}_log_prob")
    x = torch.arange(levels)
    values = log_prob(
        x,
        torch.full((levels,), mean, dtype=torch.float64),
        torch.tensor([log_scale], dtype=torch.float64),
        levels,
    )
    assert values.exp().sum().item() == pytest.approx(1.0, abs=1e-9)
    assert (values <= 1e-12).all()


def test_discretised_matches_scipy_in_the_bulk() -> None:
    x = torch.arange(1, 16)
    mean, scale = torch.full((15,), 6.3, dtype=torch.float64), 2.1
    log_scale = torch.tensor([np.log(scale)])
    for frozen, log_prob in (
        (stats.logistic(6.3, scale), observation.discretised_logistic_log_prob),
        (stats.norm(6.3, scale), observation.discretised_gaussian_log_prob),
    ):
        expected = np.log(frozen.cdf(x.numpy() + 0.5) - frozen.cdf(x.numpy() - 0.5))
        np.testing.assert_allclose(log_prob(x, mean, log_scale, 17).numpy(), expected, rtol=1e-9)


def test_far_tails_stay_finite_with_finite_gradients() -> None:
    for log_prob in (observation.discretised_logistic_log_prob, observation.discretised_gaussian_log_prob):
        mean = torch.tensor([0.0, 255.0, 128.0, 250.0], requires_grad=True)
        log_scale = torch.tensor([-3.0, -3.0, 5.0, 0.0], requires_grad=True)
        value = log_prob(torch.tensor([250, 3, 128, 251]), mean, log_scale, 256)
        value.sum().backward()
        assert value.isfinite().all()
        assert mean.grad is not None
        assert log_scale.grad is not None
        assert mean.grad.isfinite().all()
        assert log_scale.grad.isfinite().all()


def test_categorical_and_bernoulli_agree_on_two_levels() -> None:
    logit = torch.linspace(-8, 8, 33)
    x = torch.randint(0, 2, (33,), generator=torch.Generator().manual_seed(0))
    two = observation.categorical_log_prob(x, torch.stack([torch.zeros_like(logit), logit], -1))
    torch.testing.assert_close(two, observation.bernoulli_log_prob(x, logit))


def test_mixture_of_one_is_the_component() -> None:
    x, mean, scale = torch.arange(17), torch.linspace(0, 16, 17), torch.zeros(17)
    single = observation.discretised_logistic_log_prob(x, mean, scale, 17)
    mixture = observation.discretised_logistic_mixture_log_prob(
        x, torch.zeros(17, 1), mean[:, None], scale[:, None], 17
    )
    torch.testing.assert_close(single, mixture)


@pytest.mark.parametrize("name", ["logistic", "gaussian"])
def test_draws_have_the_bins_masses(name: str) -> None:
    levels, count = 17, 40_000
    mean, log_scale = torch.full((count,), 14.2), torch.tensor([0.9])
    generator = torch.Generator().manual_seed(1)
    draws = getattr(observation, f"discretised_{name}_sample")(mean, log_scale, levels, generator)
    log_prob = getattr(observation, f"discretised_{name}_log_prob")
    expected = log_prob(torch.arange(levels), torch.full((levels,), 14.2), log_scale, levels).exp().double()
    observed = torch.bincount(draws, minlength=levels)
    keep = expected * count > 5
    assert observed[~keep].sum() <= 30
    merged = expected[keep].numpy() / expected[keep].sum().item() * observed[keep].sum().item()
    assert stats.chisquare(observed[keep].numpy(), merged).pvalue > 1e-3


def test_gaussian_mixture_integrates_to_one() -> None:
    grid = torch.linspace(-40, 40, 40_001, dtype=torch.float64)
    logits = torch.tensor([0.3, -1.0, 0.0], dtype=torch.float64).expand(len(grid), 3)
    means = torch.tensor([-5.0, 0.0, 7.0], dtype=torch.float64).expand(len(grid), 3)
    log_scales = torch.tensor([0.0, -1.0, 1.0], dtype=torch.float64).expand(len(grid), 3)
    density = observation.gaussian_mixture_log_prob(grid, logits, means, log_scales).exp()
    assert torch.trapezoid(density, grid).item() == pytest.approx(1.0, abs=1e-9)
