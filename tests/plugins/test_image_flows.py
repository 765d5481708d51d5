"""Multi-scale flows of images against autograd's Jacobian, and where they are built."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch.distributions import Independent, Normal

from genbench import Budget, ComputeMeter, DataSpec, Split
from genbench.api import load_factory
from genbench.datasets.prepared import load_dataset
from genbench.plugin.discovery import load_registry
from genbench_models.flow.glow import Glow
from genbench_models.flow.image_layers import ActNorm, InvertibleConvolution
from genbench_models.flow.multi_scale import MultiScale, glow_of_images, realnvp_of_images
from genbench_models.flow.normalizing_flow import RealNVP

Shape = tuple[int, int, int]
BUILDERS: list[Callable[[Shape], MultiScale]] = [
    lambda shape: glow_of_images(shape, scales=2, steps=2, width=4),
    lambda shape: realnvp_of_images(shape, scales=2, couplings=6, width=4),
]
DIGITS = DataSpec(name="digits", modality="image", event_shape=(1, 8, 8), levels=17)
STRIP = DataSpec(name="strip", modality="image", event_shape=(1, 4, 16), levels=17)


def disturbed(flow: MultiScale) -> MultiScale:
    """The flow in float64 with weights that are not those it starts with."""
    torch.manual_seed(0)
    flow = flow.double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return flow


@pytest.mark.parametrize("build", BUILDERS, ids=["glow", "realnvp"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 6, 5), (3, 7, 7), (1, 9, 4)], ids=str)
def test_a_density_is_the_noises_and_the_jacobian_of_autograd(
    build: Callable[[Shape], MultiScale], shape: Shape
) -> None:
    flow = disturbed(build(shape))
    y = torch.randn(2, math.prod(shape), dtype=torch.float64)
    z, _ = flow(y)
    noise = Independent(Normal(torch.zeros_like(z[0]), torch.ones_like(z[0])), 1)
    for row in range(2):
        jacobian = torch.autograd.functional.jacobian(lambda v: flow(v.unsqueeze(0))[0][0], y[row])
        assert isinstance(jacobian, torch.Tensor)
        expected = noise.log_prob(z[row]) + torch.linalg.slogdet(jacobian).logabsdet
        assert flow.log_prob(y)[row].item() == pytest.approx(expected.item(), abs=1e-5)
    torch.testing.assert_close(flow.inverse(z), y, atol=1e-5, rtol=0)


@pytest.mark.parametrize("build", BUILDERS, ids=["glow", "realnvp"])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)], ids=str)
def test_published_sizes_go_to_noise_and_back(build: Callable[[Shape], MultiScale], shape: Shape) -> None:
    flow = disturbed(build(shape))
    y = torch.randn(1, math.prod(shape), dtype=torch.float64)
    assert flow.coarsest[1:] == (shape[1] // 4, shape[2] // 4)
    torch.testing.assert_close(flow.inverse(flow(y)[0]), y, atol=1e-4, rtol=0)


def test_the_first_batch_sets_the_normalisation() -> None:
    x = 3 + 2 * torch.randn(500, 4, 2, 2)
    by_channel, by_place = ActNorm(4, 1, 1), ActNorm(4, 2, 2)
    for norm in (by_channel, by_place):
        norm.initialise(x)
    y, _ = by_channel(x)
    torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(y.var((0, 2, 3)), torch.ones(4), atol=1e-2, rtol=0)
    y, _ = by_place(x)
    torch.testing.assert_close(y.mean(0), torch.zeros(4, 2, 2), atol=1e-4, rtol=0)


def test_a_pixel_that_the_first_batch_never_lights_does_no_harm() -> None:
    norm = ActNorm(1, 2, 2)
    norm.initialise(torch.zeros(5, 1, 2, 2))
    y, log_determinant = norm(torch.ones(5, 1, 2, 2))
    assert y.isfinite().all()
    assert log_determinant.isfinite()


def test_a_convolution_starts_as_a_rotation() -> None:
    torch.manual_seed(0)
    weight = InvertibleConvolution(6)._weight()
    torch.testing.assert_close(weight @ weight.T, torch.eye(6), atol=1e-5, rtol=0)


def test_images_get_scales_unless_told_otherwise_and_other_data_never() -> None:
    points = DataSpec(name="points", modality="points", event_shape=(2,))
    assert isinstance(RealNVP(DIGITS).flow, MultiScale)
    for flat in (RealNVP(DIGITS, architecture="flat"), RealNVP(STRIP), RealNVP(points)):
        assert not isinstance(flat.flow, MultiScale)
    refusal = r"^multi-scale flows take images of 8x8 and more; strip is image \(1, 4, 16\)$"
    with pytest.raises(ValueError, match=refusal):
        RealNVP(STRIP, architecture="multi-scale")
    with pytest.raises(ValueError, match=refusal):
        Glow(STRIP)
    with pytest.raises(ValueError, match=r"^architecture='conv': expected auto, flat, multi-scale$"):
        RealNVP(DIGITS, architecture="conv")
    card = load_registry().model("glow")
    assert card.refusal(STRIP) == "glow takes images of 8x8 and more; strip has 4x16"
    assert isinstance(load_factory(card.factory)(DIGITS), Glow)


@pytest.mark.slow
def test_scales_learn_digits_better_than_vectors_in_as_many_steps() -> None:
    data = load_dataset(load_registry().dataset("digits"))

    def validation(model: RealNVP | Glow) -> float:
        model.fit(data.train, ComputeMeter(Budget(steps=100), valid=data.valid, seed=0))
        x = data.valid.tensor().float()
        with torch.no_grad():
            return float(model.eval().log_density(x + torch.rand_like(x)).mean())

    torch.manual_seed(0)
    flat = validation(RealNVP(data.spec, architecture="flat"))
    assert validation(RealNVP(data.spec)) > flat + 2
    assert validation(Glow(data.spec)) > flat + 2


def test_one_batch_of_one_image_trains() -> None:
    """The normalisation is set by as few as there are."""
    x = torch.randint(0, 17, (1, 1, 8, 8), dtype=torch.uint8)
    model = Glow(DIGITS, transforms=1, width=4)
    model.fit(Split(DIGITS, x), ComputeMeter(Budget(steps=2)))
    assert model.log_density(x.float() + 0.5).isfinite().all()
