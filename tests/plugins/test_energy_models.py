"""Boltzmann machines small enough to sum over: every claim against enumeration or integration."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor

from genbench import ComputeMeter, DataSpec, Split
from genbench.api.budget import Budget
from genbench.api.data import storage_dtype
from genbench.api.model import HasEnergy
from genbench.likelihood.ais.base_rate_rbm import BinaryBaseRateRBM, GaussianBaseRateRBM
from genbench.likelihood.ais.partition_function import annealing_betas, estimate_partition_function
from genbench_models.energy.rbm import RBM, warming_up
from genbench_models.energy.visible_units import BinaryUnits, GaussianUnits, SoftmaxUnits, visible_units

BITS = DataSpec(name="bits", modality="image", event_shape=(1, 2, 3), levels=2)
SYMBOLS = DataSpec(name="symbols", modality="tokens", event_shape=(4,), levels=3)
SHADES = DataSpec(name="shades", modality="image", event_shape=(1, 1, 1), levels=64)
PLANE = DataSpec(name="plane", modality="points", event_shape=(2,))
INTEGERS = [BITS, SYMBOLS, SHADES]
HIDDEN = 3


def examples(spec: DataSpec, count: int = 200, seed: int = 0) -> Split:
    generator = torch.Generator().manual_seed(seed)
    if spec.levels is None:
        x = torch.randn((count, *spec.event_shape), generator=generator) * torch.tensor([3.0, 0.5]) + 7
    else:
        u = torch.rand((count, *spec.event_shape), generator=generator) ** 2
        x = (u * spec.levels).floor()
    return Split(spec, x.to(storage_dtype(spec)))


def machine(spec: DataSpec, strength: float = 0.8, seed: int = 0) -> RBM:
    """In float64, with a base from data and weights and biases as large as learned ones."""
    model = RBM(spec, hidden=HIDDEN, chains=4, sweeps=20)
    model.visible.fit_base(examples(spec))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in (model.weights, model.hidden_bias, model.visible.bias):
            parameter.add_(strength * torch.randn(parameter.shape, generator=generator))
        model.hidden_centre.copy_(torch.rand(HIDDEN, generator=generator))
        if isinstance(model.visible, GaussianUnits):
            model.visible.log_scale.copy_(torch.tensor([-0.4, -0.1]))
    return model.double().eval()


def every_example(spec: DataSpec) -> Tensor:
    assert spec.levels is not None
    grid = itertools.product(range(spec.levels), repeat=spec.dimension)
    return torch.tensor(list(grid)).reshape(-1, *spec.event_shape)


def every_hidden_state(units: int = HIDDEN) -> Tensor:
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=units)), dtype=torch.float64)


def joint(model: RBM, x: Tensor) -> Tensor:
    """log p(v, h) + log Z of integers, (N, 2^H): the formula of the class, state by state."""
    visible = model.visible
    assert isinstance(visible, BinaryUnits | SoftmaxUnits)
    v = visible.encode(x)
    table = torch.zeros(len(v), 2**HIDDEN, dtype=torch.float64)
    for column, h in enumerate(every_hidden_state()):
        centred = h - model.hidden_centre
        pair = ((v - visible.centre).unsqueeze(2) * centred * model.weights).sum((1, 2))
        table[:, column] = (v * visible.bias).sum(1) + model.hidden_bias @ centred + pair
    return table.detach()


def frequencies(x: Tensor, spec: DataSpec) -> Tensor:
    """How often each example comes up, in the order of `every_example`."""
    assert spec.levels is not None
    weight = spec.levels ** torch.arange(spec.dimension - 1, -1, -1)
    return torch.bincount((x.flatten(1) * weight).sum(1), minlength=spec.levels**spec.dimension).double()


def assert_drawn_from(observed: Tensor, probability: Tensor) -> None:
    expected = probability * observed.sum()
    often = expected >= 5
    pairs = [(observed[often], expected[often]), (observed[~often].sum(), expected[~often].sum())]
    counts = torch.cat([part.reshape(-1) for part, _ in pairs])
    wanted = torch.cat([part.reshape(-1) for _, part in pairs])
    kept = wanted > 0
    counts, wanted = counts[kept], wanted[kept]
    assert stats.chisquare(counts, wanted * counts.sum() / wanted.sum()).pvalue > 1e-4


# ---- the visible units


@pytest.mark.parametrize(
    ("spec", "kind"),
    [(BITS, BinaryUnits), (SYMBOLS, SoftmaxUnits), (SHADES, BinaryUnits), (PLANE, GaussianUnits)],
)
def test_codes_are_one_to_one(spec: DataSpec, kind: type) -> None:
    units = visible_units(spec)
    assert type(units) is kind
    x = every_example(spec) if spec.is_discrete else examples(spec).tensor()
    code = units.encode(x)
    assert code.shape == (len(x), units.width)
    assert torch.equal(units.decode(code), x)
    assert len(code.unique(dim=0)) == len(x)


def test_neighbouring_levels_differ_by_one_bit() -> None:
    spec = DataSpec(name="grey", modality="image", event_shape=(1, 1, 1), levels=256)
    units = visible_units(spec)
    code = units.encode(every_example(spec))
    assert code.shape == (256, 8)
    assert code.diff(dim=0).abs().sum(1).tolist() == [1.0] * 255


def test_symbols_and_levels_that_no_bits_count_are_softmax_units() -> None:
    for modality, shape, levels in (
        ("tokens", (2,), 64),
        ("image", (1, 1, 1), 100),
        ("image", (1, 1, 1), 16),
    ):
        spec = DataSpec(name="d", modality=modality, event_shape=shape, levels=levels)  # type: ignore[arg-type]
        assert isinstance(visible_units(spec), SoftmaxUnits)


@pytest.mark.parametrize("spec", INTEGERS, ids=str)
def test_the_base_has_the_frequencies_of_the_data(spec: DataSpec) -> None:
    units = visible_units(spec)
    train = examples(spec, 4000)
    units.fit_base(train)
    drawn = units.draw_base(20_000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(0), units.encode(train.tensor()).mean(0), rtol=0, atol=0.02)


# ---- the distribution


@pytest.mark.parametrize("spec", INTEGERS, ids=str)
def test_the_hidden_units_are_summed_out(spec: DataSpec) -> None:
    model, x = machine(spec), every_example(spec)
    table = joint(model, x)
    torch.testing.assert_close(model.log_unnormalised(x), table.logsumexp(1))
    # each hidden unit given the visible ones
    rates = table.softmax(1) @ every_hidden_state()
    torch.testing.assert_close(model.hidden_inputs(model.visible.encode(x)).sigmoid(), rates)


@pytest.mark.parametrize("spec", INTEGERS, ids=str)
def test_log_z_is_the_brute_force_sum(spec: DataSpec) -> None:
    model, x = machine(spec), every_example(spec)
    assert isinstance(model, HasEnergy)
    base = torch.logsumexp(model.log_unnormalised(x, 0.0), 0)
    assert base.item() == pytest.approx(model.base_log_partition(), abs=1e-4)
    exact = float(joint(model, x).logsumexp((0, 1)))
    generator = torch.Generator().manual_seed(0)
    found = estimate_partition_function(model, chains=100, betas=annealing_betas(150), generator=generator)
    assert found.lower <= exact <= found.upper
    assert found.within < 0.3
    with torch.no_grad():
        total = float((model.log_unnormalised(x) - exact).exp().sum())
    assert total == pytest.approx(1, abs=1e-9)


def test_the_path_is_the_harness_s_own() -> None:
    """With centres multiplied out, of a binary and of a Gaussian machine."""
    model = machine(BITS)
    w, visible = model.weights, model.visible
    assert isinstance(visible, BinaryUnits)
    plain = BinaryBaseRateRBM(
        w,
        visible.bias - w @ model.hidden_centre,
        model.hidden_bias - visible.centre @ w,
        visible.base_bias,
    )
    x = every_example(BITS)
    gap = model.log_unnormalised(x) - plain.log_unnormalised(x.flatten(1).double())
    torch.testing.assert_close(gap, gap[:1].expand_as(gap))  # all but a constant
    model = machine(PLANE)
    w, units = model.weights, model.visible
    assert isinstance(units, GaussianUnits)
    scale = units.log_scale.exp()
    gaussian = GaussianBaseRateRBM(
        w / scale.unsqueeze(1),
        units.bias - w @ model.hidden_centre,
        scale,
        model.hidden_bias,
        torch.zeros(2, dtype=torch.float64),
        torch.ones(2, dtype=torch.float64),
    )
    x = examples(PLANE, 30).tensor().double()
    gap = model.log_unnormalised(x) - gaussian.log_unnormalised(units.encode(x))
    torch.testing.assert_close(gap, gap[:1].expand_as(gap))


def plane_grid(points: int = 401) -> tuple[Tensor, float]:
    """Far enough around the data of `PLANE`, and the area of a cell."""
    first, second = torch.linspace(-30, 44, points), torch.linspace(0, 14, points)
    area = (74 / (points - 1)) * (14 / (points - 1))
    return torch.cartesian_prod(first, second).double(), area


@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
def test_the_free_energy_of_gaussian_units_by_integration(beta: float) -> None:
    """Against a mixture of 2^H Gaussians, summed in closed form, in the data's own units."""
    model = machine(PLANE)
    units = model.visible
    assert isinstance(units, GaussianUnits)
    grid, area = plane_grid()
    with torch.no_grad():
        numerical = float(model.log_unnormalised(grid, beta).logsumexp(0)) + math.log(area)
        own = (-2 * units.log_scale).exp()
        precision = (1 - beta) + beta * own
        terms = []
        for h in every_hidden_state():
            centred = h - model.hidden_centre
            pull = beta * own * (units.bias + model.weights @ centred)
            exponent = 0.5 * (pull.square() / precision - beta * own * units.bias.square())
            volume = 0.5 * (2 * math.pi / precision).log()
            terms.append((exponent + volume).sum() + beta * model.hidden_bias @ centred)
    assert numerical == pytest.approx(float(torch.stack(terms).logsumexp(0)), abs=1e-3)
    if beta == 0:
        assert numerical == pytest.approx(model.base_log_partition(), abs=1e-3)


