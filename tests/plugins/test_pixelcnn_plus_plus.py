"""PixelCNN++: the mixture against its formula, the order by gradients, cached samples against the whole network."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import expit
from torch import Tensor

from genbench import DataSpec
from genbench_models.autoregressive.pixelcnn_plus_plus import PixelCNNPlusPlus, PixelMixture


def image(channels: int, height: int, width: int, levels: int) -> DataSpec:
    return DataSpec(
        name=f"{channels}x{height}x{width}",
        modality="image",
        event_shape=(channels, height, width),
        levels=levels,
    )


def shaken(spec: DataSpec, seed: int = 0) -> PixelCNNPlusPlus:
    """With weights as large as learned ones, so that every dependence shows."""
    torch.manual_seed(seed)
    model = PixelCNNPlusPlus(spec, width=6, blocks=2, components=3)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def every_example(spec: DataSpec) -> Tensor:
    assert spec.levels is not None
    grid = itertools.product(range(spec.levels), repeat=spec.dimension)
    return torch.tensor(list(grid)).reshape(-1, *spec.event_shape)


def test_the_mixture_is_that_of_the_paper() -> None:
    """Equations 2 and 3 for one pixel of three channels, written out with scipy."""
    mixture = PixelMixture(components=2, channels=3, levels=256)
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=mixture.per_pixel)
    table = outputs.reshape(-1, 2)  # a row a quantity, a column a component
    logits, means, log_scales, coefficients = table[0], table[1:4], table[4:7], np.tanh(table[7:])
    means = means + np.array([-1.0, 1.0])
    pixel = np.array([0, 130, 255])
    y = pixel / 127.5 - 1
    total = 0.0
    for k in range(2):
        mean = [
            means[0, k],
            means[1, k] + coefficients[0, k] * y[0],
            means[2, k] + coefficients[1, k] * y[0] + coefficients[2, k] * y[1],
        ]
        probability = np.exp(logits[k]) / np.exp(logits).sum()
        for c in range(3):
            scale = np.exp(log_scales[c, k] - 1)
            upper = 1.0 if pixel[c] == 255 else expit((y[c] + 1 / 255 - mean[c]) / scale)
            lower = 0.0 if pixel[c] == 0 else expit((y[c] - 1 / 255 - mean[c]) / scale)
            probability *= upper - lower
        total += probability
    found = mixture.log_prob(
        torch.from_numpy(pixel), torch.from_numpy(y).float(), torch.from_numpy(outputs).float()
    )
    assert found.item() == pytest.approx(np.log(total), abs=1e-4)


@pytest.mark.parametrize(
    "spec", [image(1, 6, 5, 9), image(2, 4, 5, 9), image(1, 1, 4, 9), image(1, 4, 1, 9)], ids=str
)
def test_a_pixel_sees_all_before_it_and_nothing_else(spec: DataSpec) -> None:
    model = shaken(spec).double()
    _, height, width = spec.event_shape
    y = torch.randn((1, *spec.event_shape), dtype=torch.float64)
    seen = torch.autograd.functional.jacobian(lambda y: model.outputs(y).abs().sum(-1).flatten(), y)
    sees = seen[:, 0].abs().sum(1).flatten(1) > 0  # outputs' pixels, inputs' pixels
    assert not sees.triu().any(), "a pixel sees itself or a later one"
    for pixel in range(height * width):
        row, column = divmod(pixel, width)
        near = [(row, column - 1), (row - 1, column), (row - 1, column - 1), (row - 1, column + 1)]
        for r, c in near:
            if r >= 0 and 0 <= c < width:
                assert sees[pixel, r * width + c], f"({row}, {column}) is blind to ({r}, {c})"
    # no blind spot: with two blocks twice, 3 rows up and as far to the right
    if height > 3 and width > 3:
        assert sees[3 * width, 3]


@pytest.mark.parametrize(
    "spec", [image(1, 2, 2, 3), image(2, 1, 2, 3), image(3, 1, 1, 6), image(1, 2, 3, 2), image(1, 1, 2, 40)]
)
def test_probabilities_sum_to_one(spec: DataSpec) -> None:
    model = shaken(spec)
    with torch.no_grad():
        total = model.log_prob(every_example(spec)).double().exp().sum().item()
    assert total == pytest.approx(1, abs=1e-5)


def naive_samples(model: PixelCNNPlusPlus, count: int, generator: torch.Generator) -> Tensor:
    """The whole network again for every channel of every pixel."""
    channels, height, width = model.spec.event_shape
    x = torch.zeros((count, *model.spec.event_shape), dtype=torch.int64)
    for row, column, channel in itertools.product(range(height), range(width), range(channels)):
        y = model.standardise(x)
        outputs = model.outputs(y)[:, row, column]
        here = x[:, :, row, column]
        x[:, channel, row, column] = model.mixture.sample_channel(
            outputs, here, y[:, :, row, column], channel, generator
        )
    return x


@pytest.mark.parametrize(
    "spec", [image(1, 5, 4, 17), image(3, 4, 3, 2), image(1, 4, 9, 256), image(2, 3, 1, 5)], ids=str
)
def test_cached_samples_are_those_of_the_whole_network(spec: DataSpec) -> None:
    model = shaken(spec)
    with torch.no_grad():
        slow = naive_samples(model, 6, torch.Generator().manual_seed(1))
        fast = model.sample(6, torch.Generator().manual_seed(1))
    assert torch.equal(fast, slow)


@pytest.mark.parametrize("spec", [image(1, 2, 2, 2), image(2, 1, 2, 2), image(3, 1, 1, 4)], ids=str)
def test_samples_are_as_frequent_as_their_probability(spec: DataSpec) -> None:
    """With channels too: the component that drew the first one draws the others."""
    model = shaken(spec)
    space = every_example(spec)
    count = 3000
    with torch.no_grad():
        expected = model.log_prob(space).double().exp() * count
        samples = model.sample(count, torch.Generator().manual_seed(0))
    assert spec.levels is not None
    weight = spec.levels ** torch.arange(spec.dimension - 1, -1, -1)
    observed = torch.bincount((samples.flatten(1) * weight).sum(1), minlength=len(space)).double()
    often = expected >= 5
    rare = torch.tensor([expected[~often].sum(), observed[~often].sum()])
    expected, observed = expected[often], observed[often]
    if rare[0] >= 5:
        expected, observed = torch.cat([expected, rare[:1]]), torch.cat([observed, rare[1:]])
    assert stats.chisquare(observed, expected / expected.sum() * observed.sum()).pvalue > 1e-3


def test_what_is_missing_is_drawn_given_what_comes_before_channels_included() -> None:
    spec = image(2, 1, 2, 3)
    model = shaken(spec)
    space = every_example(spec)
    given = space[50]
    mask = torch.zeros(spec.event_shape, dtype=torch.bool)
    mask[:, 0, 0] = True
    mask[0, 0, 1] = True  # only the last channel of the last pixel is drawn
    fits = (space[:, mask] == given[mask]).all(1)
    with torch.no_grad():
        probability = model.log_prob(space).double().exp()[fits]
    count = 4000
    x = given.expand(count, *spec.event_shape)
    completed = model.complete(x, mask.expand_as(x), torch.Generator().manual_seed(0))
    assert torch.equal(completed[:, mask], x[:, mask])
    observed = torch.bincount(completed[:, 1, 0, 1], minlength=3).double()
    assert stats.chisquare(observed, probability / probability.sum() * count).pvalue > 1e-3


def test_the_first_guess_is_better_than_none() -> None:
    torch.manual_seed(0)
    mixture = PixelMixture(components=5, channels=2, levels=100)
    level = (torch.rand(500, 1) ** 4 * 90).long()
    x = (level + torch.randint(5, (500, 2))).clamp(max=99)
    y = x * (2 / 99) - 1
    guess = mixture.first_guess(x)
    guessed = mixture.log_prob(x, y, guess.expand(500, -1)).mean()
    assert guessed > mixture.log_prob(x, y, torch.zeros(500, mixture.per_pixel)).mean() + 0.05


def test_real_values_are_refused() -> None:
    spec = DataSpec(name="real", modality="image", event_shape=(1, 4, 4))
    with pytest.raises(ValueError, match=r"^pixelcnn-pp takes images with levels; real is real-valued$"):
        PixelCNNPlusPlus(spec)
