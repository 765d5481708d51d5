"""What is particular to the VAEs: bounds that are bounds, weights that sum to one, training that learns."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from slow_cases import slow_beyond
from torch import Tensor, nn

from genbench import Budget, ComputeMeter, DataSpec, Split
from genbench.api.data import storage_dtype
from genbench.api.model import Encodes, HasDecoder, HasLogWeights
from genbench_models.vae.conv_vae import ConvVAE
from genbench_models.vae.vae import VAE

POINTS = DataSpec(name="points", modality="points", event_shape=(2,))
IMAGE = DataSpec(name="image", modality="image", event_shape=(1, 8, 8), levels=17)
BINARY = DataSpec(name="binary", modality="image", event_shape=(1, 2, 2), levels=2)
SERIES = DataSpec(name="series", modality="series", event_shape=(12, 2))
MODELS_AND_SPECS = [
    (VAE, POINTS),
    (VAE, IMAGE),
    (VAE, BINARY),
    (VAE, SERIES),
    (ConvVAE, IMAGE),
    (ConvVAE, BINARY),
]


def split_of(spec: DataSpec, count: int) -> Split:
    generator = torch.Generator().manual_seed(0)
    shared = torch.randn(count, *[1] * len(spec.event_shape), generator=generator)
    x = shared + 0.3 * torch.randn(count, *spec.event_shape, generator=generator)
    if spec.levels is None:
        x = 100 + 5 * x
    else:
        x = ((x.sigmoid() * spec.levels).floor()).clamp(0, spec.levels - 1)
    return Split(spec, x.to(storage_dtype(spec)))


def trained(model: VAE, train: Split, budget: str) -> VAE:
    meter = ComputeMeter(Budget.parse(budget))
    model.train()
    model.fit(train, meter)
    meter.finish()
    assert set(meter.losses()) == {"loss"}
    return model


def iwae(model: VAE, x: Tensor, k: int) -> Tensor:
    with torch.no_grad():
        return torch.logsumexp(model.log_weights(x, k), 1) - math.log(k)


@pytest.mark.parametrize(("model_class", "spec"), MODELS_AND_SPECS)
def test_trains_on_two_examples_samples_in_the_domain_and_leaves_global_chance_alone(
    model_class: type[VAE], spec: DataSpec
) -> None:
    torch.manual_seed(0)
    model = trained(model_class(spec), split_of(spec, 2), "5steps")
    state = torch.get_rng_state()
    samples = model.sample(9, torch.Generator().manual_seed(1))
    assert torch.equal(torch.get_rng_state(), state)
    assert samples.shape == (9, *spec.event_shape)
    assert torch.equal(samples, model.sample(9, torch.Generator().manual_seed(1)))
    assert not torch.equal(samples, model.sample(9, torch.Generator().manual_seed(2)))
    if spec.levels is None:
        assert samples.dtype == torch.float32
    else:
        assert samples.dtype == torch.int64
        assert samples.min() >= 0
        assert samples.max() < spec.levels


@pytest.mark.parametrize(("model_class", "spec"), MODELS_AND_SPECS)
def test_saved_state_holds_all_there_is(model_class: type[VAE], spec: DataSpec) -> None:
    train = split_of(spec, 40)
    model = trained(model_class(spec), train, "5steps")
    copy = model_class(spec)
    copy.load_state_dict(model.state_dict())
    torch.manual_seed(1)
    expected = model.log_weights(train.tensor(), 3)
    torch.manual_seed(1)
    torch.testing.assert_close(copy.log_weights(train.tensor(), 3), expected)
    torch.testing.assert_close(copy.encode(train.tensor()), model.encode(train.tensor()))


@pytest.mark.parametrize(("model_class", "spec"), MODELS_AND_SPECS)
def test_decode_is_differentiable_on_the_data_s_scale(model_class: type[VAE], spec: DataSpec) -> None:
    model = trained(model_class(spec), split_of(spec, 200), "30steps")
    assert isinstance(model, HasDecoder)
    assert isinstance(model, HasLogWeights)
    assert isinstance(model, Encodes)
    z = model.prior.sample((50,)).requires_grad_()
    decoded = model.decode(z)
    assert decoded.shape == (50, *spec.event_shape)
    (gradient,) = torch.autograd.grad(decoded.sum(), z)
    assert gradient.isfinite().all()
    assert gradient.abs().sum() > 0
    if spec.levels is None:
        assert 80 < decoded.mean() < 120  # the data lie around 100
    else:
        assert decoded.min() >= 0
        assert decoded.max() <= spec.levels - 1


@pytest.mark.parametrize(("model_class", "spec"), slow_beyond([(VAE, POINTS)], MODELS_AND_SPECS))
def test_bounds_tighten_with_k_and_one_weight_averages_to_the_elbo(
    model_class: type[VAE], spec: DataSpec
) -> None:
    torch.manual_seed(0)
    train = split_of(spec, 300)
    model = trained(model_class(spec), train, "60steps")
    x = train.tensor()[:100]
    model.eval()
    with torch.no_grad():
        weights = model.log_weights(x, 200)
        assert weights.shape == (100, 200)
        terms = [model.elbo_terms(x) for _ in range(200)]
    elbo = torch.stack([log_likelihood - kl for log_likelihood, kl in terms]).mean()
    error = (weights.std(1).mean() / math.sqrt(200 * 100)).item()
    assert weights.mean().item() == pytest.approx(elbo.item(), abs=8 * error)
    # k = 1 is the ELBO; more weights bound more tightly (Burda et al. 2016, theorem 1)
    assert iwae(model, x, 1).mean().item() == pytest.approx(
        weights.mean().item(), abs=8 * error * math.sqrt(200)
    )
    assert weights.mean() <= iwae(model, x, 20).mean() <= iwae(model, x, 2000).mean() + 0.05


@pytest.mark.parametrize("model_class", slow_beyond([VAE], [VAE, ConvVAE]))
def test_probabilities_of_all_binary_images_sum_to_one(model_class: type[VAE]) -> None:
    torch.manual_seed(0)
    model = trained(model_class(BINARY, latent_dim=2), split_of(BINARY, 200), "100steps")
    everything = torch.tensor(list(itertools.product([0, 1], repeat=4))).reshape(16, 1, 2, 2)
    assert iwae(model, everything, 20_000).exp().sum().item() == pytest.approx(1, abs=0.02)


def test_probabilities_of_all_three_level_points_sum_to_one() -> None:
    torch.manual_seed(0)
    spec = DataSpec(name="three", modality="points", event_shape=(2,), levels=3)
    model = trained(VAE(spec, latent_dim=2), split_of(spec, 200), "100steps")
    everything = torch.cartesian_prod(torch.arange(3), torch.arange(3))
    assert iwae(model, everything, 20_000).exp().sum().item() == pytest.approx(1, abs=0.02)


def test_the_density_of_points_integrates_to_the_share_of_samples() -> None:
    torch.manual_seed(0)
    model = trained(VAE(POINTS, latent_dim=2), split_of(POINTS, 500), "200steps")
    samples = model.sample(20_000, torch.Generator().manual_seed(1))
    inside = ((samples > 70) & (samples < 130)).all(1).float().mean().item()
    axis = torch.linspace(70, 130, 61)
    grid = torch.cartesian_prod(axis, axis)
    density = torch.cat([iwae(model, part, 200).exp() for part in grid.split(500)])
    assert (density.sum() * (axis[1] - axis[0]) ** 2).item() == pytest.approx(inside, abs=0.015)


def test_weights_estimate_the_marginal_of_a_linear_gaussian_model() -> None:
    """Decoder x = a z + b with noise s: p(x) = N(b, a a' + s^2 I), known in closed form."""
    torch.manual_seed(0)
    model = VAE(POINTS, latent_dim=1)
    a, b, log_s = torch.tensor([0.8, -0.5]), torch.tensor([0.2, 0.1]), -0.7
    outputs = nn.Linear(1, 4)
    with torch.no_grad():
        outputs.weight.copy_(torch.cat([a, torch.zeros(2)]).unsqueeze(1))
        outputs.bias.copy_(torch.cat([b, torch.full((2,), log_s + 1.5)]))  # 1.5: the initial log scale
    model.decoder = nn.Sequential(outputs, nn.Unflatten(1, (2, 2)))
    train = split_of(POINTS, 100)
    model.standardise.fit(train)

    y = model.standardise(train.tensor())
    covariance = torch.outer(a, a) + math.exp(2 * log_s) * torch.eye(2)
    marginal = torch.distributions.MultivariateNormal(b, covariance)
    expected = marginal.log_prob(y) - model.standardise.scale.log().sum()
    # the encoder is untrained, and still the estimate converges: any q will do
    torch.testing.assert_close(iwae(model, train.tensor(), 50_000), expected, atol=0.1, rtol=0)


@pytest.mark.parametrize(
    ("model_class", "spec"),
    [(VAE, POINTS), (VAE, IMAGE), pytest.param(ConvVAE, IMAGE, marks=pytest.mark.slow), (VAE, SERIES)],
)
def test_training_improves_the_bound(model_class: type[VAE], spec: DataSpec) -> None:
    torch.manual_seed(0)
    train = split_of(spec, 500)
    model = model_class(spec)
    model.standardise.fit(train)
    before = iwae(model, train.tensor(), 10).mean()
    trained(model, train, "150steps")
    assert iwae(model, train.tensor(), 10).mean() > before + 0.1 * spec.dimension


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (1, 28, 28), (2, 5, 11), (1, 1, 3)])
@pytest.mark.parametrize("levels", [2, 256, None])
def test_conv_vae_takes_any_size(shape: tuple[int, int, int], levels: int | None) -> None:
    spec = DataSpec(name="image", modality="image", event_shape=shape, levels=levels)
    train = split_of(spec, 6)
    model = trained(ConvVAE(spec, width=4, hidden=8), train, "2steps")
    assert model.sample(3, torch.Generator()).shape == (3, *shape)
    assert model.log_weights(train.tensor(), 2).shape == (6, 2)


def test_constant_data_train_without_overflow() -> None:
    x = torch.full((50, 12, 2), 273.15)
    model = trained(VAE(SERIES), Split(SERIES, x), "100steps")
    assert iwae(model, x, 5).isfinite().all()
    torch.testing.assert_close(model.sample(5, torch.Generator()), x[:5], atol=1.0, rtol=0)
