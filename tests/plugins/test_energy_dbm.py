"""A deep Boltzmann machine small enough to sum over: 2^6 x 2^3 x 2^2 states."""

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
from genbench_models.energy.dbm import DBM

SPEC = DataSpec(name="bits", modality="image", event_shape=(1, 2, 3), levels=2)
HIDDEN, UPPER = 3, 2


def every_state(units: int) -> Tensor:
    return torch.tensor(list(itertools.product([0, 1], repeat=units)))


def examples(count: int = 200) -> Split:
    u = torch.rand((count, *SPEC.event_shape), generator=torch.Generator().manual_seed(0))
    return Split(SPEC, (u < 0.3).to(torch.uint8))


def machine() -> DBM:
    """In float64, with a base from data and weights and biases as large as learned ones."""
    model = DBM(SPEC, hidden=HIDDEN, upper=UPPER, chains=4, sweeps=40, mean_field_steps=50)
    model.visible.fit_base(examples())
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.8 * torch.randn(parameter.shape, generator=generator))
        model.hidden_centre.copy_(torch.rand(HIDDEN, generator=generator))
        model.upper_centre.copy_(torch.rand(UPPER, generator=generator))
    return model.double().eval()


def joint(model: DBM) -> Tensor:
    """log f of every state, (2^6, 2^3, 2^2): the formula of the class."""
    v, h, g = (every_state(units).double() for units in (SPEC.dimension, HIDDEN, UPPER))
    h, g = h - model.hidden_centre, g - model.upper_centre
    lower = torch.einsum("vi,ij,hj->vh", v - model.visible.centre, model.weights, h)
    upper = torch.einsum("hj,jk,gk->hg", h, model.upper_weights, g)
    alone = (v @ model.visible.bias)[:, None, None] + (h @ model.hidden_bias)[:, None]
    return alone + lower[:, :, None] + upper + g @ model.upper_bias


def every_example() -> Tensor:
    return every_state(SPEC.dimension).reshape(-1, *SPEC.event_shape)


def assert_drawn_from(observed: Tensor, probability: Tensor) -> None:
    expected = probability * observed.sum()
    often = expected >= 5
    counts, wanted = observed[often], expected[often]
    if expected[~often].sum() > 0:
        counts = torch.cat([counts, observed[~often].sum().unsqueeze(0)])
        wanted = torch.cat([wanted, expected[~often].sum().unsqueeze(0)])
    assert stats.chisquare(counts, wanted * counts.sum() / wanted.sum()).pvalue > 1e-4


def frequencies(x: Tensor) -> Tensor:
    weight = 2 ** torch.arange(SPEC.dimension - 1, -1, -1)
    return torch.bincount((x.flatten(1) * weight).sum(1), minlength=2**SPEC.dimension).double()


def test_log_joint_is_the_formula() -> None:
    model = machine()
    table = joint(model).flatten()
    states = [
        torch.cat(parts) for parts in itertools.product(*map(every_state, (SPEC.dimension, HIDDEN, UPPER)))
    ]
    v, h, g = torch.stack(states).double().split([SPEC.dimension, HIDDEN, UPPER], 1)
    torch.testing.assert_close(model.log_joint(v, h, g), table)


def test_mean_field_ascends_to_a_lower_bound() -> None:
    model = machine()
    exact = joint(model).logsumexp((1, 2)).detach()
    code = model.visible.encode(every_example())

    def bound(steps: int) -> Tensor:
        model.mean_field_steps = steps
        with torch.no_grad():
            h, g = model.mean_field(code)
            entropy = sum(torch.special.entr(q).sum(1) + torch.special.entr(1 - q).sum(1) for q in (h, g))
            return model.log_joint(code, h, g) + entropy

    bounds = torch.stack([bound(steps) for steps in (1, 2, 5, 50)])
    assert (bounds.diff(dim=0) > -1e-9).all()
    assert (bounds[-1] <= exact + 1e-9).all()
    assert (exact - bounds[-1]).mean() < 0.3
    torch.testing.assert_close(bound(50), bound(51))  # a fixed point


