"""What each VAE adds: against torch.distributions, enumeration, loops over numbers."""

from __future__ import annotations

import itertools
import math
from typing import TypeVar

import pytest
import torch

from genbench import Budget, ComputeMeter, DataSpec, Split
from genbench.api.data import storage_dtype
from genbench.api.model import GenerativeModel
from genbench_models.hybrid.adversarial_autoencoder import AdversarialAutoencoder
from genbench_models.hybrid.vae_gan import VAEGAN
from genbench_models.vae.beta_vae import BetaVAE
from genbench_models.vae.conditional_vq_vae import ConditionalVQVAE
from genbench_models.vae.iwae import IWAE
from genbench_models.vae.ladder_vae import LadderVAE
from genbench_models.vae.vae import VAE
from genbench_models.vae.vamp_prior import VampPriorVAE
from genbench_models.vae.vq_vae import VQVAE, Codebook
from genbench_models.vae.wae_mmd import WAEMMD, imq_mmd

POINTS = DataSpec(name="points", modality="points", event_shape=(2,))
BINARY = DataSpec(name="binary", modality="image", event_shape=(1, 2, 2), levels=2)
IMAGE = DataSpec(name="image", modality="image", event_shape=(1, 8, 8), levels=5, classes=3)


def split_of(spec: DataSpec, count: int = 96) -> Split:
    generator = torch.Generator().manual_seed(0)
    shared = torch.randn(count, *[1] * len(spec.event_shape), generator=generator)
    x = shared + 0.3 * torch.randn(count, *spec.event_shape, generator=generator)
    if spec.levels is not None:
        x = (x.sigmoid() * spec.levels).floor().clamp(0, spec.levels - 1)
    y = None if spec.classes is None else torch.arange(count) % spec.classes
    return Split(spec, x.to(storage_dtype(spec)), y)


M = TypeVar("M", bound=GenerativeModel)


def trained(model: M, budget: str) -> M:
    meter = ComputeMeter(Budget.parse(budget))
    model.train()
    model.fit(split_of(model.spec), meter)
    meter.finish()
    return model.eval()


def test_beta_weighs_the_divergence_and_a_beta_of_one_is_the_vae() -> None:
    torch.manual_seed(0)
    plain = VAE(POINTS, hidden=16)
    heavy = BetaVAE(POINTS, hidden=16)
    heavy.load_state_dict(plain.state_dict())
    x = torch.randn(20, 2)

    def loss(model: VAE, weight: float) -> torch.Tensor:
        torch.manual_seed(1)
        return model.training_loss(x, weight)

    difference = loss(heavy, heavy.beta) - loss(plain, 1.0)
    mean, log_scale = plain.posterior(x)
    normal = torch.distributions.Normal(mean, log_scale.exp())
    standard = torch.distributions.Normal(torch.zeros(()), torch.ones(()))
    divergence = torch.distributions.kl_divergence(normal, standard).sum(1).mean()
    torch.testing.assert_close(difference, 3.0 * divergence, rtol=1e-4, atol=1e-4)


def test_the_iwae_trains_on_minus_the_log_of_the_mean_weight() -> None:
    model = IWAE(POINTS, train_samples=5, hidden=16).eval()
    x = torch.randn(7, 2)
    torch.manual_seed(3)
    weights = model.log_weights(x, 5)
    by_hand = -sum(math.log(sum(math.exp(w) for w in row) / 5) for row in weights.tolist()) / 7
    torch.manual_seed(3)
    assert model.training_loss(x, 1.0).item() == pytest.approx(by_hand, rel=1e-4)


def test_more_samples_make_a_tighter_bound() -> None:
    torch.manual_seed(0)
    model = trained(IWAE(POINTS, hidden=16), "30steps")
    x = split_of(POINTS).tensor()
    with torch.no_grad():
        bounds = [
            float((torch.logsumexp(model.log_weights(x, k), 1) - math.log(k)).mean()) for k in (1, 10, 300)
        ]
    assert bounds == sorted(bounds)


def test_the_vamp_priors_density_is_that_of_its_mixture() -> None:
    torch.manual_seed(0)
    model = trained(VampPriorVAE(POINTS, pseudo_inputs=7, latent_dim=3, hidden=16), "20steps")
    z = 2 * torch.randn(40, 3)
    with torch.no_grad():
        torch.testing.assert_close(model.log_prior(z), model.prior.log_prob(z), rtol=1e-4, atol=1e-4)


