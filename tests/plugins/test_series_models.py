"""TimeVAE, TimeGAN, VAR and the Gumbel GAN: what their parts compute."""

from __future__ import annotations

import pytest
import torch

from genbench import DataSpec
from genbench_models.autoregressive.ar import AR
from genbench_models.autoregressive.var import VAR
from genbench_models.gan.gumbel_gan import GumbelGAN
from genbench_models.gan.time_gan import TimeGAN
from genbench_models.vae.time_vae import Season, TimeVAE, Trend


def spec(steps: int = 10, channels: int = 2) -> DataSpec:
    return DataSpec(name="series", modality="series", event_shape=(steps, channels))


@pytest.mark.parametrize("steps", [1, 2, 5, 24])
def test_convolutions_come_back_to_the_length_they_began_with(steps: int) -> None:
    model = TimeVAE(spec(steps), hidden=4, layers=3)
    assert model.decoder(torch.zeros(3, 8)).shape == (3, 2, steps, 2)


def test_a_trend_is_a_polynomial_and_a_season_comes_again() -> None:
    z = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        trend = Trend(spec(), 4, 8, degree=2)(z)
        season = Season(spec(), 4, 8, season=3)(z)
    thirds = trend.diff(dim=1).diff(dim=1).diff(dim=1)
    torch.testing.assert_close(thirds, torch.zeros_like(thirds), atol=1e-5, rtol=0)
    assert trend.diff(dim=1).diff(dim=1).abs().max() > 1e-4
    torch.testing.assert_close(season[:, 3:], season[:, :-3])
    assert season.std() > 1e-3


def test_the_supervisor_is_asked_for_the_next_state_and_moments_for_those_of_the_batch() -> None:
    model = TimeGAN(spec(), hidden=6)
    states = torch.rand(5, 10, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = (model.generator.following(states)[:, :-1] - states[:, 1:]).square().mean()
        assert torch.allclose(model._next_state_error(states), expected)
        # the state at a time is expected from those up to it
        later = states.clone()
        later[:, 7:] = 0.5
        assert torch.equal(model.generator.following(states)[:, :7], model.generator.following(later)[:, :7])


def test_var_of_a_fixed_order_is_the_autoregression_of_that_order() -> None:
    x = torch.randn(4, 10, 2, generator=torch.Generator().manual_seed(0))
    one, other = VAR(spec(), max_order=0), AR(spec(), max_order=0)
    assert torch.equal(one.log_prob(x), other.log_prob(x))
    assert (VAR(spec()).criterion, AR(spec()).criterion) == ("bic", "validation")


def test_the_gumbel_gan_writes_whole_symbols_of_its_own_distribution_and_gradients_pass() -> None:
    tokens = DataSpec(name="text", modality="tokens", event_shape=(2,), levels=3)
    torch.manual_seed(0)
    model = GumbelGAN(tokens, hidden=8, width=4).eval()
    written = model._written_softly(4000)
    assert torch.equal(written.sort(2).values, torch.tensor([0.0, 0.0, 1.0]).expand(4000, 2, 3))
    symbols = written.argmax(2)
    counts = torch.bincount(3 * symbols[:, 0] + symbols[:, 1], minlength=9) / 4000
    with torch.no_grad():
        pairs = torch.cartesian_prod(torch.arange(3), torch.arange(3))
        assert torch.allclose(counts, model.log_prob(pairs).exp(), atol=0.04)
        assert torch.allclose(model._verdicts(written), model.discriminator(symbols), atol=1e-6)
    model._verdicts(written).mean().backward()
    assert all(parameter.grad is not None for parameter in model._generator_parameters())
