"""Markov chains of notes and hidden Markov models, against counts, enumeration and their own samples."""

from __future__ import annotations

import itertools

import pytest
import torch
from every_example import every_example

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.api.budget import Budget
from genbench.api.data import storage_dtype
from genbench.errors import UnsupportedMask
from genbench_models.classical.emissions import Categorical, Gaussian
from genbench_models.classical.hidden_markov import HiddenMarkov
from genbench_models.classical.note_markov import NoteMarkov

ROLL = DataSpec(name="roll", modality="pianoroll", event_shape=(4, 2), levels=2)
TOKENS = DataSpec(name="tokens", modality="tokens", event_shape=(4,), levels=3)
SERIES = DataSpec(name="series", modality="series", event_shape=(5, 2))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def drawn(spec: DataSpec, count: int) -> Split:
    """Values that stay for a while."""
    shape = (count, *spec.event_shape)
    if spec.levels is None:
        return Split(spec, torch.randn(shape).cumsum(1))
    values = torch.randint(spec.levels, shape)
    for t in range(1, shape[1]):
        stays = torch.rand(values[:, t].shape) < 0.7
        values[:, t] = torch.where(stays, values[:, t - 1], values[:, t])
    return Split(spec, values.to(storage_dtype(spec)))


def fit(model: GenerativeModel, train: Split, budget: str = "8steps") -> ComputeMeter:
    meter = ComputeMeter(Budget.parse(budget), valid=train)
    model.fit(train, meter)
    return meter


# ---- notes


def test_notes_are_counted_with_their_last_value() -> None:
    train = drawn(ROLL, 50)
    model = NoteMarkov(ROLL, smoothing=0.5)
    fit(model, train)
    x = train.tensor()
    for key in range(2):
        first = (x[:, 0, key].sum() + 0.5) / (50 + 1)
        assert model.first[key, 1].exp().item() == pytest.approx(first.item(), rel=1e-6)
        on = x[:, :-1, key] == 1
        stays = ((x[:, 1:, key] == 1) & on).sum()
        assert model.next[key, 1, 1].exp().item() == pytest.approx(
            ((stays + 0.5) / (on.sum() + 1)).item(), rel=1e-6
        )


def test_the_first_step_of_a_window_is_like_any_other() -> None:
    x = torch.zeros(1, 4, 2, dtype=torch.uint8)
    x[:, 2:] = 1
    whole, window = NoteMarkov(ROLL), NoteMarkov(ROLL)
    fit(whole, Split(ROLL, x))
    fit(window, Split(ROLL, x, starts=torch.zeros(1, dtype=torch.int64)))
    assert whole.first[0, 1].exp().item() == pytest.approx(0.25)
    assert window.first[0, 1].exp().item() == pytest.approx(0.5)


def test_notes_are_completed_in_the_order_of_time() -> None:
    model = NoteMarkov(ROLL)
    fit(model, drawn(ROLL, 50))
    x = drawn(ROLL, 30).tensor()
    mask = torch.zeros_like(x, dtype=torch.bool)
    mask[:, :2, 0] = True
    mask[:, :, 1] = True
    done = model.complete(x, mask, torch.Generator().manual_seed(0))
    assert torch.equal(done[mask], x[mask])
    conditional = model.log_prob(x) - model.missing_log_prob(x, mask)
    rest = torch.cat([x[:, :2, 0], x[:, :, 1]], 1).unique(dim=0, return_inverse=True)[1]
    for value in rest.unique():  # what is given decides the rest of the likelihood
        assert conditional[rest == value].std(correction=0) < 1e-12
    mask[:, 3, 0] = True
    with pytest.raises(UnsupportedMask, match="in the order of time"):
        model.complete(x, mask, torch.Generator())


# ---- hidden states


@pytest.mark.parametrize("spec", [TOKENS, ROLL, SERIES], ids=lambda spec: spec.name)
def test_the_forward_algorithm_sums_over_all_paths(spec: DataSpec) -> None:
    model = HiddenMarkov(spec, states=3)
    train = drawn(spec, 40)
    fit(model, train, "3steps")
    x = train.tensor()[:5]
    steps = model._steps(x)
    paths = []
    for path in itertools.product(range(3), repeat=steps.shape[1]):
        logs = model.initial[path[0]].log()
        for before, after in itertools.pairwise(path):
            logs = logs + model.transitions[before, after].log()
        for t, state in enumerate(path):
            logs = logs + model.emission.log_prob(steps[:, t])[:, state]
        paths.append(logs)
    wanted = torch.stack(paths).logsumexp(0)
    if not spec.is_discrete:
        wanted = wanted + model.standardise.log_abs_det_jacobian()
    torch.testing.assert_close(model.log_prob(x), wanted)


