"""Importance bounds against closed forms; dequantised densities; estimates and their records."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal
from toy_decoders import LinearDecoder

from genbench.api.data import DataSpec
from genbench.errors import PluginError
from genbench.likelihood.dequantisation import dequantised_summary
from genbench.likelihood.estimates import estimate_likelihood, likelihood_metrics
from genbench.likelihood.generalisation_gap import generalisation_gap
from genbench.likelihood.importance_weights import summarise
from genbench.records import likelihood_kinds as kinds

SCALE = 0.5
POINTS = DataSpec(name="points", modality="points", event_shape=(8,))
GREY = DataSpec(name="grey", modality="points", event_shape=(2,), levels=6)


class Amortised(LinearDecoder):
    """A linear-Gaussian model whose q is the posterior, moved and widened."""

    def __init__(self, shift: float = 0.12, widening: float = 1.3) -> None:
        super().__init__(8, 3)
        self.shift, self.widening = shift, widening
        self.calls: list[int] = []

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        self.calls.append(len(x) * k)
        mean, covariance = self.posterior(x, SCALE)
        q = MultivariateNormal(mean + self.shift, covariance * self.widening)
        z = q.sample((k,))  # K, N, latent
        prior = Normal(0.0, 1.0).log_prob(z).sum(2)
        mean_x = z @ self.weight.detach().double().T + self.bias.detach().double()
        likelihood = Normal(mean_x, SCALE).log_prob(x.double()).sum(2)
        return (prior + likelihood - q.log_prob(z)).T


def test_iwae_rises_with_k_to_the_closed_form_from_below() -> None:
    model = Amortised()
    _, x = model.draw(1000, SCALE, 1)
    exact = float(model.marginal(SCALE).log_prob(x.double()).mean())
    torch.manual_seed(0)
    bounds = []
    for k in (1, 3, 9, 1000):
        best, *rest = estimate_likelihood(model, POINTS, x, k=k)
        bounds.append(float(best.log_prob.mean()))
        assert best.kind == (kinds.ELBO if k == 1 else f"lower bound (IWAE-{k})")
        assert [other.kind for other in rest] == ([] if k == 1 else [kinds.ELBO])
    assert bounds[0] < bounds[1] < bounds[2] < exact
    assert bounds[2] - 0.01 < bounds[3] < exact + 0.01
    assert exact - bounds[3] < 0.02
    mean, covariance = model.posterior(x, SCALE)
    shifted = MultivariateNormal(mean + model.shift, covariance * model.widening)
    kl = torch.distributions.kl_divergence(shifted, MultivariateNormal(mean, covariance)).mean()
    assert exact - bounds[0] == pytest.approx(float(kl), abs=0.1)  # the ELBO is short by the divergence


def test_with_the_posterior_as_q_every_weight_is_the_marginal_likelihood() -> None:
    model = Amortised(0.0, 1.0)
    _, x = model.draw(20, SCALE, 1)
    best, elbo = estimate_likelihood(model, POINTS, x, k=7)
    for estimate in (best, elbo):
        torch.testing.assert_close(
            estimate.log_prob, model.marginal(SCALE).log_prob(x.double()), rtol=0, atol=1e-5
        )


def test_pieces_give_what_the_whole_gives_however_extreme_the_weights() -> None:
    generator = torch.Generator().manual_seed(0)
    weights = 3000 * torch.randn(6, 101, generator=generator, dtype=torch.float64) - 50_000
    weights[2, :] = -torch.inf
    weights[3, 5] = -torch.inf
    position = 0

    def draw(some: int) -> Tensor:
        nonlocal position
        position += some
        return weights[:, position - some : position]

    for at_once in (1, 7, 101, 500):
        position = 0
        found = summarise(draw, 101, at_once)
        torch.testing.assert_close(found.log_mean, torch.logsumexp(weights, 1) - math.log(101))
        torch.testing.assert_close(found.elbo, weights.mean(1))
    assert found.log_mean[2] == -torch.inf


def test_calls_stay_small_whatever_k(monkeypatch: pytest.MonkeyPatch) -> None:
    from genbench.likelihood import batching

    monkeypatch.setattr(batching, "_MAX_NUMBERS_PER_CALL", 800)
    model = Amortised()
    _, x = model.draw(9, SCALE, 1)
    best, _ = estimate_likelihood(model, POINTS, x, k=1234)
    assert max(model.calls) <= 100
    assert sum(model.calls) == 9 * 1234
    assert best.k == 1234


# ---- dequantisation


class Flat:
    """The uniform density on [0, 6)^2: exact after dequantisation, whatever the draw."""

    def log_density(self, x: Tensor) -> Tensor:
        inside = ((x >= 0) & (x < 6)).all(1)
        return torch.where(inside, -2 * math.log(6), -torch.inf)


class Bell:
    """Two independent normals; the mass of a bin is known."""

    def log_density(self, x: Tensor) -> Tensor:
        return Normal(2.7, 0.8).log_prob(x).sum(1)

    def mass(self, x: Tensor) -> Tensor:
        normal = Normal(torch.tensor(2.7, dtype=torch.float64), 0.8)
        return (normal.cdf(x.double() + 1) - normal.cdf(x.double())).log().sum(1)


def test_dequantised_bounds_come_up_to_the_mass_of_the_bin_from_below() -> None:
    x = torch.tensor([[0, 0], [2, 2], [2, 3], [5, 1]]).repeat(300, 1)
    torch.manual_seed(0)
    exact = Bell().mass(x)
    means = []
    for k in (1, 4, 20, 300):
        found = dequantised_summary(Bell().log_density, x, k, 100)
        means.append(float((found.log_mean - exact).mean()))
    assert means[0] < means[1] < means[2] < means[3] < 0.003
    assert means[0] < -0.3
    assert means[3] > -0.02


def test_a_density_gets_a_likelihood_of_the_integers_and_its_kind_says_so() -> None:
    x = torch.randint(0, 6, (50, 2), generator=torch.Generator().manual_seed(0))
    best, plain = estimate_likelihood(Flat(), GREY, x, k=100)
    assert best.kind == "lower bound (dequantised, IW-20)"
    assert plain.kind == "lower bound (dequantised)"
    torch.testing.assert_close(
        best.log_prob, torch.full((50,), -2 * math.log(6), dtype=torch.float64), rtol=1e-6, atol=0
    )
    nll, bits = likelihood_metrics([best, plain], GREY)
    assert bits.value == pytest.approx(math.log2(6))
    assert nll.kind == bits.kind == best.kind
    (only,) = estimate_likelihood(Flat(), GREY, x, k=1)
    assert only.kind == "lower bound (dequantised)"


def test_a_draw_never_leaves_its_bin() -> None:
    """In float32, 255 + 0.99999999 would be 256."""
    seen = []

    def log_density(x: Tensor) -> Tensor:
        seen.append(x)
        return x.sum(1)

    integers = torch.full((2000, 2), 255)
    dequantised_summary(log_density, integers, 50, 10)
    for x in seen:
        assert (x.floor() == 255).all()


def test_of_real_data_a_density_is_exact() -> None:
    spec = DataSpec(name="points", modality="points", event_shape=(2,))
    x = torch.randn(10, 2)
    (only,) = estimate_likelihood(Bell(), spec, x, k=5)
    assert only.kind == kinds.EXACT
    torch.testing.assert_close(only.log_prob, Bell().log_density(x).double())


# ---- records


def test_what_is_not_a_likelihood_is_told_how() -> None:
    class Wrong:
        def log_prob(self, x: Tensor) -> Tensor:
            return x

    with pytest.raises(PluginError, match=r"log_prob returned shape \(3, 2\), expected \(3,\)"):
        estimate_likelihood(Wrong(), GREY, torch.zeros(3, 2, dtype=torch.int64), k=1)
    assert estimate_likelihood(object(), GREY, torch.zeros(3, 2, dtype=torch.int64), k=1) == []


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (kinds.EXACT, "exact"),
        (kinds.iwae(50), "difference of lower bound (IWAE-50)"),
        (kinds.annealed(0.123), "difference of AIS estimate (gap 0.12 nats)"),
    ],
)
def test_the_likelihood_gap_is_a_difference_of_means_with_its_error(kind: str, expected: str) -> None:
    generator = torch.Generator().manual_seed(0)
    train = 3 + torch.randn(400, generator=generator)
    test = 1 + 2 * torch.randn(400, generator=generator)
    found = generalisation_gap(train, test, kind)
    assert found.value == pytest.approx(float(train.mean() - test.mean()), abs=1e-6)
    assert found.stderr == pytest.approx(math.sqrt(5 / 400), rel=0.1)
    assert (found.kind, found.n, found.unit, found.better) == (expected, 400, "nats", "lower")
    test[3] = -torch.inf
    broken = generalisation_gap(train, test, kind)
    assert broken.value is None
    assert broken.note == "not finite for 1 of 800 examples"


def test_kinds_compare_without_their_accuracy() -> None:
    assert kinds.comparable(kinds.annealed(0.1)) == kinds.comparable(kinds.annealed(7.0)) == "AIS estimate"
    assert kinds.comparable(kinds.annealed_partition(0.1)) == "AIS estimate of Z"
    assert kinds.comparable(kinds.difference(kinds.annealed(0.1))) == "difference of AIS estimate"
    for kind in (kinds.EXACT, kinds.ELBO, kinds.iwae(10), kinds.iwae(20), kinds.dequantised(3)):
        assert kinds.comparable(kind) == kind
        assert kinds.accuracy(kind) is None
    assert kinds.accuracy(kinds.annealed(-0.05)) == ("gap", -0.05)
    assert kinds.accuracy(kinds.annealed_partition(0.5)) == ("within", 0.5)
    assert kinds.accuracy(kinds.annealed_partition(math.inf)) is None
    assert kinds.comparable(kinds.annealed_partition(math.inf)) == "AIS estimate of Z"
