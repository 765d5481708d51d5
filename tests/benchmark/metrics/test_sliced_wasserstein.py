"""Sliced Wasserstein distance: one dimension against scipy and an assignment, closed forms, invariances."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from genbench.metrics import sliced_wasserstein as module
from genbench.metrics.sliced_wasserstein import random_directions, sliced_wasserstein, wasserstein_of_sorted


def draw(count: int, dim: int, seed: int) -> Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 15), m=st.integers(1, 15), seed=st.integers(0, 1000))
def test_one_dimension_equals_scipy_for_any_counts(n: int, m: int, seed: int) -> None:
    x, y = draw(1, n, seed).double().sort(1).values, draw(1, m, seed + 1).double().sort(1).values
    expected = stats.wasserstein_distance(x[0].numpy(), y[0].numpy())
    assert wasserstein_of_sorted(x, y, power=1).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 6), m=st.integers(1, 6), seed=st.integers(0, 1000))
def test_squares_equal_the_best_assignment(n: int, m: int, seed: int) -> None:
    """Each point split into equal parts, so that optimal transport is an assignment."""
    x, y = draw(1, n, seed).double().sort(1).values, draw(1, m, seed + 1).double().sort(1).values
    parts_x, parts_y = x[0].repeat_interleave(m).numpy(), y[0].repeat_interleave(n).numpy()
    cost = (parts_x[:, None] - parts_y[None, :]) ** 2
    expected = cost[linear_sum_assignment(cost)].mean()
    assert wasserstein_of_sorted(x, y, power=2).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_shift_and_scale() -> None:
    x = draw(200, 6, 0).double()
    directions = random_directions(256, 6, seeded())
    shift = torch.tensor([1.0, 0, 0, 2.0, 0, 0], dtype=torch.float64)
    expected = (directions @ shift).square().mean().sqrt()
    assert sliced_wasserstein(x, x + shift, seeded()).item() == pytest.approx(expected.item(), rel=1e-9)
    # The mean of (θ·s)² over the sphere is |s|²/D.
    many = sliced_wasserstein(x, x + shift, seeded(), projections=20_000)
    assert many.item() == pytest.approx((5 / 6) ** 0.5, rel=0.02)
    scaled = (x @ directions.T).square().mean().sqrt()
    assert sliced_wasserstein(x, 3 * x, seeded()).item() == pytest.approx(2 * scaled.item(), rel=1e-9)


def test_one_dimension_is_the_wasserstein_distance() -> None:
    x, y = draw(50, 1, 0), draw(50, 1, 1) * 2
    expected = np.sqrt(np.mean((np.sort(x[:, 0].double()) - np.sort(y[:, 0].double())) ** 2))
    assert sliced_wasserstein(x, y, seeded(), projections=3).item() == pytest.approx(expected, rel=1e-9)


def test_chunks_of_directions_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = draw(30, 5, 0), draw(40, 5, 1)
    whole = sliced_wasserstein(x, y, seeded())
    monkeypatch.setattr(module, "_HELD", 100)
    torch.testing.assert_close(sliced_wasserstein(x, y, seeded()), whole, rtol=1e-12, atol=0.0)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 30), m=st.integers(1, 30), dim=st.integers(1, 6), seed=st.integers(0, 1000))
def test_symmetric_zero_on_itself_and_blind_to_order(n: int, m: int, dim: int, seed: int) -> None:
    x, y = draw(n, dim, seed), draw(m, dim, seed + 1)
    value = sliced_wasserstein(x, y, seeded()).item()
    assert sliced_wasserstein(y, x, seeded()).item() == pytest.approx(value, rel=1e-9)
    shuffled = x[torch.randperm(n, generator=seeded(seed))]
    assert sliced_wasserstein(shuffled, y, seeded()).item() == pytest.approx(value, rel=1e-9)
    assert sliced_wasserstein(shuffled, x, seeded()).item() == pytest.approx(0.0, abs=1e-9)


def test_same_seed_same_directions_of_length_one() -> None:
    a, b, c = (random_directions(10, 4, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    torch.testing.assert_close(a.norm(dim=1), torch.ones(10, dtype=torch.float64))