def test_log_z_with_gaussian_units_is_the_integral() -> None:
    model = machine(PLANE)
    grid, area = plane_grid()
    with torch.no_grad():
        exact = float(model.log_unnormalised(grid).logsumexp(0)) + math.log(area)
    generator = torch.Generator().manual_seed(0)
    found = estimate_partition_function(model, chains=100, betas=annealing_betas(200), generator=generator)
    assert found.lower <= exact <= found.upper
    assert found.within < 0.3


# ---- Gibbs sampling


@pytest.mark.parametrize("spec", INTEGERS, ids=str)
def test_visible_units_given_hidden_ones(spec: DataSpec) -> None:
    model, x = machine(spec), every_example(spec)
    h = every_hidden_state()[5]
    exact = joint(model, x)[:, 5].softmax(0)
    inputs = ((h - model.hidden_centre) @ model.weights.T).detach().expand(8000, -1)
    drawn = model.visible.draw(inputs, torch.Generator().manual_seed(0))
    assert_drawn_from(frequencies(model.visible.decode(drawn), spec), exact.detach())


@pytest.mark.parametrize("beta", [0.4, 1.0])
@pytest.mark.parametrize("spec", INTEGERS, ids=str)
def test_a_sweep_leaves_the_tempered_distribution_as_it_is(spec: DataSpec, beta: float) -> None:
    model, space = machine(spec), every_example(spec)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        probability = model.log_unnormalised(space, beta).softmax(0)
        start = space[torch.multinomial(probability, 8000, replacement=True, generator=generator)]
        moved = model.tempered_step(start, beta, generator)
    assert not torch.equal(moved, start)
    assert_drawn_from(frequencies(moved, spec), probability)


