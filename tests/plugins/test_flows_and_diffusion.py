"""Flows and diffusion models against integrals, sums, and Gaussians whose likelihood is known."""

from __future__ import annotations

import itertools
import math
from typing import TypeVar

import pytest
import torch
from slow_cases import slow_beyond
from torch import Tensor

from genbench import Budget, ComputeMeter, DataSpec, Split
from genbench.api.data import storage_dtype
from genbench.api.model import GenerativeModel
from genbench.likelihood.estimates import estimate_likelihood
from genbench_models.diffusion.ddpm import DDPM
from genbench_models.diffusion.flow_matching import FlowMatching
from genbench_models.flow.normalizing_flow import MAF, NormalizingFlow, RealNVP
from genbench_models.flow.spline_flow import NeuralSplineFlow

POINTS = DataSpec(name="points", modality="points", event_shape=(2,))
LINE = DataSpec(name="line", modality="points", event_shape=(1,))
INTEGERS = DataSpec(name="integers", modality="points", event_shape=(2,), levels=4)
FLOWS: list[type[RealNVP] | type[MAF] | type[NeuralSplineFlow]] = [RealNVP, MAF, NeuralSplineFlow]
COVARIANCE = torch.tensor([[1.0, 0.7], [0.7, 1.0]])


def gaussian(count: int, seed: int = 0) -> Tensor:
    noise = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))
    return torch.tensor([3.0, -1.0]) + 2 * noise @ torch.linalg.cholesky(COVARIANCE).T


def true_log_prob(x: Tensor) -> Tensor:
    return torch.distributions.MultivariateNormal(torch.tensor([3.0, -1.0]), 4 * COVARIANCE).log_prob(x)


M = TypeVar("M", bound=GenerativeModel)


def trained(model: M, x: Tensor, budget: str) -> M:
    torch.manual_seed(0)
    meter = ComputeMeter(Budget.parse(budget))
    model.train()
    model.fit(Split(model.spec, x.to(storage_dtype(model.spec))), meter)
    meter.finish()
    return model.eval()


def grid(low: float, high: float, count: int) -> tuple[Tensor, float]:
    """Midpoints of a square, and the area of a cell."""
    step = (high - low) / count
    axis = low + step * (torch.arange(count) + 0.5)
    return torch.cartesian_prod(axis, axis), step**2


@pytest.mark.parametrize("model_class", slow_beyond([RealNVP, MAF], FLOWS))
def test_a_flows_density_integrates_to_one_and_its_samples_follow_it(
    model_class: type[RealNVP] | type[MAF] | type[NeuralSplineFlow],
) -> None:
    torch.manual_seed(0)
    model = trained(model_class(POINTS, transforms=2, hidden=16), gaussian(512), "150steps")
    x, area = grid(-12, 15, 400)
    with torch.no_grad():
        density = model.log_density(x).double().exp() * area
        samples = model.sample(8000, torch.Generator().manual_seed(0))
    assert density.sum().item() == pytest.approx(1.0, abs=0.01)
    for first, second in itertools.product((0, 1), repeat=2):
        quadrant = ((x[:, 0] > 3) == bool(first)) & ((x[:, 1] > -1) == bool(second))
        drawn = ((samples[:, 0] > 3) == bool(first)) & ((samples[:, 1] > -1) == bool(second))
        share = float(density[quadrant].sum())
        error = math.sqrt(share * (1 - share) / 8000)
        assert float(drawn.float().mean()) == pytest.approx(share, abs=5 * error + 0.005)


@pytest.mark.parametrize("model_class", slow_beyond([RealNVP, MAF], FLOWS))
def test_a_flow_learns_a_gaussian(
    model_class: type[RealNVP] | type[MAF] | type[NeuralSplineFlow],
) -> None:
    torch.manual_seed(0)
    model = trained(model_class(POINTS, transforms=2, hidden=32), gaussian(4000), "400steps")
    x = gaussian(2000, seed=1)
    [estimate] = estimate_likelihood(model, POINTS, x, k=10)
    assert estimate.kind == "exact"
    gap = float((true_log_prob(x) - estimate.log_prob).mean())
    assert 0 <= gap + 0.01 < 0.1


@pytest.mark.parametrize("model_class", slow_beyond([RealNVP, MAF], FLOWS))
def test_dequantised_probabilities_sum_to_one_but_for_what_lies_outside(
    model_class: type[RealNVP] | type[MAF] | type[NeuralSplineFlow],
) -> None:
    torch.manual_seed(0)
    integers = torch.randint(0, 4, (400, 2), generator=torch.Generator().manual_seed(0))
    model: NormalizingFlow = trained(model_class(INTEGERS, transforms=2, hidden=16), integers, "200steps")
    everything = torch.cartesian_prod(torch.arange(4), torch.arange(4))
    # P(i) by a fine grid over its bin
    u, area = grid(0, 1, 40)
    with torch.no_grad():
        truth = torch.stack([(model.log_density(i + u).double().exp() * area).sum() for i in everything])
        samples = model.sample(20_000, torch.Generator().manual_seed(0))
    assert 0.9 < truth.sum().item() <= 1.001
    tighter, plain = estimate_likelihood(model, INTEGERS, everything.repeat_interleave(50, 0), k=20)
    assert tighter.kind == "lower bound (dequantised, IW-20)"
    assert plain.kind == "lower bound (dequantised)"
    log_truth = truth.log()
    tight, loose = (e.log_prob.double().unflatten(0, (16, 50)).mean(1) for e in (tighter, plain))
    assert (loose <= log_truth + 0.02).all()
    assert (tight <= log_truth + 0.02).all()
    assert tight.mean() > loose.mean()
    # what lies outside falls to the first and last level
    counted = torch.bincount(samples[:, 0] * 4 + samples[:, 1], minlength=16) / 20_000
    assert (counted.double() >= truth - 0.02).all()
    assert (counted - truth).abs().sum() < (1 - truth.sum()) + 0.05


