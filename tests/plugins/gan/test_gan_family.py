"""The GANs' losses by the formulas of their papers, written out number by number; and what each adds to the game."""

from __future__ import annotations

import math
from typing import TypeVar

import pytest
import torch
from torch import Tensor, nn

from genbench import Budget, ComputeMeter, DataSpec, Split
from genbench.api.data import storage_dtype
from genbench.api.model import GenerativeModel
from genbench_models.gan import lsgan, sngan
from genbench_models.gan.augment import augment
from genbench_models.gan.dragan import DRAGAN
from genbench_models.gan.lsgan import LSGAN
from genbench_models.gan.pacgan import PacGAN
from genbench_models.gan.projection_gan import ProjectionGAN
from genbench_models.gan.sngan import SNGAN
from genbench_models.gan.stylegan import ModulatedConv, StyleGAN
from genbench_models.gan.transgan import TransGAN
from genbench_models.gan.wgan import WGAN

POINTS = DataSpec(name="points", modality="points", event_shape=(3,))
IMAGE = DataSpec(name="image", modality="image", event_shape=(1, 8, 8), levels=17)
LABELLED = DataSpec(name="labelled", modality="points", event_shape=(2,), classes=2)


class Linear(nn.Module):
    """D(x) = w.x + b, the gradient of which is w everywhere."""

    def __init__(self, weights: list[float], bias: float = 0.0) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(weights))
        self.bias = bias

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.w + self.bias


def split_of(spec: DataSpec, count: int = 64) -> Split:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, *spec.event_shape, generator=generator)
    if spec.levels is not None:
        x = (x.sigmoid() * spec.levels).floor()
    y = None if spec.classes is None else torch.arange(count) % spec.classes
    return Split(spec, x.to(storage_dtype(spec)), y)


M = TypeVar("M", bound=GenerativeModel)


def trained(model: M, train: Split, budget: str) -> M:
    meter = ComputeMeter(Budget.parse(budget))
    model.train()
    model.fit(train, meter)
    meter.finish()
    return model.eval()


REAL, FAKE = torch.tensor([0.3, -1.2, 2.0]), torch.tensor([-0.7, 0.1, 1.5])


def test_least_squares_losses_are_those_of_mao_2017() -> None:
    by_hand = sum((r - 1) ** 2 for r in REAL.tolist()) / 3 / 2 + sum(f**2 for f in FAKE.tolist()) / 3 / 2
    assert lsgan.discriminator_loss(REAL, FAKE).item() == pytest.approx(by_hand)
    assert lsgan.generator_loss(FAKE).item() == pytest.approx(
        sum((f - 1) ** 2 for f in FAKE.tolist()) / 3 / 2
    )


def test_hinge_loss_is_that_of_miyato_2018() -> None:
    by_hand = sum(max(0, 1 - r) for r in REAL.tolist()) / 3 + sum(max(0, 1 + f) for f in FAKE.tolist()) / 3
    assert sngan.hinge_loss(REAL, FAKE).item() == pytest.approx(by_hand)


@pytest.mark.parametrize("model_class", [WGAN, TransGAN])
def test_critics_estimate_a_difference_of_means(model_class: type[WGAN] | type[TransGAN]) -> None:
    model = model_class(IMAGE)
    model.discriminator = critic = Linear([1 / 8] * 64, bias=7.0)  # of gradient 1: no penalty
    real, fake = torch.randn(5, 1, 8, 8), torch.randn(5, 1, 8, 8)
    expected = (fake.flatten(1).sum(1).mean() - real.flatten(1).sum(1).mean()) / 8
    torch.testing.assert_close(model.discriminator_loss(real, fake), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(model.generator_loss(fake), -critic(fake).mean())


def test_dragan_adds_the_penalty_of_a_gradient_that_is_not_of_norm_one() -> None:
    model = DRAGAN(POINTS, penalty=2.5)
    model.discriminator = Linear([1.0, -2.0, 2.0])
    real, fake = torch.randn(9, 3), torch.randn(9, 3)
    logits_real, logits_fake = model.discriminator(real), model.discriminator(fake)
    plain = sum(math.log1p(math.exp(-r)) for r in logits_real.tolist()) / 9
    plain += sum(math.log1p(math.exp(f)) for f in logits_fake.tolist()) / 9
    assert model.discriminator_loss(real, fake).item() == pytest.approx(plain + 2.5 * (3 - 1) ** 2, rel=1e-5)


def test_r1_is_half_the_squared_gradient_on_real_images() -> None:
    model = StyleGAN(IMAGE, penalty=3.0, width=4, style=8)
    model.discriminator = Linear([0.25] * 64)
    assert model.r1_penalty(torch.randn(6, 1, 8, 8)).item() == pytest.approx(3.0 / 2 * 64 * 0.25**2)


def test_a_wgan_critic_stays_within_its_clip() -> None:
    model = trained(WGAN(POINTS, clip=0.03), split_of(POINTS), "30steps")
    weights = torch.cat([p.detach().flatten() for p in model.discriminator.parameters()])
    assert weights.abs().max() <= 0.03
    assert (weights.abs() == torch.tensor(0.03)).any(), "nothing was clipped: the test says nothing"


def test_without_clipping_the_same_critic_goes_further() -> None:
    model = trained(WGAN(POINTS, clip=10.0), split_of(POINTS), "30steps")
    assert max(float(p.detach().abs().max()) for p in model.discriminator.parameters()) > 0.03


@pytest.mark.parametrize("spec", [POINTS, IMAGE])
def test_spectral_normalisation_holds_every_layer_at_norm_one(spec: DataSpec) -> None:
    model = trained(SNGAN(spec, width=8, hidden=32), split_of(spec), "60steps")
    layers = [m for m in model.discriminator.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    assert len(layers) >= 3
    for layer in layers:
        # a power iteration a step is a little behind the weights
        norm = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), ord=2).item()
        assert norm == pytest.approx(1.0, abs=0.1)


