"""Annealed likelihoods of real GANs and VAEs, trained for a moment: never better than the truth, and above IWAE."""

from __future__ import annotations

import math

import pytest
import torch
from callable_likelihood import CallableLikelihood
from torch import Tensor

from genbench import Budget, ComputeMeter, Dataset, GenerativeModel
from genbench.api.model import HasDecoder
from genbench.datasets.prepared import load_dataset
from genbench.likelihood.ais.annealing import anneal, anneal_back, explore, tune
from genbench.likelihood.ais.decoder import AnnealingSettings, DecoderAnnealing
from genbench.likelihood.ais.hmc import Target
from genbench.likelihood.ais.latent_space import LatentSpace
from genbench.likelihood.estimates import estimate_likelihood
from genbench.metrics.parzen import choose_bandwidth, parzen_log_likelihood
from genbench_datasets.embedded.cards import CARDS
from genbench_models.gan.dcgan import DCGAN
from genbench_models.gan.gan import GAN
from genbench_models.gan.wgan_gp import WGANGP
from genbench_models.vae.conv_vae import ConvVAE
from genbench_models.vae.vae import VAE


def data(name: str) -> Dataset:
    return load_dataset(next(card for card in CARDS if card.name == name))


def trained(model_class: type[GenerativeModel], dataset: Dataset, steps: int) -> GenerativeModel:
    torch.manual_seed(0)
    model = model_class(dataset.spec)
    meter = ComputeMeter(Budget(steps=steps), valid=dataset.valid)
    meter.start()
    model.fit(dataset.train, meter)
    meter.finish()
    return model.eval()


def annealing(model: GenerativeModel, dataset: Dataset, settings: AnnealingSettings) -> DecoderAnnealing:
    assert isinstance(model, HasDecoder)
    return DecoderAnnealing.prepare(model, dataset.train, dataset.valid, settings, seed=0)


@pytest.mark.parametrize("model_class", [pytest.param(WGANGP, marks=pytest.mark.slow), VAE])
def test_no_decoder_beats_the_truth_on_points(model_class: type[GenerativeModel]) -> None:
    """The mean of log p_truth - log p_model over data from the truth is a divergence: not below 0."""
    dataset = data("ring8")
    assert dataset.truth is not None
    model = trained(model_class, dataset, 600)
    test = dataset.test.random_subset(40, 0).tensor()
    found = annealing(model, dataset, AnnealingSettings(40, 1, 50)).log_likelihood(test, "test")
    short = dataset.truth.log_prob(test).double() - found
    assert float(short.mean()) > -3 * float(short.std()) / math.sqrt(40)
    assert float(short.mean()) < 12  # nor is it hopeless: the scale of the noise suits the samples


@pytest.mark.parametrize(
    ("model_class", "name", "steps", "most"),
    [
        (GAN, "digits", 150, 3.0),
        pytest.param(DCGAN, "digits", 80, 3.0, marks=pytest.mark.slow),
        pytest.param(ConvVAE, "digits", 40, 3.0, marks=pytest.mark.slow),
        pytest.param(WGANGP, "mnist5k", 30, 3.2, marks=pytest.mark.slow),
    ],
)
def test_images_get_sane_bits_per_dim(
    model_class: type[GenerativeModel], name: str, steps: int, most: float
) -> None:
    """Between what the best models reach and what uniform noise costs."""
    dataset = data(name)
    model = trained(model_class, dataset, steps)
    test = dataset.test.random_subset(6, 0).tensor()
    prepared = annealing(model, dataset, AnnealingSettings(6, 2, 25))
    bits = -prepared.log_likelihood(test, "test") / (dataset.spec.dimension * math.log(2))
    assert 1.0 < float(bits.mean()) < most
    assert -1 < prepared.gap().nats < 60


@pytest.mark.slow
@pytest.mark.parametrize("model_class", [GAN, VAE])
def test_series_get_a_density_like_that_of_a_gaussian_of_their_spread(
    model_class: type[GenerativeModel],
) -> None:
    dataset = data("sunspots")
    model = trained(model_class, dataset, 600)
    test = dataset.valid.tensor()[:12]
    found = annealing(model, dataset, AnnealingSettings(12, 2, 50)).log_likelihood(test, "test")
    train = dataset.train.tensor()
    independent = torch.distributions.Normal(train.mean(), train.std()).log_prob(test).flatten(1).sum(1)
    # a decoder that says nothing leaves a noise as wide as the data, which is that Gaussian; one that is wrong about
    # another era falls short of it, but by no more than a wrong unit would
    assert float(found.mean()) > 1.1 * float(independent.mean())