def test_draws_of_the_vamp_prior_have_its_moments() -> None:
    torch.manual_seed(0)
    model = trained(VampPriorVAE(POINTS, pseudo_inputs=7, latent_dim=3, hidden=16), "20steps")
    with torch.no_grad():
        drawn = model.draw_prior(20_000, torch.Generator().manual_seed(0))
        prior = model.prior
        scale = prior.variance.sqrt()
        assert ((drawn.mean(0) - prior.mean) / scale).abs().max() < 0.05
        assert (drawn.std(0) / scale - 1).abs().max() < 0.05


def test_pseudo_inputs_start_as_training_examples() -> None:
    model = VampPriorVAE(BINARY, pseudo_inputs=5)
    train = split_of(BINARY)
    model.prepare(train)
    standardised = model.standardise(train.tensor()).flatten(1)
    distances = torch.cdist(model.pseudo_inputs.detach().flatten(1), standardised)
    assert distances.min(1).values.max() < 1e-5


def test_ladder_weights_average_to_the_likelihood_of_a_tiny_binary_model() -> None:
    """p(x) by a sum over a fine grid of both latents; the weights' mean is an unbiased estimate of it."""
    torch.manual_seed(0)
    model = trained(LadderVAE(BINARY, upper_dim=1, lower_dim=1, hidden=8), "40steps")
    model.double()
    grid = torch.linspace(-6, 6, 161, dtype=torch.float64)
    z = torch.cartesian_prod(grid, grid)  # (z2, e1), standard normal
    log_mass = -0.5 * (z.square() + math.log(2 * math.pi)).sum(1) + 2 * math.log(12 / 160)
    everything = torch.tensor(list(itertools.product((0, 1), repeat=4))).reshape(16, 1, 2, 2)
    with torch.no_grad():
        outputs = model._descend(z)
        truth = torch.stack(
            [
                torch.logsumexp(model.observation.log_prob(x.expand(len(z), *x.shape), outputs) + log_mass, 0)
                for x in everything
            ]
        )
        weights = model.log_weights(everything, 4000)
    assert truth.exp().sum().item() == pytest.approx(1.0, abs=1e-3)
    estimate = weights.exp().mean(1)
    error = weights.exp().std(1) / math.sqrt(4000)
    assert ((estimate - truth.exp()).abs() <= 5 * error + 1e-4).all()


def test_mmd_is_the_sum_over_pairs() -> None:
    torch.manual_seed(0)
    z, prior = torch.randn(6, 3) + 0.5, torch.randn(6, 3)
    scales = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

    def kernel(a: list[float], b: list[float]) -> float:
        square = sum((i - j) ** 2 for i, j in zip(a, b, strict=True))
        return sum(2 * 3 * s / (2 * 3 * s + square) for s in scales)

    rows, others = z.tolist(), prior.tolist()
    total = 0.0
    for i, j in itertools.product(range(6), repeat=2):
        if i != j:
            total += (kernel(rows[i], rows[j]) + kernel(others[i], others[j])) / 30
        total -= 2 * kernel(rows[i], others[j]) / 36
    assert imq_mmd(z, prior).item() == pytest.approx(total, rel=1e-4)


def test_mmd_of_the_same_distribution_is_zero_on_average_and_of_another_is_not() -> None:
    generator = torch.Generator().manual_seed(0)
    same = [
        imq_mmd(torch.randn(32, 2, generator=generator), torch.randn(32, 2, generator=generator)).item()
        for _ in range(200)
    ]
    mean = sum(same) / 200
    spread = (sum((value - mean) ** 2 for value in same) / 200) ** 0.5
    assert abs(mean) < 4 * spread / math.sqrt(200)
    moved = imq_mmd(1 + torch.randn(32, 2, generator=generator), torch.randn(32, 2, generator=generator))
    assert moved.item() > 4 * spread


def test_codes_are_the_nearest_vectors() -> None:
    torch.manual_seed(0)
    book = Codebook(9, 4)
    h = torch.randn(50, 4)
    assert torch.equal(book.nearest(h), torch.cdist(h, book.vectors).argmin(1))