def test_sweeps_of_gaussian_units_have_the_moments_of_the_grid() -> None:
    model = machine(PLANE)
    grid, _ = plane_grid()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        weights = model.log_unnormalised(grid, 0.7).softmax(0).unsqueeze(1)
        x = model.sample_base(20_000, generator)
        for _ in range(30):
            x = model.tempered_step(x, 0.7, generator)
    mean = (weights * grid).sum(0)
    variance = (weights * (grid - mean).square()).sum(0)
    assert ((x.mean(0) - mean).abs() < 4 * (variance / 20_000).sqrt()).all()
    torch.testing.assert_close(x.var(0), variance, rtol=0.05, atol=0)


@pytest.mark.parametrize("persistent", [True, False])
@pytest.mark.parametrize("spec", [BITS, SYMBOLS], ids=str)
def test_samples_are_as_frequent_as_their_probability(spec: DataSpec, persistent: bool) -> None:
    model, space = machine(spec), every_example(spec)
    model.persistent = persistent
    with torch.no_grad():
        probability = model.log_unnormalised(space).softmax(0)
    samples = model.sample(6000, torch.Generator().manual_seed(0), steps=40)
    assert_drawn_from(frequencies(samples, spec), probability)


@pytest.mark.parametrize("spec", [BITS, SYMBOLS], ids=str)
def test_completions_follow_the_exact_conditional(spec: DataSpec) -> None:
    model, space = machine(spec), every_example(spec)
    model.sweeps = 40
    mask = torch.zeros(spec.event_shape, dtype=torch.bool)
    mask.view(-1)[1:3] = True
    given = space[len(space) // 3]
    fits = (space[:, mask] == given[mask]).all(1)
    with torch.no_grad():
        log_f = model.log_unnormalised(space)
    probability = torch.where(fits, log_f, -torch.inf).softmax(0)
    many = 6000
    completed = model.complete(
        given.expand(many, *spec.event_shape),
        mask.expand(many, *spec.event_shape),
        torch.Generator().manual_seed(0),
    )
    observed = frequencies(completed, spec)
    assert observed[~fits].sum() == 0
    assert_drawn_from(observed, probability)


def test_half_of_the_sweeps_warm_up() -> None:
    assert warming_up(6) == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert warming_up(1) == [1.0]


# ---- learning


def exact_gradients(model: RBM, x: Tensor, train: Tensor) -> dict[str, Tensor]:
    log_z = model.log_unnormalised(x).logsumexp(0)
    loss = log_z - model.log_unnormalised(train).mean()
    names = [name for name, _ in model.named_parameters()]
    return dict(zip(names, torch.autograd.grad(loss, list(model.parameters())), strict=True))


@pytest.mark.parametrize("spec", INTEGERS, ids=str)
def test_the_contrast_has_the_gradient_of_the_likelihood(spec: DataSpec) -> None:
    """In expectation over fantasies of the model, which are all enumerated here."""
    model, space = machine(spec), every_example(spec)
    train = examples(spec, 20).tensor()
    expected = exact_gradients(model, space, train)
    probability = model.log_unnormalised(space).softmax(0).detach()
    data = model.visible.encode(train)
    mean: Any = 0.0
    for p, code in zip(probability, model.visible.encode(space), strict=True):
        mean = mean + p * model.contrast(data, code.unsqueeze(0))[0]
    mean.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, expected[name], msg=name)


