"""EDM and flow matching on images against ODEs whose solutions are known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from genbench import Budget, ComputeMeter, DataSpec, Split
from genbench_models.diffusion.edm import EDM, noise_levels
from genbench_models.diffusion.image_flow_matching import ImageFlowMatching

POINTS = DataSpec(name="points", modality="points", event_shape=(2,))
IMAGE = DataSpec(name="image", modality="image", event_shape=(1, 8, 8))
DIGITS = DataSpec(name="digits", modality="image", event_shape=(1, 8, 8), levels=5)


class Predicts(nn.Module):
    """A network that answers with its input times a factor, whatever the time."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        assert t.shape == (len(x),)
        assert ((t >= 0) & (t <= 1)).all()
        return self.factor * x


def test_noise_levels_are_those_of_the_paper() -> None:
    levels = noise_levels(18)
    assert levels[0] == pytest.approx(80)
    assert levels[-2:] == [pytest.approx(0.002), 0.0]
    assert levels == sorted(levels, reverse=True)
    assert len(levels) == 19
    # eq. 5 at i = 9 of N = 18
    step = 9 / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))
    assert levels[9] == pytest.approx((80 ** (1 / 7) + step) ** 7)
    assert noise_levels(1) == [pytest.approx(80), 0.0]


@pytest.mark.parametrize(("steps", "error"), [(18, 0.1), (60, 0.02)])
def test_the_ode_of_a_normal_distribution_is_solved(steps: int, error: float) -> None:
    """For data with mean 0 and variance 1, c_skip x is the posterior mean, and x(0) = x(80) / sqrt(1 + 80²)."""
    model = EDM(POINTS)
    model.averaged = Predicts(0.0)
    samples = model.sample(500, torch.Generator().manual_seed(0), steps=steps)
    start = 80 * torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(samples, start / math.sqrt(1 + 80**2), atol=error, rtol=error)


def test_targets_have_variance_one_at_every_noise_level() -> None:
    """What the preconditioning is for (eqs. 114-117), here for data with a standard deviation of 0.5."""
    model = EDM(POINTS)
    model.spread.fill_(0.5)
    y, noise = 0.5 * torch.randn(200_000), torch.randn(200_000)
    for sigma in (0.01, 0.5, 20.0):
        c_skip, c_out, c_in = model._factors(torch.tensor(sigma))
        noisy = y + sigma * noise
        assert (c_in * noisy).std().item() == pytest.approx(1, abs=0.02)
        assert ((y - c_skip * noisy) / c_out).std().item() == pytest.approx(1, abs=0.02)


@pytest.mark.slow
def test_a_trained_edm_draws_a_correlated_normal_distribution() -> None:
    torch.manual_seed(0)
    covariance = torch.tensor([[1.0, 0.7], [0.7, 1.0]])
    x = torch.tensor([3.0, -1.0]) + 2 * torch.randn(2000, 2) @ torch.linalg.cholesky(covariance).T
    model = EDM(POINTS, hidden=32, layers=1)
    model.fit(Split(POINTS, x), ComputeMeter(Budget(steps=400)))
    drawn = model.eval().sample(4000, torch.Generator().manual_seed(0))
    assert (drawn.mean(0) - x.mean(0)).abs().max() < 0.3
    assert (drawn.T.cov() - x.T.cov()).abs().max() < 0.8


def test_a_velocity_that_is_the_place_itself_multiplies_by_e() -> None:
    model = ImageFlowMatching(IMAGE, width=4)
    model.averaged = Predicts(1.0)
    samples = model.sample(5, torch.Generator().manual_seed(0), steps=50)
    start = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(samples, math.e * start, atol=1e-3, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("build", [EDM, ImageFlowMatching])
def test_one_image_is_learned(build: type[EDM] | type[ImageFlowMatching]) -> None:
    torch.manual_seed(0)
    image = torch.arange(64).reshape(1, 1, 8, 8) % 5
    split = Split(DIGITS, image.repeat(64, 1, 1, 1).to(torch.uint8))
    model = build(DIGITS, width=8)
    model.fit(split, ComputeMeter(Budget(steps=150)))
    drawn = model.eval().sample(20, torch.Generator().manual_seed(0))
    assert (drawn == image).float().mean() > 0.8  # one in five by chance