@pytest.mark.parametrize("spec", [TOKENS, ROLL, SERIES], ids=lambda spec: spec.name)
def test_expectation_maximisation_climbs(spec: DataSpec) -> None:
    """Up to what the pseudo-counts hold back."""
    train = drawn(spec, 400)
    likelihoods = []
    for steps in (1, 2, 4, 8, 16):
        torch.manual_seed(1)
        model = HiddenMarkov(spec, states=4)
        fit(model, train, f"{steps}steps")
        likelihoods.append(model.log_prob(train.tensor()).mean().item())
    assert all(later > before - 1e-3 for before, later in itertools.pairwise(likelihoods))
    assert likelihoods[-1] > likelihoods[0] + 0.1


def test_batches_lead_where_all_examples_at_once_lead() -> None:
    train = drawn(TOKENS, 1000)
    likelihoods = []
    for batch_size, steps in ((1000, 60), (100, 300)):
        torch.manual_seed(1)
        model = HiddenMarkov(TOKENS, states=3, batch_size=batch_size)
        fit(model, train, f"{steps}steps")
        likelihoods.append(model.log_prob(train.tensor()).mean().item())
    assert likelihoods[0] == pytest.approx(likelihoods[1], abs=0.02)


@pytest.mark.parametrize("spec", [TOKENS, ROLL, SERIES], ids=lambda spec: spec.name)
def test_padding_adds_to_no_expected_count(spec: DataSpec) -> None:
    model = HiddenMarkov(spec, states=3)
    train = drawn(spec, 6)
    fit(model, train, "2steps")
    steps, lengths = model._steps(train.tensor()), torch.tensor([1, 2, 3, 4, 4, 1])
    together, mean = model.expect(steps, lengths)
    alone = [model.expect(steps[i : i + 1, :length]) for i, length in enumerate(lengths.tolist())]
    assert mean == pytest.approx(sum(each for _, each in alone) / 6)
    torch.testing.assert_close(together.first, sum(each.first for each, _ in alone))
    torch.testing.assert_close(together.pairs, sum(each.pairs for each, _ in alone))
    for part, values in enumerate(together.emitted):
        torch.testing.assert_close(values, sum(each.emitted[part] for each, _ in alone))


def test_convergence_ends_the_training() -> None:
    meter = fit(HiddenMarkov(TOKENS, states=1), drawn(TOKENS, 100), "50steps")
    assert meter.finish().steps <= 4


@pytest.mark.parametrize("spec", [TOKENS, ROLL], ids=lambda spec: spec.name)
@pytest.mark.parametrize("kind", [HiddenMarkov, NoteMarkov])
def test_samples_are_as_frequent_as_they_are_likely(kind: type[GenerativeModel], spec: DataSpec) -> None:
    if kind is NoteMarkov and spec is TOKENS:
        pytest.skip("has no notes")
    model = kind(spec)
    fit(model, drawn(spec, 200))
    examples = every_example(spec)
    probabilities = model.log_prob(examples).exp()  # type: ignore[operator]
    assert probabilities.sum().item() == pytest.approx(1, abs=1e-10)
    count, levels = 20_000, spec.levels or 0
    powers = levels ** torch.arange(spec.dimension - 1, -1, -1)
    codes = (model.sample(count, torch.Generator().manual_seed(0)).flatten(1) * powers).sum(1)
    frequencies = torch.bincount(codes, minlength=len(examples)) / count
    error = (probabilities * (1 - probabilities) / count).sqrt()
    assert ((frequencies - probabilities).abs() / error.clamp(min=1e-5)).max() < 4.5


def test_real_samples_have_the_moments_of_the_states() -> None:
    model = HiddenMarkov(SERIES, states=2)
    fit(model, drawn(SERIES, 300), "20steps")
    x = model.sample(20_000, torch.Generator().manual_seed(0)).double()
    again = HiddenMarkov(SERIES, states=2)
    again.load_state_dict(model.state_dict())
    own = model.log_prob(x).mean()
    for shift in (0.3, -0.3):  # the model's own samples are likelier than others
        assert own > model.log_prob(x + shift).mean()
    steps = model._steps(x)
    state = model.initial
    for t in range(5):
        mean = (state[:, None] * model.emission.get_buffer("means")).sum(0)
        torch.testing.assert_close(steps[:, t].mean(0), mean, atol=0.03, rtol=0)
        state = state @ model.transitions


def test_emissions_without_examples_stay_proper() -> None:
    categorical, gaussian = Categorical(2, 1, 3), Gaussian(2, 2)
    steps = torch.randint(3, (20, 1))
    categorical.start(steps)
    categorical.maximise((torch.zeros(2), torch.zeros(2, 1, 3, dtype=torch.float64)))
    torch.testing.assert_close(categorical.log_probs[0].exp(), categorical.marginal)
    values = torch.randn(20, 2, dtype=torch.float64)
    gaussian.start(values)
    shares = torch.zeros(20, 2, dtype=torch.float64)
    gaussian.maximise(gaussian.sums(values, shares))
    assert gaussian.log_prob(values).isfinite().all()