def own_target(model: VAE, x: Tensor) -> Target:
    """The posterior under the VAE's own observation model, whose scale it has learned."""

    def log_likelihood(z: Tensor) -> Tensor:
        n, c = z.shape[:2]
        outputs = model.decoder(z.flatten(0, 1))
        return model.observation.log_prob(x.repeat_interleave(c, 0), outputs).unflatten(0, (n, c))

    return Target(LatentSpace(model.prior), CallableLikelihood(log_likelihood))


def bound_and_ais(
    steps: int, k: int, examples: int, chains: int, temperatures: int, *, elbo: bool = False
) -> tuple[Tensor, Tensor, float]:
    """On one VAE and the same digits: the bound from k weights, IWAE or ELBO, what AIS says, and its gap on
    simulated digits."""
    dataset = data("digits")
    model = trained(VAE, dataset, steps)
    assert isinstance(model, VAE)
    x = dataset.test.random_subset(examples, 0).tensor()
    torch.manual_seed(0)
    bound = estimate_likelihood(model, dataset.spec, x, k=k)[1 if elbo else 0].log_prob
    with torch.no_grad():
        valid = own_target(model, dataset.valid.random_subset(12, 0).tensor())
        path = explore(valid, list(range(12)), 6).resampled(temperatures)

        seeds = list(range(examples))
        target = own_target(model, x)
        tuned_path, _ = tune(target, path.resampled(temperatures // 4), [s + 1000 for s in seeds], 2)
        ais = anneal(target, tuned_path.resampled(temperatures), seeds, chains).lower_bound

        z = torch.randn(12, model.latent_dim, generator=torch.Generator().manual_seed(3))
        simulated = own_target(
            model, model.observation.sample(model.decoder(z), torch.Generator().manual_seed(4))
        )
        some = [s + 2000 for s in range(12)]
        their_path, _ = tune(simulated, path.resampled(temperatures // 4), some, 2)
        their_path = their_path.resampled(temperatures)
        lower = anneal(simulated, their_path, [s + 100 for s in some], chains).lower_bound
        upper = anneal_back(simulated, their_path, [s + 200 for s in some], chains, z).upper_bound
    return bound, ais, float((upper - lower).mean())


def test_the_elbo_lies_below_ais_on_the_same_vae() -> None:
    elbo, ais, _ = bound_and_ais(steps=300, k=50, examples=24, chains=4, temperatures=60, elbo=True)
    difference = ais - elbo
    assert float(difference.mean()) > 2 * float(difference.std()) / math.sqrt(24)


@pytest.mark.slow
def test_iwae_lies_below_ais_on_the_same_vae_as_wu_et_al_found() -> None:
    """Their table 1: 86.46 nats from 100,000 importance samples, 85.62 by AIS. Here on digits, with 1000."""
    iwae, ais, gap = bound_and_ais(steps=3000, k=1000, examples=50, chains=16, temperatures=400)
    difference = ais - iwae
    assert float(difference.mean()) > max(0.2, 2 * float(difference.std()) / math.sqrt(50))
    assert -0.1 < gap < 0.5


@pytest.mark.slow
def test_kernel_density_reverses_an_order_that_ais_is_sure_of_as_wu_et_al_found() -> None:
    """Their table 2, on digits: windows on decoded samples prefer the VAE, though the GAN's likelihood is higher."""
    dataset = data("digits")
    x = dataset.test.random_subset(50, 0).tensor()
    annealed, windows = [], []
    for model in (trained(GAN, dataset, 6000), trained(VAE, dataset, 2000)):
        prepared = annealing(model, dataset, AnnealingSettings(50, 4, 400))
        annealed.append(prepared.log_likelihood(x, "test"))
        assert prepared.gap().nats < 1.5
        assert isinstance(model, HasDecoder)
        z = torch.randn(2000, *LatentSpace(model.prior).shape, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            decoded = model.decode(z).double()
        bandwidth = choose_bandwidth(dataset.valid.tensor().double(), decoded)
        windows.append(parzen_log_likelihood(dataset.test.tensor().double(), decoded, bandwidth))
    difference = annealed[0] - annealed[1]
    assert float(difference.mean()) > 2 * float(difference.std()) / math.sqrt(len(x))
    reversed_difference = windows[1] - windows[0]
    assert float(reversed_difference.mean()) > 2 * float(reversed_difference.std()) / math.sqrt(
        len(reversed_difference)
    )
