"""The GANs' losses against the papers' formulas, written out independently."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from genbench import DataSpec
from genbench_models.gan.gan import discriminator_loss, generator_loss
from genbench_models.gan.wgan_gp import WGANGP, gradient_penalty

POINTS = DataSpec(name="points", modality="points", event_shape=(3,))


def test_discriminator_and_generator_losses_are_those_of_goodfellow_2014() -> None:
    torch.manual_seed(0)
    real, fake = torch.randn(50, dtype=torch.float64) * 3, torch.randn(50, dtype=torch.float64) * 3
    d_real, d_fake = 1 / (1 + (-real).exp()), 1 / (1 + (-fake).exp())
    expected_d = -(d_real.log().mean() + (1 - d_fake).log().mean())
    torch.testing.assert_close(discriminator_loss(real, fake), expected_d)
    torch.testing.assert_close(generator_loss(fake), -d_fake.log().mean())


def test_at_equilibrium_the_losses_are_log_4_and_log_2() -> None:
    undecided = torch.zeros(8)
    assert discriminator_loss(undecided, undecided).item() == pytest.approx(math.log(4))
    assert generator_loss(undecided).item() == pytest.approx(math.log(2))


def test_losses_stay_finite_where_sigmoids_saturate() -> None:
    logits = torch.tensor([-500.0, 500.0], requires_grad=True)
    loss = discriminator_loss(logits, logits) + generator_loss(logits)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


class LinearCritic(nn.Module):
    """f(x) = w.x, whose gradient is w everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([1.0, -2.0, 2.0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.w


def test_gradient_penalty_of_a_linear_critic_is_its_norms_distance_from_one() -> None:
    critic = LinearCritic()
    penalty = gradient_penalty(critic, torch.randn(7, 3), torch.randn(7, 3))
    assert penalty.item() == pytest.approx((3 - 1) ** 2)
    penalty.backward()
    # d/dw (|w| - 1)^2 = 2 (|w| - 1) w / |w|
    torch.testing.assert_close(critic.w.grad, 2 * (3 - 1) * critic.w.detach() / 3)


def test_gradient_penalty_looks_between_real_and_fake_with_one_share_an_example() -> None:
    seen: list[torch.Tensor] = []

    class Spy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x.detach())
            return x.square().flatten(1).sum(1)

    gradient_penalty(Spy(), torch.ones(200, 2, 2), torch.zeros(200, 2, 2))
    (between,) = seen
    shares = between.flatten(1)
    assert (shares == shares[:, :1]).all()
    assert 0 <= shares.min() < 0.1
    assert 0.9 < shares.max() <= 1
    assert len(shares[:, 0].unique()) > 190


def test_gradient_penalty_of_a_quadratic_critic_by_hand() -> None:
    class Quadratic(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 0.5 * x.square().sum(1)

    # real and fake agree, so every interpolate is that point, and the gradient is the point itself
    point = torch.tensor([[3.0, 4.0], [0.6, 0.8]])
    assert gradient_penalty(Quadratic(), point, point).item() == pytest.approx(((5 - 1) ** 2 + 0) / 2)


def test_critic_loss_is_wasserstein_distance_with_ten_times_the_penalty() -> None:
    series = DataSpec(name="series", modality="series", event_shape=(3, 1))
    model = WGANGP(series)
    assert model.penalty == 10.0
    model.discriminator = nn.Sequential(nn.Flatten(), LinearCritic())
    real, fake = torch.randn(6, 3, 1), torch.randn(6, 3, 1)
    w = torch.tensor([1.0, -2.0, 2.0])
    distance = (fake.flatten(1) @ w).mean() - (real.flatten(1) @ w).mean()
    torch.testing.assert_close(model.discriminator_loss(real, fake), distance + 10 * (3.0 - 1) ** 2)


def test_penalty_for_points_is_that_of_the_toy_experiments_unless_set() -> None:
    assert WGANGP(POINTS).penalty == 0.1
    assert WGANGP(POINTS, penalty=10.0).penalty == 10.0