def test_contrastive_divergence_nears_the_likelihood_s_gradient_with_its_sweeps() -> None:
    model, space = machine(BITS, strength=1.5), every_example(BITS)
    train = examples(BITS, 50).tensor()
    exact = exact_gradients(model, space, train)["weights"]
    data = model.visible.encode(train).repeat(3000, 1)
    model.persistent = False
    errors = []
    for steps in (1, 30):
        model.cd_steps = steps
        torch.manual_seed(0)
        model.zero_grad()
        model.contrast(data, model.fantasies(data))[0].backward()
        assert model.weights.grad is not None
        errors.append(float((model.weights.grad - exact).norm() / exact.norm()))
    assert errors[1] < 0.05
    assert errors[0] > 0.1


@pytest.mark.parametrize("spec", [*INTEGERS, PLANE], ids=str)
def test_moving_a_centre_leaves_the_distribution_as_it_is(spec: DataSpec) -> None:
    model = machine(spec)
    x = every_example(spec) if spec.is_discrete else examples(spec).tensor().double()
    with torch.no_grad():
        before = model.log_unnormalised(x)
        model.move_hidden_centre(torch.tensor([0.9, 0.1, 0.5], dtype=torch.float64))
        gap = model.log_unnormalised(x) - before
    torch.testing.assert_close(gap, gap[:1].expand_as(gap))


