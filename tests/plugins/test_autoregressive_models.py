"""Autoregressive models: the order by gradients, likelihoods by enumeration, sampling against the slow way."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.api.budget import Budget
from genbench.api.data import working_dtype
from genbench.errors import UnsupportedMask
from genbench_models.autoregressive.ar import AR
from genbench_models.autoregressive.causal_images import causal_mask
from genbench_models.autoregressive.conditionals import conditional_for
from genbench_models.autoregressive.flat_model import FlatModel
from genbench_models.autoregressive.fvsbn import FVSBN
from genbench_models.autoregressive.gated_pixelcnn import GatedPixelCNN
from genbench_models.autoregressive.made import MADE, hidden_degrees
from genbench_models.autoregressive.nade import NADE
from genbench_models.autoregressive.pixelcnn import PixelCNN
from genbench_models.autoregressive.sequences.gpt import GPT
from genbench_models.autoregressive.sequences.gru import GRU
from genbench_models.autoregressive.sequences.lstm import LSTM
from genbench_models.autoregressive.sequences.rnn_nade import RNNNade
from genbench_models.autoregressive.sequences.sequence_model import SequenceModel, Steps
from genbench_models.autoregressive.sequences.tcn import TCN
from genbench_models.autoregressive.sequences.within_step import Independent


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def image(channels: int, height: int, width: int, levels: int | None) -> DataSpec:
    return DataSpec(
        name=f"{channels}x{height}x{width}",
        modality="image",
        event_shape=(channels, height, width),
        levels=levels,
    )


SERIES = DataSpec(name="series", modality="series", event_shape=(4, 2))
POINTS = DataSpec(name="points", modality="points", event_shape=(3,))
TOKENS = DataSpec(name="tokens", modality="tokens", event_shape=(4,), levels=3)
PIANOROLL = DataSpec(name="pianoroll", modality="pianoroll", event_shape=(2, 3), levels=2)

Build = Callable[[DataSpec], GenerativeModel]


def made(spec: DataSpec) -> MADE:
    return MADE(spec, hidden=24, components=3)


def several_orderings(spec: DataSpec) -> MADE:
    return MADE(spec, hidden=24, components=3, orderings=3)


def direct(spec: DataSpec) -> MADE:
    return MADE(spec, hidden=24, components=3, orderings=2, direct=True)


def fvsbn(spec: DataSpec) -> FVSBN:
    return FVSBN(spec, components=3)


def nade(spec: DataSpec) -> NADE:
    return NADE(spec, hidden=12, components=3)


def gpt(spec: DataSpec) -> GPT:
    return GPT(spec, width=8, layers=2, heads=2, components=3)


def gru(spec: DataSpec) -> GRU:
    return GRU(spec, hidden=8, components=3)


def independent(spec: DataSpec) -> LSTM:
    return LSTM(spec, hidden=8, layers=2, within="independent", components=3)


def rnn_nade(spec: DataSpec) -> RNNNade:
    return RNNNade(spec, hidden=8, units=5, components=3)


def tcn(spec: DataSpec) -> TCN:
    return TCN(spec, hidden=8, blocks=2, kernel=2, components=3)


def pixelcnn(spec: DataSpec) -> PixelCNN:
    return PixelCNN(spec, width=6, blocks=2, components=3)


def dilated(spec: DataSpec) -> PixelCNN:
    return PixelCNN(spec, width=6, blocks=3, dilation=2, components=3)


def gated(spec: DataSpec) -> GatedPixelCNN:
    return GatedPixelCNN(spec, width=6, layers=3, components=3)


def shaken(model: Any, seed: int = 0) -> Any:
    """With weights as large as learned ones, so that every dependence shows."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.4 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def examples(spec: DataSpec, count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    if spec.levels is None:
        return torch.randn((count, *spec.event_shape), generator=generator)
    return torch.randint(spec.levels, (count, *spec.event_shape), generator=generator)


def every_example(spec: DataSpec) -> Tensor:
    assert spec.levels is not None
    grid = itertools.product(range(spec.levels), repeat=spec.dimension)
    return torch.tensor(list(grid)).reshape(-1, *spec.event_shape)


