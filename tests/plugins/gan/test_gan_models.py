"""What is particular to the GANs: their domains, their training loops, image sizes, tiny training sets."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from genbench import Budget, ComputeMeter, DataSpec, Split
from genbench.api.data import storage_dtype
from genbench.api.model import HasDecoder
from genbench_models.gan.dcgan import DCGAN
from genbench_models.gan.gan import GAN
from genbench_models.gan.latent_generator import LatentGenerator
from genbench_models.gan.wgan_gp import WGANGP

POINTS = DataSpec(name="points", modality="points", event_shape=(2,))
IMAGE = DataSpec(name="image", modality="image", event_shape=(1, 8, 8), levels=17)
SERIES = DataSpec(name="series", modality="series", event_shape=(12, 2))
MODELS_AND_SPECS = [
    (GAN, POINTS),
    (GAN, IMAGE),
    (GAN, SERIES),
    (WGANGP, POINTS),
    (WGANGP, IMAGE),
    (WGANGP, SERIES),
    (DCGAN, IMAGE),
]


def split_of(spec: DataSpec, count: int) -> Split:
    generator = torch.Generator().manual_seed(0)
    if spec.levels is None:
        x = 100 + 5 * torch.randn(count, *spec.event_shape, generator=generator)
    else:
        x = torch.randint(0, spec.levels, (count, *spec.event_shape), generator=generator)
    return Split(spec, x.to(storage_dtype(spec)))


def trained(model: LatentGenerator, train: Split, budget: str) -> ComputeMeter:
    meter = ComputeMeter(Budget.parse(budget))
    model.train()
    model.fit(train, meter)
    meter.finish()
    return meter


@pytest.mark.parametrize(("model_class", "spec"), MODELS_AND_SPECS)
def test_trains_on_two_examples_samples_in_the_domain_and_leaves_global_chance_alone(
    model_class: type[LatentGenerator], spec: DataSpec
) -> None:
    torch.manual_seed(0)
    model = model_class(spec)
    meter = trained(model, split_of(spec, 2), "6steps")
    assert set(meter.losses()) == {"generator", "discriminator"}

    state = torch.get_rng_state()
    samples = model.sample(9, torch.Generator().manual_seed(1))
    assert torch.equal(torch.get_rng_state(), state)
    assert samples.shape == (9, *spec.event_shape)
    assert torch.equal(samples, model.sample(9, torch.Generator().manual_seed(1)))
    assert not torch.equal(samples, model.sample(9, torch.Generator().manual_seed(2)))
    if spec.levels is None:
        assert samples.dtype == torch.float32
        assert samples.isfinite().all()
    else:
        assert samples.dtype == torch.int64
        assert samples.min() >= 0
        assert samples.max() < spec.levels


@pytest.mark.parametrize(("model_class", "spec"), MODELS_AND_SPECS)
def test_saved_state_holds_all_that_sampling_needs(
    model_class: type[LatentGenerator], spec: DataSpec
) -> None:
    model = model_class(spec)
    trained(model, split_of(spec, 40), "6steps")
    restored = model_class(spec)
    restored.load_state_dict(model.state_dict())
    assert torch.equal(
        model.sample(5, torch.Generator().manual_seed(3)),
        restored.sample(5, torch.Generator().manual_seed(3)),
    )


@pytest.mark.parametrize(("model_class", "spec"), MODELS_AND_SPECS)
def test_decode_is_the_sample_before_rounding_and_differentiable(
    model_class: type[LatentGenerator], spec: DataSpec
) -> None:
    model = model_class(spec)
    trained(model, split_of(spec, 40), "6steps")
    assert isinstance(model, HasDecoder)
    z = torch.randn(4, model.latent_dim, generator=torch.Generator().manual_seed(5))
    assert model.prior.sample((4,)).shape == z.shape
    z.requires_grad_()
    decoded = model.decode(z)
    sampled = model.sample(4, torch.Generator().manual_seed(5))
    torch.testing.assert_close(decoded.detach() if spec.levels is None else decoded.round().long(), sampled)
    decoded.sum().backward()
    assert z.grad is not None
    assert z.grad.isfinite().all()
    assert z.grad.abs().sum() > 0
    if spec.levels is not None:
        assert decoded.min() >= 0
        assert decoded.max() <= spec.levels - 1


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (1, 28, 28), (3, 9, 14), (2, 11, 8)])
@pytest.mark.parametrize("levels", [2, 256, None])
def test_dcgan_takes_any_size(shape: tuple[int, int, int], levels: int | None) -> None:
    spec = DataSpec(name="image", modality="image", event_shape=shape, levels=levels)
    model = DCGAN(spec, width=4)
    trained(model, split_of(spec, 6), "2steps")
    assert model.sample(3, torch.Generator()).shape == (3, *shape)


def test_dcgan_says_what_it_cannot_take() -> None:
    spec = DataSpec(name="tiny", modality="image", event_shape=(1, 4, 4), levels=2)
    with pytest.raises(ValueError, match=r"8x8 and more; tiny has \(1, 4, 4\)"):
        DCGAN(spec)


def test_dcgan_sample_does_not_depend_on_how_many_are_drawn_with_it() -> None:
    model = DCGAN(IMAGE)
    trained(model, split_of(IMAGE, 64), "10steps")
    model.train()
    z = torch.randn(6, model.latent_dim)
    torch.testing.assert_close(model.decode(z)[:1], model.decode(z[:1]))
    assert model.training
    assert model.generator.training


def test_wgan_gp_takes_one_generator_step_every_n_critic_batches() -> None:
    model = WGANGP(POINTS, n_critic=3)
    train = split_of(POINTS, 64)

    def weights(net: torch.nn.Module) -> Tensor:
        return torch.cat([p.detach().flatten().clone() for p in net.parameters()])

    generator, critic = weights(model.generator), weights(model.discriminator)
    trained(model, train, "2steps")
    assert torch.equal(weights(model.generator), generator)
    assert not torch.equal(weights(model.discriminator), critic)
    trained(model, train, "3steps")
    assert not torch.equal(weights(model.generator), generator)


@pytest.mark.slow
def test_gan_finds_all_of_two_clusters_far_from_the_origin() -> None:
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    centres = torch.tensor([[1000.0, 0.0], [1004.0, 0.0]])
    x = centres[torch.randint(0, 2, (2000,), generator=generator)] + 0.2 * torch.randn(
        2000, 2, generator=generator
    )
    model = GAN(POINTS)
    trained(model, Split(POINTS, x), "1000steps")
    samples = model.sample(1000, torch.Generator().manual_seed(1))
    distance, nearest = torch.cdist(samples, centres).min(1)
    assert (distance < 1.0).float().mean() > 0.8
    assert 0.25 < nearest.float().mean() < 0.75


def test_wgan_gp_closes_in_on_a_gaussian() -> None:
    torch.manual_seed(0)
    x = torch.randn(2000, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 9.0]) - 50
    model = WGANGP(POINTS)
    generator = torch.Generator().manual_seed(1)
    model.standardise.fit(Split(POINTS, x))
    before = model.sample(2000, generator)
    trained(model, Split(POINTS, x), "600steps")
    after = model.sample(2000, generator)

    def gap(samples: Tensor) -> float:
        return (samples.std(0) / x.std(0)).log().abs().max().item()

    assert gap(after) < 0.35 < gap(before)
    assert (after.mean(0) - x.mean(0)).abs().div(x.std(0)).max() < 0.4


@pytest.mark.parametrize(("model_class", "spec"), [(GAN, POINTS), (DCGAN, IMAGE)])
def test_the_discriminator_s_gradient_is_that_of_its_own_loss(
    model_class: type[GAN | DCGAN], spec: DataSpec
) -> None:
    """Computed again in two passes by the paper's formula: neither packing nor the generator's step adds to it."""
    model = model_class(spec)
    fresh = copy.deepcopy(model)
    train = split_of(spec, 16)
    torch.manual_seed(7)
    trained(model, train, "1steps")

    torch.manual_seed(7)
    fresh.standardise.fit(train)
    real, fake = fresh.standardise(train.tensor()), fresh.generator(fresh.noise(16)).detach()
    d_real, d_fake = fresh.discriminator(real).sigmoid(), fresh.discriminator(fake).sigmoid()
    (-d_real.log().mean() - (1 - d_fake).log().mean()).backward()
    for ours, theirs in zip(model.discriminator.parameters(), fresh.discriminator.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-5, rtol=1e-3)