@pytest.mark.parametrize(("persistent", "cd_steps"), [(True, 1), (False, 1), (False, 5)])
def test_learning_finds_what_elements_have_in_common(persistent: bool, cd_steps: int) -> None:
    """Bars: a column is lit or dark as a whole, of which independent elements know nothing."""
    spec = DataSpec(name="bars", modality="image", event_shape=(1, 3, 3), levels=2)
    generator = torch.Generator().manual_seed(0)
    columns = torch.rand((600, 1, 1, 3), generator=generator) < 0.5
    train = Split(spec, columns.expand(-1, -1, 3, -1).to(torch.uint8))
    torch.manual_seed(0)
    model = RBM(spec, hidden=8, persistent=persistent, cd_steps=cd_steps)
    model.fit(train, ComputeMeter(Budget.parse("600steps")))
    with torch.no_grad():
        log_z = model.log_unnormalised(every_example(spec)).logsumexp(0)
        found = float(log_z - model.log_unnormalised(train.tensor()).mean())
    independent, perfect = 9 * math.log(2), 3 * math.log(2)
    assert perfect - 0.01 <= found < perfect + 0.25 * (independent - perfect)


def test_gaussian_units_find_two_clusters() -> None:
    generator = torch.Generator().manual_seed(0)
    side = (torch.rand(600, generator=generator) < 0.5).float() * 20 - 10
    noise = torch.randn(600, 2, generator=generator)
    train = Split(PLANE, torch.stack([side, -side], 1) + 2 * noise)
    torch.manual_seed(0)
    model = RBM(PLANE, hidden=4)
    model.fit(train, ComputeMeter(Budget.parse("600steps")))
    samples = model.sample(400, torch.Generator().manual_seed(0))
    left = samples[:, 0] < 0
    assert 0.2 < left.float().mean() < 0.8
    centre = samples[left].mean(0)
    torch.testing.assert_close(centre, torch.tensor([-10.0, 10.0]), rtol=0, atol=2.0)
    assert samples[left].std(0).mean() < 5  # of all examples it is 10


@pytest.mark.parametrize(
    ("hyperparameters", "message"),
    [
        ({"hidden": 0}, "hidden=0"),
        ({"cd_steps": 0}, "cd_steps=0"),
        ({"chains": 0}, "chains=0"),
        ({"sweeps": 0}, "sweeps=0"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"learning_rate": 0.0}, "learning_rate=0"),
        ({"momentum": 1.0}, "momentum=1"),
        ({"weight_decay": -1.0}, "weight_decay=-1"),
    ],
)
def test_hyperparameters_out_of_range_are_named(hyperparameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RBM(BITS, **hyperparameters)
