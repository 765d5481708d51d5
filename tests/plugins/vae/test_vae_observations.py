"""The VAE's observation models: they sum or integrate to one, and means and samples agree with them."""

from __future__ import annotations

import math

import pytest
import torch

from genbench import DataSpec, Split
from genbench_models.layers.standardise import Standardise
from genbench_models.vae.observations import (
    BernoulliObservation,
    DiscretisedLogisticObservation,
    GaussianObservation,
    Observation,
    bounded_log_scale,
    observation_for,
)


def one_element(levels: int | None) -> tuple[DataSpec, Observation]:
    spec = DataSpec(name="d", modality="points", event_shape=(1,), levels=levels)
    standardise = Standardise(spec)
    if levels is None:
        standardise.fit(Split(spec, torch.tensor([[3.0], [11.0]])))  # mean 7, scale 4
    return spec, observation_for(spec, standardise)


def random_outputs(count: int, observation: Observation) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, observation.per_element, 1, generator=generator)


@pytest.mark.parametrize(
    ("levels", "kind"),
    [(2, BernoulliObservation), (17, DiscretisedLogisticObservation), (None, GaussianObservation)],
)
def test_the_domain_chooses_the_observation(levels: int | None, kind: type[Observation]) -> None:
    assert type(one_element(levels)[1]) is kind


@pytest.mark.parametrize("levels", [2, 3, 17])
def test_probabilities_of_all_levels_sum_to_one(levels: int) -> None:
    _, observation = one_element(levels)
    outputs = 3 * random_outputs(20, observation)
    total = torch.zeros(20)
    for level in range(levels):
        total += observation.log_prob(torch.full((20, 1), level), outputs).exp()
    torch.testing.assert_close(total, torch.ones(20), atol=1e-5, rtol=0)


def test_the_gaussian_density_integrates_to_one_in_the_data_s_own_units() -> None:
    _, observation = one_element(None)
    grid = torch.linspace(-60, 80, 20001)
    for outputs in random_outputs(5, observation):
        log_density = observation.log_prob(grid.unsqueeze(1), outputs.expand(len(grid), -1, -1))
        assert torch.trapezoid(log_density.exp(), grid).item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("levels", [2, 17, None])
def test_samples_have_the_mean_of_the_observation(levels: int | None) -> None:
    _, observation = one_element(levels)
    count = 40_000
    for outputs in random_outputs(4, observation):
        repeated = outputs.expand(count, -1, -1)
        samples = observation.sample(repeated, torch.Generator().manual_seed(1)).double()
        mean = observation.mean(repeated[:1]).item()
        assert samples.mean().item() == pytest.approx(
            mean, abs=5 * samples.std().item() / math.sqrt(count) + 0.01
        )


def test_the_logistic_mean_is_that_of_the_pmf_but_for_rounding() -> None:
    _, observation = one_element(17)
    generator = torch.Generator().manual_seed(0)
    outputs = torch.stack(
        [2 * torch.rand(200, 1, generator=generator) - 1, 6 * torch.rand(200, 1, generator=generator) - 5],
        dim=1,
    )
    expected = sum(
        level * observation.log_prob(torch.full((200, 1), level), outputs).exp() for level in range(17)
    )
    gap = (observation.mean(outputs).squeeze(1) - expected).abs()
    assert gap.max() <= 0.5
    wide = outputs[:, 1, 0] > -1  # scales of a level or more: nothing is left of the rounding
    assert gap[wide].max() < 0.02


def test_extreme_outputs_neither_overflow_nor_lose_their_gradient_to_nan() -> None:
    for levels in (2, 17, 256, None):
        _, observation = one_element(levels)
        outputs = (
            torch.tensor([-1e4, -30.0, 30.0, 1e4]).reshape(4, 1, 1).repeat(1, observation.per_element, 1)
        )
        outputs.requires_grad_()
        x = torch.zeros(4, 1) if levels is None else torch.zeros(4, 1, dtype=torch.int64)
        observation.log_prob(x, outputs).sum().backward()
        assert outputs.grad is not None
        assert outputs.grad.isfinite().all()
        mean = observation.mean(outputs)
        assert mean.isfinite().all()
        if levels is not None:
            assert mean.min() >= 0
            assert mean.max() <= levels - 1


def test_scales_beyond_their_bounds_are_pulled_back_and_never_pushed_farther() -> None:
    outputs = torch.tensor([-20.0, -20.0, 0.0, 20.0, 20.0], requires_grad=True)
    wanted = torch.tensor([1.0, -1.0, 1.0, 1.0, -1.0])  # which way descent would take each
    log_scale = bounded_log_scale(outputs)
    assert log_scale.tolist() == pytest.approx([-6.0, -6.0, -1.5, 1.0, 1.0])
    (-(log_scale * wanted)).sum().backward()
    assert outputs.grad is not None
    assert (-outputs.grad).tolist() == [1.0, 0.0, 1.0, 0.0, -1.0]


def test_an_observation_whose_scale_shot_past_the_widest_finds_its_way_back() -> None:
    """To the standard deviation of the data: 0.1 in standardised units, from wider than all of them."""
    spec = DataSpec(name="d", modality="points", event_shape=(1,))
    observation = observation_for(spec, Standardise(spec))
    x = 0.1 * torch.randn(500, 1, generator=torch.Generator().manual_seed(0))
    outputs = torch.tensor([[[0.0], [9.0]]], requires_grad=True)
    optimiser = torch.optim.Adam([outputs], lr=0.1)
    for _ in range(300):
        loss = -observation.log_prob(x, outputs.expand(500, -1, -1)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert bounded_log_scale(outputs[0, 1]).exp().item() == pytest.approx(x.std().item(), rel=0.05)