def test_a_sweep_leaves_the_distribution_as_it_is() -> None:
    model = machine()
    probability = joint(model).detach().logsumexp(1).flatten().softmax(0)  # of v and g
    generator = torch.Generator().manual_seed(0)
    index = torch.multinomial(probability, 10_000, replacement=True, generator=generator)
    v = every_state(SPEC.dimension)[index // 2**UPPER].double()
    g = every_state(UPPER)[index % 2**UPPER].double()
    with torch.no_grad():
        v, g = model.sweep(v, g, generator)
    place = (v * 2 ** torch.arange(SPEC.dimension - 1, -1, -1)).sum(1) * 2**UPPER + g[:, 0] * 2 + g[:, 1]
    observed = torch.bincount(place.long(), minlength=len(probability)).double()
    assert_drawn_from(observed, probability)


def test_samples_are_as_frequent_as_their_probability() -> None:
    model = machine()
    samples = model.sample(8000, torch.Generator().manual_seed(0))
    assert_drawn_from(frequencies(samples), joint(model).detach().logsumexp((1, 2)).softmax(0))


def test_completions_follow_the_exact_conditional() -> None:
    model = machine()
    mask = torch.tensor([[[True, False, False], [False, True, False]]])
    space, many = every_example(), 8000
    given = space[37]
    fits = (space[:, mask] == given[mask]).all(1)
    log_f = joint(model).detach().logsumexp((1, 2))
    completed = model.complete(
        given.expand(many, 1, 2, 3), mask.expand(many, 1, 2, 3), torch.Generator().manual_seed(0)
    )
    observed = frequencies(completed)
    assert observed[~fits].sum() == 0
    assert_drawn_from(observed, torch.where(fits, log_f, -torch.inf).softmax(0))


def test_the_contrast_has_the_gradient_of_the_bound() -> None:
    """In expectation over fantasies of the model, which are all enumerated here."""
    model = machine()
    data = model.visible.encode(examples(20).tensor())
    with torch.no_grad():
        h, g = model.mean_field(data)
    parameters = list(model.parameters())
    exact = torch.autograd.grad(
        joint(model).logsumexp((0, 1, 2)) - model.log_joint(data, h, g).mean(), parameters
    )
    probability = joint(model).detach().logsumexp(1).flatten().softmax(0)
    mean: Any = 0.0
    for index, p in enumerate(probability):
        v = every_state(SPEC.dimension)[index // 2**UPPER].double().unsqueeze(0)
        top = every_state(UPPER)[index % 2**UPPER].double().unsqueeze(0)
        mean = mean + p * model.contrast(data, h, g, v, top)
    for found, wanted in zip(torch.autograd.grad(mean, parameters), exact, strict=True):
        torch.testing.assert_close(found, wanted)


def test_moving_the_centres_leaves_the_distribution_as_it_is() -> None:
    model = machine()
    before = joint(model).detach().flatten().log_softmax(0)
    old = model.hidden_centre.clone()
    model.move_centres(torch.tensor([0.9, 0.1, 0.5]).double(), torch.tensor([0.2, 0.7]).double())
    assert not torch.equal(old, model.hidden_centre)
    torch.testing.assert_close(joint(model).detach().flatten().log_softmax(0), before)


@pytest.mark.slow
def test_learning_finds_what_elements_have_in_common() -> None:
    """Bars: each column is lit or dark as a whole."""
    spec = DataSpec(name="bars", modality="image", event_shape=(1, 3, 3), levels=2)
    columns = torch.rand((600, 1, 1, 3), generator=torch.Generator().manual_seed(0)) < 0.5
    train = Split(spec, columns.expand(-1, -1, 3, -1).to(torch.uint8))
    torch.manual_seed(0)
    model = DBM(spec, hidden=8, upper=4)
    model.fit(train, ComputeMeter(Budget.parse("1500steps")))
    samples = model.sample(1000, torch.Generator().manual_seed(0)).float()
    whole = (samples.var(2, correction=0) == 0).float().mean()
    assert whole > 0.75  # of independent elements a quarter
    assert math.isclose(float(samples.mean()), 0.5, abs_tol=0.1)


def test_hyperparameters_out_of_range_are_named() -> None:
    with pytest.raises(ValueError, match="upper=0: expected at least 1"):
        DBM(SPEC, upper=0)
    with pytest.raises(ValueError, match="mean_field_steps=0"):
        DBM(SPEC, mean_field_steps=0)
