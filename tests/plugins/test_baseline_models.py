"""The baselines against counts, scikit-learn, enumeration and integration."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.mixture import GaussianMixture as Reference

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.api.budget import Budget
from genbench.api.data import storage_dtype
from genbench_models.baselines.copier import Copier
from genbench_models.baselines.gaussian_mixture import GaussianMixture
from genbench_models.baselines.held_out import HeldOut
from genbench_models.baselines.marginals import Marginals
from genbench_models.baselines.noise import Noise

POINTS = DataSpec(name="points", modality="points", event_shape=(2,))
LINE = DataSpec(name="line", modality="points", event_shape=(1,))
IMAGE = DataSpec(name="image", modality="image", event_shape=(1, 2, 2), levels=3)
BINARY = DataSpec(name="binary", modality="image", event_shape=(1, 2, 2), levels=2)
TOKENS = DataSpec(name="tokens", modality="tokens", event_shape=(3,), levels=5)


def split_of(spec: DataSpec, count: int, seed: int = 0) -> Split:
    generator = torch.Generator().manual_seed(seed)
    if spec.levels is None:
        centre = torch.randint(-1, 2, (count, 1), generator=generator) * 3.0
        noise = torch.randn((count, *spec.event_shape), generator=generator)
        return Split(spec, centre.reshape(-1, *(1 for _ in spec.event_shape)) + 0.5 * noise)
    # skewed, and the elements of an example hang together
    shared = torch.rand((count, *(1 for _ in spec.event_shape)), generator=generator)
    own = torch.rand((count, *spec.event_shape), generator=generator)
    x = ((0.7 * shared + 0.3 * own) ** 2 * spec.levels).floor().clamp(0, spec.levels - 1)
    return Split(spec, x.to(storage_dtype(spec)))


def fitted(model: GenerativeModel, train: Split, budget: str = "50steps") -> GenerativeModel:
    torch.manual_seed(0)
    valid = split_of(train.spec, 40, seed=1)
    meter = ComputeMeter(Budget.parse(budget), valid=valid)
    model.fit(train, meter)
    assert meter.finish().steps >= 1
    return model.eval()


def every_example(spec: DataSpec) -> torch.Tensor:
    assert spec.levels is not None
    grid = itertools.product(range(spec.levels), repeat=spec.dimension)
    return torch.tensor(list(grid)).reshape(-1, *spec.event_shape)


# ---- likelihoods


@pytest.mark.parametrize("spec", [IMAGE, BINARY], ids=lambda spec: spec.name)
@pytest.mark.parametrize("kind", [Marginals, Noise, GaussianMixture])
def test_probabilities_sum_to_one(kind: type[GenerativeModel], spec: DataSpec) -> None:
    model = fitted(kind(spec), split_of(spec, 200))
    log_prob = model.log_prob(every_example(spec))  # type: ignore[operator]
    assert log_prob.double().exp().sum().item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("kind", [Marginals, Noise, GaussianMixture])
def test_densities_integrate_to_one(kind: type[GenerativeModel]) -> None:
    model = fitted(kind(LINE), split_of(LINE, 200))
    grid = torch.linspace(-60, 60, 240_001).unsqueeze(1)
    density = model.log_prob(grid).double().exp()  # type: ignore[operator]
    assert torch.trapezoid(density, grid[:, 0].double()).item() == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("spec", [IMAGE, TOKENS], ids=lambda spec: spec.name)
def test_marginals_are_counts(spec: DataSpec) -> None:
    train = split_of(spec, 300)
    model = fitted(Marginals(spec, smoothing=0.1), train)
    x = train.tensor()[:20]
    expected = torch.zeros(len(x), dtype=torch.float64)
    flat, all_flat = x.flatten(1), train.tensor().flatten(1)
    assert spec.levels is not None
    for i, d in itertools.product(range(len(x)), range(spec.dimension)):
        count = (all_flat[:, d] == flat[i, d]).sum().item()
        expected[i] += math.log((count + 0.1) / (len(train) + 0.1 * spec.levels))
    assert torch.allclose(model.log_prob(x).double(), expected, atol=1e-4)  # type: ignore[operator]


@pytest.mark.parametrize("spec", [POINTS, IMAGE, BINARY], ids=lambda spec: spec.name)
def test_a_mixture_knows_more_than_marginals_and_these_more_than_noise(spec: DataSpec) -> None:
    train, test = split_of(spec, 600), split_of(spec, 300, seed=2)
    likelihoods = [
        fitted(kind(spec), train).log_prob(test.tensor()).mean().item()  # type: ignore[operator]
        for kind in (GaussianMixture, Marginals, Noise)
    ]
    assert likelihoods == sorted(likelihoods, reverse=True)


def test_a_value_far_away_is_finite() -> None:
    far = torch.tensor([[1e4, -1e4]])
    for kind in (Marginals, Noise, GaussianMixture):
        model = fitted(kind(POINTS), split_of(POINTS, 100))
        assert model.log_prob(far).isfinite().all()  # type: ignore[operator]


# ---- expectation maximisation


@pytest.mark.parametrize("spec", [POINTS, IMAGE], ids=lambda spec: spec.name)
def test_the_likelihood_never_falls(spec: DataSpec) -> None:
    train = split_of(spec, 400)
    model = GaussianMixture(spec, components=5)
    model.standardise.fit(train)
    x = model._standardised(train.tensor())
    torch.manual_seed(0)
    model.maximise(x, model._first_guess(x))
    likelihoods = []
    for _ in range(25):
        responsibilities, likelihood = model.expect(x)
        likelihoods.append(likelihood)
        model.maximise(x, responsibilities)
    gains = torch.tensor(likelihoods).diff()
    # the ridge and the smallest scale are not part of the likelihood that EM raises
    assert gains.min() > -1e-5
    assert gains[0] > 1e-3


def test_it_finds_what_scikit_learn_finds_from_the_same_start() -> None:
    train = split_of(POINTS, 500)
    model = GaussianMixture(POINTS, components=3)
    model.standardise.fit(train)
    x = model._standardised(train.tensor())
    torch.manual_seed(0)
    first = model._first_guess(x)
    model.maximise(x, first)
    reference = Reference(
        3,
        weights_init=model.log_shares.exp().numpy(),
        means_init=model.means.numpy(),
        precisions_init=torch.linalg.inv(model.factors @ model.factors.mT).numpy(),
        max_iter=200,
        tol=1e-8,
    ).fit(x.numpy())
    for _ in range(200):
        model.maximise(x, model.expect(x)[0])
    assert model.expect(x)[1] == pytest.approx(reference.score(x.numpy()), abs=1e-5)
    assert torch.allclose(model.means, torch.from_numpy(reference.means_), atol=1e-3)
    # and the density is the one on the data's own scale
    points = train.tensor()[:10]
    expected = reference.score_samples(x[:10].numpy()) - model.standardise.scale.log().sum().item()
    assert torch.allclose(model.log_prob(points), torch.from_numpy(expected), atol=1e-3)


def test_the_budget_ends_it() -> None:
    model = GaussianMixture(POINTS, components=3)
    torch.manual_seed(0)
    meter = ComputeMeter(Budget.parse("2steps"))
    model.fit(split_of(POINTS, 300), meter)
    assert (meter.finish().steps, meter.bound_by()) == (2, "steps")


# ---- samples


@pytest.mark.parametrize("kind", [Marginals, Noise, GaussianMixture])
def test_samples_are_as_frequent_as_their_probability(kind: type[GenerativeModel]) -> None:
    model = fitted(kind(BINARY), split_of(BINARY, 200))
    space = every_example(BINARY)
    probability = model.log_prob(space).double().exp()  # type: ignore[operator]
    count = 4000
    samples = model.sample(count, torch.Generator().manual_seed(0))
    weight = 2 ** torch.arange(3, -1, -1)
    observed = torch.bincount((samples.flatten(1) * weight).sum(1), minlength=16).double()
    assert stats.chisquare(observed, probability / probability.sum() * count).pvalue > 1e-3


@pytest.mark.parametrize("kind", [Marginals, Noise, GaussianMixture])
def test_samples_follow_the_density(kind: type[GenerativeModel]) -> None:
    model = fitted(kind(LINE), split_of(LINE, 200))
    samples = model.sample(4000, torch.Generator().manual_seed(0))[:, 0].double()
    grid = torch.linspace(-60, 60, 240_001).double()
    density = model.log_prob(grid.float().unsqueeze(1)).double().exp()  # type: ignore[operator]
    cumulative = torch.cumulative_trapezoid(density, grid)
    at = torch.searchsorted(grid, samples).clamp(max=len(cumulative) - 1)
    assert stats.kstest(cumulative[at].numpy(), "uniform").pvalue > 1e-3


@given(count=st.integers(1, 60))
@settings(deadline=None, max_examples=20)
def test_stored_examples_come_once_before_any_comes_again(count: int) -> None:
    train = Split(LINE, torch.arange(20.0).unsqueeze(1))
    model = Copier(LINE)
    model.fit(train, ComputeMeter(Budget.parse("1s")))
    drawn = model.sample(count, torch.Generator().manual_seed(count)).flatten().long()
    times = torch.bincount(drawn, minlength=20)
    assert times.max() - times.min() <= 1
    assert times.sum() == count


def test_each_stores_its_own_split() -> None:
    train, valid = Split(LINE, torch.zeros(5, 1)), Split(LINE, torch.ones(5, 1))
    for kind, value in ((Copier, 0.0), (HeldOut, 1.0)):
        model = kind(LINE)
        model.fit(train, ComputeMeter(Budget.parse("1s"), valid=valid))
        assert (model.sample(4, torch.Generator()) == value).all()


@pytest.mark.parametrize("kind", [HeldOut, Copier, GaussianMixture])
def test_a_state_fits_a_model_that_has_seen_nothing(kind: type[GenerativeModel]) -> None:
    model = fitted(kind(POINTS), split_of(POINTS, 120))
    other = kind(POINTS)
    other.load_state_dict(model.state_dict())
    assert torch.equal(
        model.sample(7, torch.Generator().manual_seed(3)), other.sample(7, torch.Generator().manual_seed(3))
    )