def test_the_codebook_moves_to_the_means_of_what_chose_it() -> None:
    torch.manual_seed(0)
    book = Codebook(2, 1)
    h = torch.cat([torch.full((30, 1), -3.0), torch.full((50, 1), 5.0)])
    h = h + 0.01 * torch.randn_like(h)
    for _ in range(300):
        book.follow(h, book.nearest(h))
    assert sorted(book.vectors.flatten().tolist()) == pytest.approx([-3.0, 5.0], abs=0.05)


def test_a_bound_is_one_term_of_the_sum_over_codes() -> None:
    """log p(x | codes) + log p(codes), by the parts of a trained model."""
    torch.manual_seed(0)
    model = trained(VQVAE(IMAGE, codes=6, width=8, prior_width=16, prior_layers=1), "20steps")
    x = split_of(IMAGE).tensor()[:5]
    with torch.no_grad():
        codes = model.to_codes(x)
        one = torch.stack(
            [
                model.observation.log_prob(x[i : i + 1], model.outputs(model.codebook.vectors[codes[i]]))[0]
                + model.language.log_prob(codes[i : i + 1])[0]
                for i in range(5)
            ]
        )
        torch.testing.assert_close(model.elbo(x), one, rtol=1e-4, atol=1e-3)


def test_a_conditional_vq_vae_sums_over_the_labels_it_was_not_told() -> None:
    torch.manual_seed(0)
    model = trained(ConditionalVQVAE(IMAGE, codes=6, width=8, prior_width=16, prior_layers=1), "20steps")
    codes = model.to_codes(split_of(IMAGE).tensor()[:4])
    with torch.no_grad():
        total = sum(
            float(model.label_shares[label])
            * model.language_log_prob(codes, torch.full((4,), label)).double().exp()
            for label in range(3)
        )
        assert isinstance(total, torch.Tensor)
        torch.testing.assert_close(
            model.language_log_prob(codes, None).double(), total.log(), rtol=1e-4, atol=1e-4
        )


def test_a_label_changes_what_a_conditional_vq_vae_draws() -> None:
    torch.manual_seed(0)
    model = trained(ConditionalVQVAE(IMAGE, codes=6, width=8, prior_width=16, prior_layers=1), "120steps")
    codes = model.to_codes(split_of(IMAGE).tensor()[:4])
    with torch.no_grad():
        each = [model.language_log_prob(codes, torch.full((4,), label)) for label in range(3)]
    assert not torch.allclose(each[0], each[1])


@pytest.mark.slow
def test_a_vae_gans_encoder_and_generator_belong_together() -> None:
    torch.manual_seed(0)
    model = VAEGAN(POINTS, hidden=64, latent_dim=2)
    meter = ComputeMeter(Budget.parse("600steps"))
    model.train()
    train = split_of(POINTS, 256)
    model.fit(train, meter)
    meter.finish()
    model.eval()
    x = train.tensor()
    with torch.no_grad():
        error = (model.decode(model.encode(x)) - x).square().mean()
    assert error < 0.5 * x.var()


DETERMINISTIC = pytest.mark.parametrize("build", [AdversarialAutoencoder, WAEMMD])


@pytest.mark.slow
@DETERMINISTIC
def test_codes_are_pulled_to_the_prior_and_decoded_back(
    build: type[AdversarialAutoencoder] | type[WAEMMD],
) -> None:
    """The data are a uniform rectangle, whose codes start nearly all alike; off its corners a Gaussian is in reach."""
    torch.manual_seed(0)
    model = build(POINTS, hidden=64)
    x = torch.rand(600, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([4.0, 1.0]) + 3
    assert model.encode(x).std(0).amax() < 0.5
    meter = ComputeMeter(Budget.parse("600steps"))
    model.train()
    model.fit(Split(POINTS, x), meter)
    meter.finish()
    model.eval()
    with torch.no_grad():
        codes = model.encode(x)
        error = (model.decode(codes) - x).square().mean(0)
    assert codes.mean(0).abs().amax() < 0.25
    assert (codes.std(0) - 1).abs().amax() < 0.2
    assert (error / x.var(0)).amax() < 0.1


@DETERMINISTIC
def test_codes_of_points_are_no_wider_than_the_points(
    build: type[AdversarialAutoencoder] | type[WAEMMD],
) -> None:
    wide = DataSpec(name="wide", modality="points", event_shape=(30,))
    assert [build(spec).latent_dim for spec in (POINTS, wide, IMAGE)] == [2, 8, 8]
    assert build(POINTS, latent_dim=5).latent_dim == 5
