"""Kernel distance: against loops over all pairs, a jackknife done by leaving out, and its own spread."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import polynomial_kernel
from torch import Tensor

from genbench.metrics.kernel import kernel_distance
from genbench.metrics.numerics import distances


def by_loops(x: np.ndarray, y: np.ndarray) -> float:
    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    n, m = len(x), len(y)
    within_x = sum(kernel(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_y = sum(kernel(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within_x + within_y - 2 * sum(kernel(a, b) for a in x for b in y) / (n * m)


def draw(count: int, dim: int, seed: int, shift: float = 0.0) -> Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed)) + shift


@pytest.mark.parametrize(("n", "m", "dim"), [(2, 2, 1), (7, 5, 3), (20, 30, 8)])
def test_equals_the_sum_over_pairs(n: int, m: int, dim: int) -> None:
    x, y = draw(n, dim, 0), draw(m, dim, 1, shift=0.3)
    expected = by_loops(x.double().numpy(), y.double().numpy())
    assert kernel_distance(x, y).value.item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_standard_error_is_the_jackknife() -> None:
    x, y = draw(9, 3, 0).double(), draw(7, 3, 1, shift=0.5).double()
    variance = 0.0
    for kept, other in ((x, y), (y, x)):
        count = len(kept)
        left_out = [by_loops(np.delete(kept.numpy(), i, axis=0), other.numpy()) for i in range(count)]
        variance += (count - 1) * np.var(left_out)
    assert kernel_distance(x, y).stderr.item() == pytest.approx(variance**0.5, rel=1e-8)


def test_tiles_do_not_show() -> None:
    """More examples than a tile has rows, against scikit-learn's kernel."""
    n, m = distances.TILE + 100, 2 * distances.TILE + 3
    x, y = draw(n, 4, 0), draw(m, 4, 1, shift=0.1)
    a, b = x.double().numpy(), y.double().numpy()
    options = {"degree": 3, "gamma": 1 / 4, "coef0": 1}
    xx, yy, xy = (polynomial_kernel(p, q, **options) for p, q in ((a, a), (b, b), (a, b)))
    expected = (
        (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1)) - 2 * xy.mean()
    )
    assert kernel_distance(x, y).value.item() == pytest.approx(expected, rel=1e-8)


def test_unbiased_and_its_error_is_honest() -> None:
    """Over many draws: 0 on average where the distributions are equal; the stderr matches the spread."""
    null = [kernel_distance(draw(40, 2, 2 * seed), draw(40, 2, 2 * seed + 1)) for seed in range(300)]
    values = torch.stack([estimate.value for estimate in null])
    assert abs(values.mean()) < 3 * values.std() / len(values) ** 0.5
    apart = [kernel_distance(draw(40, 2, 2 * seed, 1.0), draw(40, 2, 2 * seed + 1)) for seed in range(300)]
    spread = torch.stack([estimate.value for estimate in apart]).std()
    claimed = torch.stack([estimate.stderr for estimate in apart]).square().mean().sqrt()
    assert 0.8 < (claimed / spread).item() < 1.4


@settings(max_examples=25, deadline=None)
@given(n=st.integers(2, 20), m=st.integers(2, 20), dim=st.integers(1, 6), seed=st.integers(0, 1000))
def test_symmetric_and_blind_to_order_and_rotation(n: int, m: int, dim: int, seed: int) -> None:
    x, y = draw(n, dim, seed).double(), draw(m, dim, seed + 1, shift=0.5).double()
    generator = torch.Generator().manual_seed(seed)
    rotation = torch.linalg.qr(torch.randn(dim, dim, generator=generator, dtype=torch.float64))[0]
    value = kernel_distance(x, y).value.item()
    near = pytest.approx(value, rel=1e-7, abs=1e-9)
    assert kernel_distance(y, x).value.item() == near
    assert kernel_distance(x[torch.randperm(n, generator=generator)], y).value.item() == near
    assert kernel_distance(x @ rotation, y @ rotation).value.item() == near


def test_too_few() -> None:
    assert kernel_distance(draw(2, 3, 0), draw(5, 3, 1)).stderr.isnan()
    with pytest.raises(ValueError, match="1 and 5 examples"):
        kernel_distance(draw(1, 3, 0), draw(5, 3, 1))
