"""Memorisation: a copier is exposed, real data is not, and both figures equal loops."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from genbench.api.budget import Budget
from genbench.api.cards import load_factory
from genbench.api.compute_meter import ComputeMeter
from genbench.datasets.prepared import load_dataset
from genbench.metrics.memorisation.data_copying import data_copying, fit_cells
from genbench.metrics.memorisation.near_duplicates import (
    authenticity,
    copied_share,
    near_duplicates,
    score_memorisation,
)
from genbench.metrics.memorisation.nearest_training import nearest_training
from genbench.metrics.numerics import distances
from genbench.metrics.scoring import ScoringInputs
from genbench.plugin.discovery import load_registry
from genbench.records.result import MetricValue


def draw(count: int, dim: int, seed: int) -> Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


def by_loops(samples: Tensor, train: Tensor) -> float:
    xs, ys = samples.double().tolist(), train.double().tolist()
    authentic = 0
    for x in xs:
        near = min(range(len(ys)), key=lambda i: math.dist(x, ys[i]))
        own = min(math.dist(ys[near], y) for j, y in enumerate(ys) if j != near)
        authentic += math.dist(x, ys[near]) > own
    return authentic / len(xs)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 20), m=st.integers(2, 20), dim=st.integers(1, 5), seed=st.integers(0, 1000))
def test_authenticity_equals_loops(n: int, m: int, dim: int, seed: int) -> None:
    samples, train = draw(n, dim, seed), draw(m, dim, seed + 1)
    assert authenticity(samples, train).item() == pytest.approx(by_loops(samples, train))


def test_more_examples_than_a_tile() -> None:
    samples, train = draw(200, 2, 0), draw(distances.TILE + 50, 2, 1)
    assert authenticity(samples, train).item() == pytest.approx(by_loops(samples, train))


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_copier_has_none_and_real_data_has_most(offset: float) -> None:
    train = draw(500, 16, 0) + offset
    copies = train[torch.randint(500, (300,), generator=torch.Generator().manual_seed(1))]
    assert authenticity(copies, train) == 0.0
    assert authenticity(copies + 1e-3 * draw(300, 16, 2), train) == 0.0
    assert authenticity(draw(300, 16, 3) + offset, train) > 0.3
    assert copied_share(copies, train) == 1.0
    assert copied_share(draw(300, 16, 3) + offset, train) == 0.0


def test_copies_of_repeated_training_examples_are_not_authentic() -> None:
    train = draw(50, 3, 0).repeat(2, 1) + 10.0
    assert authenticity(train[:20], train) == 0.0


def test_copied_share_is_exact() -> None:
    train = torch.tensor([[[0.0, 1.0]], [[2.0, 3.0]]])
    samples = torch.tensor([[[-0.0, 1.0]], [[2.0, 3.0 + 2**-21]], [[2.0, 3.0]], [[1.0, 0.0]]])
    assert copied_share(samples, train) == 0.5
    integers = torch.tensor([[1, 2], [3, 4]])
    assert copied_share(torch.tensor([[3, 4], [4, 3], [1, 2], [1, 1]]), integers) == 0.5


def test_one_training_example_has_no_neighbour() -> None:
    with pytest.raises(ValueError, match="1 training examples: needs at least 2"):
        authenticity(draw(5, 2, 0), draw(1, 2, 1))


# ---- near-duplicates


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 15), h=st.integers(1, 15), m=st.integers(2, 15), seed=st.integers(0, 1000))
def test_near_duplicates_equal_loops(n: int, h: int, m: int, seed: int) -> None:
    samples, held_out, train = draw(n, 3, seed), draw(h, 3, seed + 1), draw(m, 3, seed + 2)
    ys = train.double().tolist()

    def ratios(x: Tensor) -> list[float]:
        found = []
        for row in x.double().tolist():
            near = min(range(m), key=lambda i: math.dist(row, ys[i]))
            own = min(math.dist(ys[near], y) for j, y in enumerate(ys) if j != near)
            found.append(math.dist(row, ys[near]) / own)
        return found

    threshold = sorted(ratios(held_out))[max(1, int(0.3 * h)) - 1] * (1 + 1e-9)
    found = near_duplicates(samples, held_out, train, quantile=0.3)
    assert float(found.value) == pytest.approx(sum(r <= threshold for r in ratios(samples)) / n)
    assert float(found.real) == pytest.approx(max(1, int(0.3 * h)) / h)


def mixture(real: Tensor, train: Tensor, share: float, noise: float, seed: int) -> Tensor:
    """Real examples, a share of which is replaced by training examples with a little noise on them."""
    copies = round(share * len(real))
    chosen = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))[:copies]
    copied = train[chosen] + noise * draw(copies, train.shape[1], seed + 1)
    return torch.cat([copied, real[copies:]])


SHARES = (0.0, 0.05, 0.2, 0.5, 1.0)


@pytest.mark.parametrize("dim", [2, 16, 64])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_every_figure_moves_with_the_share_of_copies(dim: int, noise: float) -> None:
    train, held_out, fresh = draw(3000, dim, 0), draw(1000, dim, 1), draw(1000, dim, 2)
    # the typical distance between neighbours, so that "small" means the same in all dimensions
    spacing = float(nearest_training(held_out, train).to_sample.sqrt().median()) / dim**0.5
    centres = fit_cells(train, 10, torch.Generator().manual_seed(0))
    duplicates, authentic, z = [], [], []
    for share in SHARES:
        samples = mixture(fresh, train, share, noise * spacing, 7)
        found = near_duplicates(samples, held_out, train)
        assert abs(float(found.excess_share) - share) < 3 * float(found.stderr) + (0.05 if noise else 1e-3)
        duplicates.append(float(found.value))
        authentic.append(float(authenticity(samples, train)))
        z.append(float(data_copying(samples, held_out, train, centres).value))
    assert duplicates == sorted(duplicates)
    assert authentic == sorted(authentic, reverse=True)
    assert z == sorted(z, reverse=True)
    # with noise, a copy of one of two near twins may be farther from it than they are apart
    assert duplicates[-1] >= (0.95 if noise else 1.0)
    assert authentic[-1] <= (0.05 if noise else 0.0)
    assert z[-1] < -5


@pytest.mark.parametrize("dim", [2, 16])
def test_near_duplicates_of_real_data_give_no_alarm(dim: int) -> None:
    """Over 60 splits of the same real data: the excess is within three standard errors of 0, and on average 0."""
    real = draw(1500, dim, 0)
    excesses, alarms = [], 0
    for seed in range(60):
        order = torch.randperm(1500, generator=torch.Generator().manual_seed(seed))
        train, held_out, fresh = real[order].split([900, 300, 300])
        found = near_duplicates(fresh, held_out, train)
        excesses.append(float(found.excess_share))
        alarms += float(found.value - found.real) > 3 * float(found.stderr)
    assert alarms <= 2
    assert abs(sum(excesses) / len(excesses)) < 0.008


def test_where_real_data_repeat_the_training_set_real_says_so() -> None:
    """Four bits: everything was seen in training. The figure alone would call everyone a copier."""
    bits = [
        torch.randint(2, (500, 4), generator=torch.Generator().manual_seed(seed)).float() for seed in range(3)
    ]
    found = near_duplicates(bits[0], bits[1], bits[2])
    assert (float(found.value), float(found.real)) == (1.0, 1.0)
    assert float(found.excess_share) == 0.0


# ---- the built-in data and baselines


@pytest.mark.parametrize("name", ["digits", pytest.param("mnist5k", marks=pytest.mark.slow), "ring8"])
def test_the_copier_is_last_and_held_out_is_clean(name: str) -> None:
    registry = load_registry()
    dataset = load_dataset(registry.dataset(name))
    card = registry.default_extractor(dataset.spec)
    extractor = load_factory(card.factory)(dataset)
    count = min(1000, len(dataset.test))
    figures: dict[str, dict[str, MetricValue]] = {}
    for model in ("held-out", "copier", "marginals", "noise"):
        fitted = load_factory(registry.model(model).factory)(dataset.spec)
        meter = ComputeMeter(Budget.parse("1steps"), valid=dataset.valid)
        fitted.fit(dataset.train, meter)
        inputs = ScoringInputs(
            spec=dataset.spec,
            samples=fitted.sample(count, torch.Generator().manual_seed(0)),
            reference=dataset.test.random_subset(count, 1).tensor(),
            train=dataset.train,
            extractor=extractor,
        )
        figures[model] = {figure.name: figure for figure in score_memorisation(inputs)}
    for metric in ("authenticity", "near_duplicate_share", "data_copying_z", "copied_share"):
        better = 1 if figures["copier"][metric].better == "higher" else -1
        scores = {model: better * (found[metric].value or 0.0) for model, found in figures.items()}
        assert min(scores, key=scores.__getitem__) == "copier", (metric, scores)
        assert all(found[metric].stderr is not None for found in figures.values())
    clean = figures["held-out"]
    duplicates, z = clean["near_duplicate_share"], clean["data_copying_z"]
    assert clean["copied_share"].value == 0
    assert duplicates.value is not None
    assert duplicates.real is not None
    assert duplicates.stderr is not None
    assert duplicates.value - duplicates.real < 3 * duplicates.stderr
    assert z.value is not None
    assert z.stderr is not None
    assert abs(z.value) < 3 * z.stderr
    assert figures["copier"]["near_duplicate_share"].value == 1.0


def test_arrays_of_numpy_are_taken_and_bad_ones_named() -> None:
    samples, held_out, train = (
        torch.randn(40, 3, generator=torch.Generator().manual_seed(i)) for i in range(3)
    )
    assert authenticity(samples.numpy(), train.numpy()) == authenticity(samples, train)
    arrays = near_duplicates(samples.numpy(), held_out.numpy(), train.numpy())
    assert arrays == near_duplicates(samples, held_out, train)
    with pytest.raises(ValueError, match=r"features of unequal width, \(40, 2\) and \(40, 3\)"):
        near_duplicates(samples, held_out[:, :2], train)