# ---- the order


def assert_strictly_causal(jacobian: Tensor, *, order: list[int]) -> Tensor:
    """jacobian: (D, D), outputs by inputs; in `order` each output sees only earlier inputs, and sees them."""
    sees = jacobian.abs() > 0
    sees = sees[order][:, order]
    assert not sees.triu().any(), "an output sees its own input or a later one"
    return sees


@pytest.mark.parametrize(("dimension", "layers"), [(2, 1), (5, 1), (9, 3)])
def test_the_order_of_made(dimension: int, layers: int) -> None:
    spec = DataSpec(name="d", modality="points", event_shape=(dimension,))
    model = shaken(MADE(spec, hidden=40, layers=layers, components=2)).double()
    y = torch.randn(1, dimension, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda y: model.outputs(y).abs().sum(-1)[0], y)[:, 0]
    sees = assert_strictly_causal(jacobian, order=list(range(dimension)))
    assert sees.sum() == dimension * (dimension - 1) / 2, "an earlier input is not seen"


@pytest.mark.parametrize("build", [fvsbn, nade])
def test_the_order_of_shallow_models(build: Build) -> None:
    spec = DataSpec(name="d", modality="points", event_shape=(6,))
    model: Any = shaken(build(spec)).double()
    y = torch.randn(1, 6, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda y: model.outputs(y).abs().sum(-1)[0], y)[:, 0]
    assert assert_strictly_causal(jacobian, order=list(range(6))).sum() == 15


@pytest.mark.parametrize("ordering", [0, 1, 2])
def test_each_ordering_of_made_sees_what_comes_before_in_its_own_order(ordering: int) -> None:
    spec = DataSpec(name="d", modality="points", event_shape=(7,))
    model = shaken(MADE(spec, hidden=40, layers=2, orderings=3, components=2)).double()
    y = torch.randn(1, 7, dtype=torch.float64)
    outputs = torch.autograd.functional.jacobian(lambda y: model.outputs(y, ordering).abs().sum(-1)[0], y)
    order = model.order(ordering).tolist()
    assert sorted(order) == list(range(7))
    assert (order == list(range(7))) == (ordering == 0)
    assert assert_strictly_causal(outputs[:, 0], order=order).sum() == 21