def test_packs_are_neighbours_joined_and_the_last_is_filled_up() -> None:
    model = PacGAN(POINTS, pack=2)
    x = torch.arange(9.0).reshape(3, 3)
    packed = model.packed(x)
    assert packed.tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 0, 1, 2]]
    assert model.discriminator(packed).shape == (2,)


def test_packed_images_are_channels() -> None:
    model = PacGAN(IMAGE, pack=3)
    x = torch.randn(6, 1, 8, 8)
    packed = model.packed(x)
    assert packed.shape == (2, 3, 8, 8)
    torch.testing.assert_close(packed[1, 2], x[5, 0])


def test_a_packing_discriminator_sees_that_samples_are_alike() -> None:
    """Each half of the fakes is as good as the data; only a pair of them gives them away (Lin et al. 2018)."""
    torch.manual_seed(0)
    model = PacGAN(POINTS, pack=2)
    optimiser = torch.optim.Adam(model.discriminator.parameters(), 3e-3)
    for _ in range(200):
        real = torch.randn(128, 3)
        alike = torch.randn(64, 3).repeat_interleave(2, 0)
        loss = model.discriminator_loss(real, alike)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.5 * math.log(4)


@pytest.mark.slow
def test_samples_of_a_label_are_of_its_class() -> None:
    x = torch.randn(400, 2, generator=torch.Generator().manual_seed(0)) * 0.3
    y = torch.arange(400) % 2
    x[:, 0] += 4.0 * y - 2
    torch.manual_seed(0)
    model = trained(ProjectionGAN(LABELLED, hidden=64), Split(LABELLED, x, y), "600steps")
    for label in (0, 1):
        drawn = model.sample(200, torch.Generator().manual_seed(1), condition=torch.full((200,), label))
        right = ((drawn[:, 0] > 0) == bool(label)).float().mean()
        assert right > 0.9


def test_labels_follow_their_shares_where_none_are_asked_for() -> None:
    model = ProjectionGAN(LABELLED)
    x, y = torch.randn(100, 2), (torch.arange(100) >= 80).long()
    trained(model, Split(LABELLED, x, y), "1steps")
    torch.testing.assert_close(model.label_shares, torch.tensor([0.8, 0.2]))


@pytest.mark.parametrize("spec", [POINTS, IMAGE])
def test_the_average_is_the_running_mean_of_the_generators_weights(spec: DataSpec) -> None:
    model = LSGAN(spec, ema=0.5, width=8)
    assert model.averaged is not None
    first = [p.detach().clone() for p in model.generator.parameters()]
    expected = [p.clone() for p in first]
    for step in range(12):
        with torch.no_grad():
            for parameter in model.generator.parameters():
                parameter.add_(torch.randn_like(parameter))
        decay = min(0.5, (1 + step) / (10 + step))
        expected = [
            decay * e + (1 - decay) * p.detach()
            for e, p in zip(expected, model.generator.parameters(), strict=True)
        ]
        model.update_average(0.5)
    for average, wanted in zip(model.averaged.parameters(), expected, strict=True):
        torch.testing.assert_close(average, wanted, rtol=1e-4, atol=1e-5)
    z = torch.randn(4, 32)
    model.eval()
    torch.testing.assert_close(model.decode(z), model.standardise.inverse(model.averaged(z)))


def test_modulated_convolution_is_the_papers_weight_demodulation() -> None:
    """Karras et al. 2020, eqs. 1-3: weights of each image scaled by its style, then to norm 1."""
    torch.manual_seed(0)
    conv = ModulatedConv(3, 4, style=5, size=3)
    x, w = torch.randn(2, 3, 6, 6), torch.randn(2, 5)
    out = conv(x, w)
    for b in range(2):
        weight = conv.weight * conv.style(w)[b][None, :, None, None]
        weight = weight / weight.square().sum((1, 2, 3), keepdim=True).add(1e-8).sqrt()
        expected = nn.functional.conv2d(x[b : b + 1], weight, padding=1)[0] + conv.bias
        torch.testing.assert_close(out[b], expected, rtol=1e-4, atol=1e-5)


def test_augmentation_of_no_image_is_none_and_of_all_changes_all() -> None:
    torch.manual_seed(0)
    images = torch.randn(16, 2, 9, 8)
    assert augment(images, 0.0) is images
    changed = (augment(images, 1.0) != images).flatten(1).any(1)
    assert changed.all()
    some = (augment(images, 0.2) != images).flatten(1).any(1).float().mean()
    assert 0.2 < some < 1.0


@pytest.mark.parametrize("model_class", [StyleGAN, TransGAN])
def test_images_too_small_for_a_network_are_named(model_class: type[StyleGAN] | type[TransGAN]) -> None:
    small = DataSpec(name="small", modality="image", event_shape=(1, 7, 9), levels=2)
    with pytest.raises(ValueError, match="8x8 and more; small has"):
        model_class(small)