def test_flows_refuse_a_single_number_and_name_what_is_out_of_range() -> None:
    with pytest.raises(ValueError, match="2 numbers or more; line has 1"):
        RealNVP(LINE)
    with pytest.raises(ValueError, match="transforms=0"):
        MAF(POINTS, transforms=0)


def mean_bound(model: DDPM, x: Tensor, draws: int) -> Tensor:
    torch.manual_seed(5)
    with torch.no_grad():
        return torch.stack([model.elbo(x) for _ in range(draws)]).double().mean(0)


@pytest.mark.slow
def test_the_bound_of_a_diffusion_is_below_the_likelihood_of_a_gaussian_and_near_it() -> None:
    torch.manual_seed(0)
    model = trained(DDPM(POINTS, steps=50, hidden=64, layers=2), gaussian(4000), "1500steps")
    x = gaussian(500, seed=1)
    gap = (true_log_prob(x).double() - mean_bound(model, x, 20)).mean().item()
    assert -0.03 < gap < 0.5
    [estimate] = estimate_likelihood(model, POINTS, x, k=7)
    assert estimate.kind == "lower bound (ELBO)"


def test_the_bound_of_an_untrained_diffusion_is_below_too() -> None:
    torch.manual_seed(0)
    model = DDPM(POINTS, steps=50)
    x = torch.randn(200, 2)
    truth = torch.distributions.Normal(0.0, 1.0).log_prob(x).sum(1)
    assert (truth - mean_bound(model, x, 10)).mean() > 0


def test_the_bound_is_the_sum_over_all_time_steps_and_a_draw_is_near_it() -> None:
    """Every time step by itself, against the stratified estimate."""
    torch.manual_seed(0)
    model = trained(DDPM(POINTS, steps=40, hidden=32, layers=1), gaussian(500), "100steps")
    x = gaussian(4, seed=2)
    with torch.no_grad():
        y = model.standardise(x)
        total = torch.zeros(4, dtype=torch.float64)
        for t in range(1, 41):
            rows = 2000
            many_x, many_y = x.repeat_interleave(rows, 0), y.repeat_interleave(rows, 0)
            term = model._term(many_x, many_y, torch.full((4 * rows,), t))
            total += term.double().unflatten(0, (4, rows)).mean(1)
        signal = float(model.signal[40])
        end = torch.distributions.Normal(signal * y, math.sqrt(1 - signal**2))
        start = torch.distributions.Normal(torch.zeros(()), torch.ones(()))
        prior_gap = torch.distributions.kl_divergence(end, start).sum(1).double()
        expected = -total - prior_gap + float(model.standardise.log_abs_det_jacobian())
        many = model.elbo(x.repeat_interleave(4000, 0)).double().unflatten(0, (4, 4000))
    error = many.std(1) / math.sqrt(4000)
    assert many.std(1).max() < 3.0
    assert ((many.mean(1) - expected).abs() < 5 * error + 0.03 * (1 + expected.abs())).all()


@pytest.mark.slow
def test_more_sampling_steps_make_better_samples_of_a_diffusion() -> None:
    torch.manual_seed(0)
    model = trained(DDPM(POINTS, steps=50, hidden=64, layers=2), gaussian(4000), "1500steps")
    assert model.sampling_budgets == (5, 10, 25, 50)

    def distance(steps: int | None) -> float:
        drawn = model.sample(4000, torch.Generator().manual_seed(0), steps=steps)
        return float((drawn.T.cov() - 4 * COVARIANCE).abs().max())

    assert distance(50) < 0.6
    assert distance(2) > distance(25)
    generators = [torch.Generator().manual_seed(3) for _ in range(2)]
    torch.testing.assert_close(model.sample(5, generators[0]), model.sample(5, generators[1], steps=25))


def test_flow_matching_has_a_density_that_integrates_to_one_and_is_that_of_its_samples() -> None:
    torch.manual_seed(0)
    model = trained(FlowMatching(POINTS, hidden=32, layers=1), gaussian(2000), "400steps")
    x, area = grid(-9, 13, 90)
    density = model.log_prob(x).detach().double().exp() * area
    assert density.sum().item() == pytest.approx(1.0, abs=0.02)
    samples = model.sample(8000, torch.Generator().manual_seed(0))
    mean = (density.unsqueeze(1) * x).sum(0)
    assert (samples.mean(0) - mean).abs().max() < 0.12
    held_out = gaussian(1000, seed=1)
    gap = float((true_log_prob(held_out) - model.log_prob(held_out)).mean())
    assert -0.01 < gap < 0.2
