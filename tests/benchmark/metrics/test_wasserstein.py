"""Exact Wasserstein distance: against POT's network simplex, duality, and closed forms."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.stats import wasserstein_distance as on_the_line
from torch import Tensor

from genbench.metrics.numerics.transport_1d import potentials_of_sorted, wasserstein_of_sorted
from genbench.metrics.sliced_wasserstein import sliced_wasserstein
from genbench.metrics.wasserstein import MAX_EXAMPLES, kantorovich_potentials, wasserstein_distance


def draw(count: int, dim: int, seed: int) -> Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize(("n", "dim"), [(2, 2), (100, 2), (200, 5)])
def test_equals_pot(n: int, dim: int, power: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its optional backends
        ot = pytest.importorskip("ot")
    x, y = draw(n, dim, 0).double(), draw(n, dim, 1).double() * 1.3 + 0.4
    costs = torch.cdist(x, y).pow(power).numpy()
    expected = ot.emd2([], [], costs) ** (1 / power)
    assert wasserstein_distance(x, y, power).value.item() == pytest.approx(expected, rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(2, 12), seed=st.integers(0, 1000), tied=st.booleans())
def test_potentials_are_dual_to_the_assignment(n: int, seed: int, tied: bool) -> None:
    """Feasible, and as large as the primal: no other solver is needed to know that both are the best."""
    costs = torch.rand(n, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    costs = (4 * costs).round() if tied else costs
    partners = torch.from_numpy(linear_sum_assignment(costs.numpy())[1])
    u, v = kantorovich_potentials(costs, partners)
    assert (u[:, None] + v - costs).max() < 1e-9
    primal = costs.gather(1, partners[:, None]).sum()
    assert (u.sum() + v.sum()).item() == pytest.approx(primal.item(), abs=1e-9)


def test_one_dimension_equals_scipy() -> None:
    x, y = draw(70, 1, 0), draw(70, 1, 1) * 2
    expected = on_the_line(x[:, 0].numpy(), y[:, 0].numpy())
    assert wasserstein_distance(x, y).value.item() == pytest.approx(expected, rel=1e-9)


def test_shift_and_order() -> None:
    x = draw(80, 3, 0).double()
    shift = torch.tensor([3.0, 0.0, 4.0], dtype=torch.float64)
    moved = (x + shift)[torch.randperm(80, generator=torch.Generator().manual_seed(0))]
    for power in (1, 2):
        assert wasserstein_distance(moved, x, power).value.item() == pytest.approx(5.0, rel=1e-9)
    assert wasserstein_distance(x, x.flip(0)).value == 0.0
    assert wasserstein_distance(x, x.flip(0)).stderr.isnan()


def test_above_the_sliced_one_which_knows_less() -> None:
    x, y = draw(200, 2, 0), draw(200, 2, 1) + 1
    sliced = sliced_wasserstein(x, y, torch.Generator().manual_seed(0))
    assert wasserstein_distance(x, y, 2).value > sliced


def test_many_points_are_thinned_out_from_all_over() -> None:
    ends = torch.tensor([0.0, 8.0]).repeat_interleave(MAX_EXAMPLES)[:, None]
    middle = torch.full((2 * MAX_EXAMPLES, 1), 4.0)
    assert wasserstein_distance(ends, middle).value.item() == pytest.approx(4.0)
    assert wasserstein_distance(ends[::1000], middle).value.item() == pytest.approx(4.0)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(2, 10), m=st.integers(2, 10), seed=st.integers(0, 1000), power=st.sampled_from([1, 2]))
def test_potentials_on_the_line_are_the_derivative(n: int, m: int, seed: int, power: int) -> None:
    """Moving an x by a little changes the distance by the slope of its potential: checked where N = M."""
    x, y = (draw(1, count, seed + i).double().sort(1).values for i, count in enumerate((n, n)))
    potentials = potentials_of_sorted(x, y, power)
    assert potentials.shape == x.shape
    gaps = x.diff(dim=1)
    slopes = power * (x - y).abs().pow(power - 1) * (x - y).sign()
    torch.testing.assert_close(potentials.diff(dim=1) / gaps, (slopes[:, 1:] + slopes[:, :-1]) / 2)
    step = 1e-6
    for i in range(n):
        moved = x.clone()
        moved[0, i] += step
        if i == n - 1 or moved[0, i] < x[0, i + 1]:
            change = wasserstein_of_sorted(moved, y, power) - wasserstein_of_sorted(x, y, power)
            near_kink = bool((x[0, i] - y[0, i]).abs() < 10 * step)
            assert near_kink or float(change) == pytest.approx(float(slopes[0, i]) * step / n, rel=1e-2)
    assert potentials_of_sorted(x, draw(1, m, seed).double().sort(1).values, power).shape == x.shape


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="1 and 5 examples"):
        wasserstein_distance(draw(1, 2, 0), draw(5, 2, 1))
    with pytest.raises(ValueError, match="power 0"):
        wasserstein_distance(np.zeros((5, 2)), np.zeros((5, 2)), 0)