@pytest.mark.parametrize("spec", [image(1, 5, 5, None), image(3, 4, 4, None), image(2, 3, 5, None)], ids=str)
@pytest.mark.parametrize("model_class", [PixelCNN, GatedPixelCNN])
def test_the_order_of_pixelcnns(model_class: type[PixelCNN] | type[GatedPixelCNN], spec: DataSpec) -> None:
    model = shaken(model_class(spec, width=24, components=2)).double()
    jacobian = torch.zeros(spec.dimension, spec.dimension, dtype=torch.float64)
    for _ in range(5):  # a unit that one image leaves dark is lit by another
        y = torch.randn((1, *spec.event_shape), dtype=torch.float64)
        seen = torch.autograd.functional.jacobian(lambda y: model.outputs(y).abs().sum(-1).flatten(), y)
        jacobian += seen.flatten(1).abs()
    # pixels row by row, the channels of a pixel in turn
    order = torch.arange(spec.dimension).reshape(spec.event_shape).permute(1, 2, 0).flatten().tolist()
    sees = assert_strictly_causal(jacobian, order=order)
    channels = spec.event_shape[0]
    for i in range(1, spec.dimension):
        # the one before: another channel of the pixel, or the last one of the pixel to the left
        if i % channels or (i // channels) % spec.event_shape[2]:
            assert sees[i, i - 1]


@pytest.mark.parametrize("spec", [SERIES, image(2, 2, 3, None)], ids=str)
@pytest.mark.parametrize("build", [gru, gpt])
def test_the_order_of_sequence_models(build: Build, spec: DataSpec) -> None:
    sees = sees_of_sequence(build(spec))
    assert sees.sum() == spec.dimension * (spec.dimension - 1) / 2
    model: Any = build(spec)
    x = examples(spec, 3)
    assert torch.equal(model._from_steps(model._to_steps(x)), x)


def test_the_order_within_a_step() -> None:
    """Independent numbers see the steps before them; a NADE's also those before them in the step; a TCN with blocks of
    kernel 2 sees seven steps back."""
    channels = 2
    sees = sees_of_sequence(independent(SERIES))
    steps = torch.arange(SERIES.dimension) // channels
    assert torch.equal(sees, steps[:, None] > steps)
    assert sees_of_sequence(rnn_nade(SERIES)).sum() == 8 * 7 / 2
    long = DataSpec(name="long", modality="series", event_shape=(12, 1))
    seen = sees_of_sequence(tcn(long))
    assert seen[11].nonzero()[:, 0].tolist() == list(range(4, 11))


def sees_of_sequence(model: Any) -> Tensor:
    model = shaken(model).double()
    y = torch.randn(1, model.steps, model.width, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(
        lambda y: model.outputs(Steps(y, y)).abs().sum(-1).flatten(), y
    ).flatten(1)
    return assert_strictly_causal(jacobian, order=list(range(len(jacobian))))


def test_dilated_blocks_see_the_whole_of_a_digit() -> None:
    """No pixel sees what comes after it, and the last one sees the first row of 28; the paper's network does not."""
    spec = image(1, 28, 28, None)
    y = torch.randn(1, *spec.event_shape, requires_grad=True)
    reach = {}
    for dilation in (1, 4):
        model = shaken(PixelCNN(spec, width=8, blocks=9, dilation=dilation, components=2))
        (seen,) = torch.autograd.grad(model.outputs(y)[0, 0, 20, 14].abs().sum(), y)
        assert not seen[0, 0, 20, 14:].any()
        assert not seen[0, 0, 21:].any()
        reach[dilation] = int(seen[0, 0].any(1).nonzero()[0])
    assert reach == {1: 8, 4: 0}


def test_colours_see_only_those_before_them() -> None:
    first = causal_mask(6, 3, 3, 3, strict=True)[:, :, 1, 1]
    assert first.tolist() == [
        [False, False, False],
        [False, False, False],
        [True, False, False],
        [True, False, False],
        [True, True, False],
        [True, True, False],
    ]
    assert (
        causal_mask(3, 3, 1, 3, strict=False)[:, :, 0, 0].tolist() == torch.ones(3, 3).tril().bool().tolist()
    )


def test_degrees_reach_from_the_first_input_to_the_last_but_one() -> None:
    assert hidden_degrees(4, 6).tolist() == [1, 1, 2, 2, 3, 3]
    assert hidden_degrees(100, 5).tolist() == [1, 20, 40, 60, 80]
    assert hidden_degrees(1, 3).tolist() == [1, 1, 1]


# ---- likelihoods

SMALL: list[tuple[Build, DataSpec]] = [
    (made, image(1, 2, 2, 3)),
    (made, image(1, 2, 2, 2)),
    (made, image(1, 1, 2, 40)),
    (made, PIANOROLL),
    (several_orderings, image(1, 2, 2, 3)),
    (direct, image(1, 2, 2, 3)),
    (several_orderings, PIANOROLL),
    (fvsbn, image(1, 2, 2, 3)),
    (fvsbn, image(1, 1, 2, 40)),
    (nade, image(1, 2, 2, 2)),
    (nade, image(1, 2, 2, 3)),
    (gpt, image(1, 2, 2, 3)),
    (gpt, TOKENS),
    (gru, image(1, 2, 2, 3)),
    (gru, image(1, 1, 2, 40)),
    (gru, TOKENS),
    (gru, PIANOROLL),
    (independent, PIANOROLL),
    (rnn_nade, PIANOROLL),
    (tcn, TOKENS),
    (gated, image(1, 2, 2, 3)),
    (gated, image(2, 1, 2, 3)),
    (pixelcnn, image(1, 2, 2, 3)),
    (pixelcnn, image(2, 1, 2, 3)),
    (pixelcnn, image(1, 2, 2, 2)),
    (pixelcnn, image(1, 1, 2, 40)),
    (dilated, image(1, 3, 3, 2)),
]


@pytest.mark.parametrize(("build", "spec"), SMALL)
def test_probabilities_sum_to_one(build: Build, spec: DataSpec) -> None:
    model = shaken(build(spec))
    with torch.no_grad():
        total = model.log_prob(every_example(spec)).double().exp().sum().item()
    assert total == pytest.approx(1, abs=1e-5)


# `direct` has two orderings
@pytest.mark.parametrize(
    "build",
    [
        made,
        pytest.param(several_orderings, marks=pytest.mark.slow),
        pytest.param(direct, marks=pytest.mark.slow),
        fvsbn,
        nade,
    ],
)
def test_the_density_of_points_integrates_to_one(build: Build) -> None:
    spec = DataSpec(name="plane", modality="points", event_shape=(2,))
    model = build(spec)
    train = Split(spec, torch.randn(300, 2, generator=torch.Generator().manual_seed(0)) ** 3)
    model.fit(train, ComputeMeter(Budget.parse("60steps")))
    axis = torch.linspace(-40, 40, 1601)
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        total = model.eval().log_prob(grid).double().exp().sum().item() * (80 / 1600) ** 2  # type: ignore[operator]
    assert total == pytest.approx(1, abs=0.01)


def test_the_density_of_short_series_integrates_to_one() -> None:
    spec = DataSpec(name="two times", modality="series", event_shape=(2, 1))
    train = Split(spec, 3 + torch.randn(200, 2, 1, generator=torch.Generator().manual_seed(0)).cumsum(1))
    axis = torch.linspace(-9, 15, 601)
    grid = torch.cartesian_prod(axis, axis).unsqueeze(-1)
    for model in (AR(spec), GRU(spec, hidden=6)):
        model.fit(train, ComputeMeter(Budget.parse("20steps"), valid=train))
        with torch.no_grad():
            total = model.eval().log_prob(grid).double().exp().sum().item() * (24 / 600) ** 2
        assert total == pytest.approx(1, abs=0.01)


# ---- samples


def naive_samples(model: Any, spec: DataSpec, count: int, generator: torch.Generator) -> Tensor:
    """The whole network again for every element."""
    if isinstance(model, SequenceModel):
        return naive_sequences(model, count, generator)
    x = torch.zeros((count, *spec.event_shape), dtype=working_dtype(spec))
    places = torch.arange(spec.dimension).reshape(spec.event_shape)
    order = (
        places.permute(1, 2, 0).flatten()
        if spec.modality == "image" and not isinstance(model, FlatModel)
        else places.flatten()
    )
    mean = model.standardise.mean.expand(spec.event_shape).flatten()
    scale = model.standardise.scale.expand(spec.event_shape).flatten()
    for place in order.tolist():
        y = x.float() if spec.modality == "tokens" else model.standardise(x)
        if isinstance(model, FlatModel):
            outputs = model.outputs(y.flatten(1))[:, place]
        else:
            outputs = model.outputs(y).flatten(1, 3)[:, place]
        drawn = model.conditional.sample(outputs, generator)
        if not spec.is_discrete:
            drawn = drawn * scale[place] + mean[place]
        x.flatten(1)[:, place] = drawn  # flatten(1) of a contiguous tensor is a view
    return x


def naive_sequences(model: SequenceModel, count: int, generator: torch.Generator) -> Tensor:
    x = torch.zeros((count, *model.spec.event_shape), dtype=working_dtype(model.spec))
    means, scales = model._map()
    at_once = isinstance(model.within, Independent)
    for t in range(model.steps):
        for d in [slice(None)] if at_once else range(model.width):
            drawn = model.conditional.sample(model.outputs(model.read(x))[:, t, d], generator)
            if not model.spec.is_discrete:
                drawn = drawn * scales[t % len(scales), d] + means[t % len(means), d]
            steps = model._to_steps(x).clone()
            steps[:, t, d] = drawn
            x = model._from_steps(steps)
    return x


@pytest.mark.parametrize(
    ("build", "spec"),
    [
        (made, POINTS),
        (made, image(1, 4, 3, 17)),
        (made, image(1, 3, 3, 256)),
        (fvsbn, POINTS),
        (fvsbn, image(1, 4, 3, 17)),
        (nade, POINTS),
        (nade, image(1, 3, 3, 2)),
        (nade, image(1, 3, 3, 256)),
        (gru, SERIES),
        (gru, TOKENS),
        (gru, image(2, 3, 3, 5)),
        (independent, SERIES),
        (rnn_nade, SERIES),
        (rnn_nade, PIANOROLL),
        (tcn, SERIES),
        (tcn, TOKENS),
        (gpt, SERIES),
        (gpt, TOKENS),
        (gpt, PIANOROLL),
        (gpt, image(2, 3, 3, 5)),
        (gpt, image(1, 3, 4, 256)),
        (gated, image(1, 5, 4, 17)),
        (gated, image(3, 4, 3, 2)),
        (gated, image(1, 4, 9, 256)),
        (gated, image(2, 3, 4, None)),
        (pixelcnn, image(1, 5, 4, 17)),
        (pixelcnn, image(3, 3, 3, 2)),
        (pixelcnn, image(1, 4, 4, 256)),
        (pixelcnn, image(2, 3, 4, None)),
        (dilated, image(1, 6, 7, 2)),
        (dilated, image(2, 4, 5, None)),
    ],
)
def test_incremental_samples_are_those_of_the_whole_network(build: Build, spec: DataSpec) -> None:
    model = shaken(build(spec))
    with torch.no_grad():
        slow = naive_samples(model, spec, 6, torch.Generator().manual_seed(1))
        fast = model.sample(6, torch.Generator().manual_seed(1))
    assert torch.allclose(fast.double(), slow.double(), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("build", "spec"),
    [
        (several_orderings, image(1, 2, 2, 2)),
        (direct, image(1, 2, 2, 2)),
        (nade, image(1, 2, 2, 2)),
        (gpt, TOKENS),
        (made, image(1, 2, 2, 2)),
        (gru, TOKENS),
        (pixelcnn, image(1, 2, 2, 2)),
        (pixelcnn, image(2, 1, 2, 2)),
    ],
)
def test_samples_are_as_frequent_as_their_probability(build: Build, spec: DataSpec) -> None:
    model = shaken(build(spec))
    space = every_example(spec)
    count = 4000
    with torch.no_grad():
        probability = model.log_prob(space).double().exp()
        samples = model.sample(count, torch.Generator().manual_seed(0))
    assert spec.levels is not None
    weight = spec.levels ** torch.arange(spec.dimension - 1, -1, -1)
    observed = torch.bincount((samples.flatten(1) * weight).sum(1), minlength=len(space)).double()
    # rare ones together, as the test's approximation wants
    often = probability * count >= 5
    expected, pooled = probability[often] * count, observed[often]
    if not often.all():
        expected = torch.cat([expected, (probability[~often].sum() * count).unsqueeze(0)])
        pooled = torch.cat([pooled, observed[~often].sum().unsqueeze(0)])
    assert stats.chisquare(pooled, expected / expected.sum() * pooled.sum()).pvalue > 1e-3


# ---- the beginning, and what is kept


@pytest.mark.parametrize("levels", [None, 2, 17, 256])
def test_the_first_guess_is_near_the_marginals(levels: int | None) -> None:
    spec = image(1, 2, 2, levels)
    generator = torch.Generator().manual_seed(0)
    u = torch.rand((500, 1, 2, 2), generator=generator) ** 3
    x = 4 * u - 2 if levels is None else (u * levels).floor().long()
    conditional = conditional_for(spec, components=5)
    guess = conditional.first_guess(x)
    assert guess.shape == (1, 2, 2, conditional.per_element)
    guessed = conditional.log_prob(x, guess.expand(500, -1, -1, -1, -1)).mean()
    flat = conditional.log_prob(x, torch.zeros(500, 1, 2, 2, conditional.per_element)).mean()
    assert guessed > flat + 0.05
    if levels in (2, 17):
        counts = torch.stack([(x == level).sum(0) for level in range(levels)]) / 500
        entropy = -(counts * counts.clamp(min=1e-9).log()).sum(0).mean()
        assert guessed.item() == pytest.approx(-entropy.item(), abs=0.02)


@pytest.mark.parametrize(
    ("build", "spec"), [(made, POINTS), (gru, SERIES), (pixelcnn, image(1, 4, 4, 17)), (AR, SERIES)]
)
def test_a_state_fits_a_new_model(build: Build, spec: DataSpec) -> None:
    x = examples(spec, 60)
    train = Split(spec, x.to(torch.uint8) if spec.is_discrete else 5 + 3 * x)
    model = build(spec)
    model.fit(train, ComputeMeter(Budget.parse("5steps"), valid=train))
    other = build(spec)
    other.load_state_dict(model.state_dict())
    x = train.tensor()[:7]
    with torch.no_grad():
        assert torch.equal(model.eval().log_prob(x), other.eval().log_prob(x))  # type: ignore[operator]
    first, second = (m.sample(4, torch.Generator().manual_seed(1)) for m in (model, other))
    assert torch.equal(first, second)


def test_dropout_is_off_where_likelihoods_are_judged() -> None:
    model = PixelCNN(image(1, 4, 4, 17), width=8, dropout=0.5)
    assert any(isinstance(module, nn.Dropout2d) for module in model.modules())
    first, second = (model.sample(3, torch.Generator().manual_seed(0)) for _ in range(2))
    assert torch.equal(first, second)
    assert model.training


# ---- AR(p)


def simulated(coefficients: list[float], steps: int = 24, count: int = 3000) -> Split:
    """Windows of a stationary AR process with unit noise."""
    rng = np.random.default_rng(0)
    order = len(coefficients)
    x = np.zeros((count, 200 + steps))
    for t in range(order, x.shape[1]):
        x[:, t] = x[:, t - order : t] @ np.array(coefficients[::-1]) + rng.standard_normal(count)
    spec = DataSpec(name="simulated", modality="series", event_shape=(steps, 1))
    return Split(spec, torch.from_numpy(x[:, -steps:]).float().unsqueeze(-1).contiguous())


def fitted_ar(train: Split, valid: Split, max_order: int = 8) -> AR:
    model = AR(train.spec, max_order=max_order)
    model.fit(train, ComputeMeter(Budget.parse("1s"), valid=valid))
    return model


def test_ar_recovers_the_order_and_the_coefficients() -> None:
    data = simulated([0.5, 0.0, -0.6])
    model = fitted_ar(data.subset(torch.arange(2000)), data.subset(torch.arange(2000, 3000)))
    order = int(model.order)
    assert order >= 3
    learned = model.coefficients[order, :order, 0]
    assert torch.allclose(learned[:3], torch.tensor([0.5, 0.0, -0.6]).double(), atol=0.03)
    noise = model.factors[order, 0, 0] * model.standardise.scale.item()
    assert noise.item() == pytest.approx(1.0, abs=0.03)


def test_the_density_of_ar_is_the_normal_one_of_its_samples() -> None:
    """Windows are jointly normal: the density at a point is that of the mean and covariance it implies."""
    data = simulated([0.7, -0.3], steps=5)
    model = fitted_ar(data, data, max_order=3)
    # its linear map from noise to windows, column by column
    order, dimension = int(model.order), 5
    map_ = np.zeros((dimension, dimension))
    mean = np.zeros(dimension)
    for column in range(-1, dimension):
        y = np.zeros(dimension)
        for t in range(dimension):
            m = min(t, order)
            past = sum(model.coefficients[m, lag - 1, 0].item() * y[t - lag] for lag in range(1, m + 1))
            noise = model.factors[m, 0, 0].item() * (t == column)
            y[t] = past + noise + model.coefficients[m, -1, 0].item()
        if column < 0:
            mean = y
        else:
            map_[:, column] = y - mean
    scale, shift = model.standardise.scale.item(), model.standardise.mean.item()
    reference = stats.multivariate_normal(mean * scale + shift, map_ @ map_.T * scale**2)
    x = data.tensor()[:20]
    expected = torch.from_numpy(reference.logpdf(x[:, :, 0].numpy().astype(np.float64)))
    assert torch.allclose(model.log_prob(x), expected, atol=1e-4)
    # and samples have that covariance
    samples = model.sample(20_000, torch.Generator().manual_seed(0))[:, :, 0]
    assert np.allclose(np.cov(samples.numpy().T), reference.cov, atol=0.06)


def test_ar_knows_how_channels_drive_each_other() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((500, 6, 2))
    x[:, 1:, 1] += 0.9 * x[:, :-1, 0]  # the first channel leads the second
    spec = DataSpec(name="two channels", modality="series", event_shape=(6, 2))
    data = Split(spec, torch.from_numpy(x).float())
    model = fitted_ar(data, data, max_order=2)
    order = int(model.order)
    assert order >= 1
    first_lag = model.coefficients[order, :2]  # from channel, to channel
    scale = model.standardise.scale.flatten()
    assert (first_lag[0, 1] * scale[1] / scale[0]).item() == pytest.approx(0.9, abs=0.05)
    assert first_lag[1, 0].abs().item() < 0.1


def test_ar_takes_what_is_short_and_what_is_constant() -> None:
    for steps, value in ((1, None), (3, 7.0)):
        spec = DataSpec(name="s", modality="series", event_shape=(steps, 1))
        x = torch.randn(4, steps, 1) if value is None else torch.full((4, steps, 1), value)
        split = Split(spec, x)
        model = fitted_ar(split, split)
        assert model.log_prob(x).isfinite().all()
        assert model.sample(3, torch.Generator()).isfinite().all()


# ---- completion


@pytest.mark.parametrize(
    ("build", "spec"),
    [
        (made, image(1, 2, 2, 2)),
        (nade, image(1, 2, 2, 2)),
        (gpt, TOKENS),
        (gru, TOKENS),
        (pixelcnn, image(1, 2, 2, 2)),
    ],
)
def test_what_is_missing_is_drawn_from_the_conditional_where_the_given_comes_first(
    build: Build, spec: DataSpec
) -> None:
    """Against the exact conditional, by enumeration."""
    model: Any = shaken(build(spec))
    space = every_example(spec)
    given = space[-1]
    mask = torch.zeros(spec.dimension, dtype=torch.bool)
    mask[: spec.dimension // 2] = True
    fits = (space.flatten(1)[:, mask] == given.flatten()[mask]).all(1)
    with torch.no_grad():
        probability = model.log_prob(space).double().exp()[fits]
    probability = probability / probability.sum()
    count = 3000
    x = given.expand(count, *spec.event_shape)
    completed = model.complete(
        x, mask.reshape(spec.event_shape).expand_as(x), torch.Generator().manual_seed(0)
    )
    assert (completed.flatten(1)[:, mask] == given.flatten()[mask]).all()
    seen = (completed.flatten(1).unsqueeze(1) == space[fits].flatten(1)).all(2).sum(0)
    assert int(seen.sum()) == count
    often = probability * count >= 5
    if not often.all():  # rare ones together, as the test's approximation wants
        seen = torch.cat([seen[often], seen[~often].sum(0, keepdim=True)])
        probability = torch.cat([probability[often], probability[~often].sum(0, keepdim=True)])
    assert stats.chisquare(seen.numpy(), (probability * count).numpy()).pvalue > 1e-3


@pytest.mark.parametrize(
    ("build", "spec"),
    [
        (made, image(1, 2, 2, 2)),
        (nade, image(1, 2, 2, 2)),
        (gpt, TOKENS),
        (gru, TOKENS),
        (pixelcnn, image(1, 2, 2, 2)),
    ],
)
def test_the_likelihood_of_what_is_missing_and_the_entropy_are_those_of_enumeration(
    build: Build, spec: DataSpec
) -> None:
    model: Any = shaken(build(spec))
    space = every_example(spec)
    half = spec.dimension // 2
    given = torch.zeros(spec.dimension, dtype=torch.bool)
    given[:half] = True
    with torch.no_grad():
        log_p = model.log_prob(space).double()
        found = model.missing_log_prob(space, given.reshape(spec.event_shape).expand_as(space))
        entropy = model.predictive_entropy(space).flatten(1)
    flat = space.flatten(1)
    same = (flat[:, None, :half] == flat[None, :, :half]).all(2)
    of_given = torch.where(same, log_p, -torch.inf).logsumexp(1)
    torch.testing.assert_close(found.double(), log_p - of_given, atol=1e-4, rtol=1e-4)
    # the chain rule: the entropies of all elements, averaged over the model's examples, are that of an example
    total = (log_p.exp() * entropy.sum(1)).sum()
    torch.testing.assert_close(total, -(log_p.exp() * log_p).sum(), atol=1e-3, rtol=1e-3)


def test_a_nade_reads_frames_with_few_notes_as_it_reads_all() -> None:
    """The hidden layer is computed once for each note, or for each key."""
    spec = DataSpec(name="rolls", modality="pianoroll", event_shape=(3, 40), levels=2)
    model: Any = shaken(rnn_nade(spec))
    x = (torch.rand(5, 3, 40, generator=torch.Generator().manual_seed(0)) < 0.1).long()
    x[0] = 0
    steps = model.read(x)
    state = torch.randn(5, 3, 8)
    v = model.within.told(steps.y).flatten(0, 1)
    ones = int(v.sum(1).max())
    assert 1 < ones <= 10
    bias = model.within.hidden_from_state(state).flatten(0, 1)
    few, every = model.within._read_changes(v, bias, ones), model.within._read_all(v, bias)
    torch.testing.assert_close(few, every, atol=1e-5, rtol=1e-5)


def test_numbers_within_a_step_are_named_by_kind() -> None:
    with pytest.raises(ValueError, match="within='chain': expected independent, autoregressive, nade"):
        GRU(PIANOROLL, within="chain")


def test_a_prompt_is_continued_in_a_context_of_whole_pieces() -> None:
    """The continuation of what a model has drawn is drawn as the rest of it was: with the same random numbers, where as
    many were used for the prompt."""
    spec = DataSpec(name="songs", modality="tokens", event_shape=(9,), levels=4, variable_length=True)
    model = shaken(GRU(spec, hidden=8))
    whole = model.sample(6, torch.Generator().manual_seed(3))
    lengths = torch.tensor([1, 2, 3, 5, 8, 9])
    again = model.continue_from(whole, lengths, torch.Generator().manual_seed(3))
    assert torch.equal(again, whole)


def test_masks_that_an_order_cannot_do_are_refused_by_name() -> None:
    spec = image(1, 3, 3, 2)
    x = torch.zeros(2, *spec.event_shape, dtype=torch.int64)
    mask = torch.ones(x.shape, dtype=torch.bool)
    mask[:, :, 1, 1] = False
    for build in (made, nade, pixelcnn):
        model: Any = build(spec)
        for call in (lambda m: m.complete(x, mask, torch.Generator()), lambda m: m.missing_log_prob(x, mask)):
            with pytest.raises(UnsupportedMask, match="must come before what is missing"):
                call(model)
    mixture: Any = several_orderings(spec)
    with pytest.raises(UnsupportedMask, match="mixture of 3 orderings"):
        mixture.complete(x, torch.zeros_like(mask), torch.Generator())


def test_the_likelihood_of_several_orderings_is_a_mean_of_probabilities() -> None:
    spec = image(1, 2, 2, 3)
    model = shaken(several_orderings(spec))
    x = every_example(spec)
    with torch.no_grad():
        each = torch.stack([model.log_prob_of(x, ordering).double() for ordering in range(3)])
        torch.testing.assert_close(model.log_prob(x).double(), each.exp().mean(0).log(), atol=1e-5, rtol=1e-5)
    assert (each[0] - each[1]).abs().max() > 0.1, "the orderings are one and the same"
