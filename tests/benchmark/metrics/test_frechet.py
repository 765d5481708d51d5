"""Fréchet distance: against scipy's matrix square root, closed forms, and what it must not depend on."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from genbench.metrics.frechet import (
    covariance_root,
    frechet_distance,
    frechet_distance_with_error,
    gaussian_statistics,
    mean_and_scatter,
)


def by_matrix_square_root(x: Tensor, y: Tensor) -> float:
    """The usual way, in numpy and scipy alone."""
    a, b = x.double().numpy(), y.double().numpy()
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(s @ t)
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * np.trace(root).real)


def features(count: int, dim: int, seed: int, *, scale: float = 1.0, shift: float = 0.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(dim, dim, generator=generator) / dim**0.5 + torch.eye(dim)
    return torch.randn(count, dim, generator=generator) @ mixing * scale + shift


@pytest.mark.parametrize(("n", "m", "dim"), [(500, 400, 16), (1000, 1000, 64), (65, 65, 64), (300, 900, 2)])
def test_equals_the_matrix_square_root(n: int, m: int, dim: int) -> None:
    x, y = features(n, dim, 0), features(m, dim, 1, scale=1.3, shift=0.2)
    assert frechet_distance(x, y).item() == pytest.approx(by_matrix_square_root(x, y), rel=1e-6)


def test_one_dimension_is_exact() -> None:
    x, y = features(200, 1, 0), features(300, 1, 1, scale=3.0, shift=-2.0)
    a, b = x.double(), y.double()
    expected = (a.mean() - b.mean()) ** 2 + (a.std() - b.std()) ** 2
    assert frechet_distance(x, y).item() == pytest.approx(expected.item(), rel=1e-10)


@pytest.mark.parametrize(("n", "dim"), [(200, 8), (20, 50)])  # of full and of low rank
def test_closed_forms_of_a_shift_and_of_a_scale(n: int, dim: int) -> None:
    x = features(n, dim, 3).double()
    shift = torch.linspace(-1, 1, dim, dtype=torch.float64)
    centred = x - x.mean(0)
    spread = x.var(0).sum()
    assert frechet_distance(x, x + shift).item() == pytest.approx(shift.square().sum().item(), rel=1e-9)
    # Σ2 = 9 Σ1, so d² = (3 - 1)² tr Σ1
    assert frechet_distance(centred, 3 * centred).item() == pytest.approx(4 * spread.item(), rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(2, 60), m=st.integers(2, 60), dim=st.integers(1, 30), seed=st.integers(0, 1000))
def test_symmetric_zero_on_itself_and_blind_to_order_and_rotation(
    n: int, m: int, dim: int, seed: int
) -> None:
    x, y = features(n, dim, seed).double(), features(m, dim, seed + 1, scale=0.5, shift=1.0).double()
    distance = frechet_distance(x, y).item()
    size = x.square().sum().item() + y.square().sum().item()
    generator = torch.Generator().manual_seed(seed)
    rotation = torch.linalg.qr(torch.randn(dim, dim, generator=generator, dtype=torch.float64))[0]
    near = pytest.approx(distance, rel=1e-7, abs=1e-7 * size)
    assert frechet_distance(y, x).item() == near
    assert frechet_distance(x[torch.randperm(n, generator=generator)], y).item() == near
    assert frechet_distance(x @ rotation, y @ rotation).item() == near
    assert frechet_distance(x, x).item() == pytest.approx(0.0, abs=1e-7 * size)
    assert distance >= 0


def test_singular_covariances() -> None:
    """A dimension that never varies, and two that say the same, with many examples."""
    x, y = features(300, 6, 0), features(300, 6, 1, shift=0.5)
    kept = frechet_distance(x, y).item()
    padded_x = torch.cat([x, torch.full((300, 3), 7.0)], 1)
    padded_y = torch.cat([y, torch.full((300, 3), 7.0)], 1)
    assert frechet_distance(padded_x, padded_y).item() == pytest.approx(kept, rel=1e-9)
    doubled = frechet_distance(torch.cat([x, x], 1), torch.cat([y, y], 1)).item()
    assert doubled == pytest.approx(2 * kept, rel=1e-6)


def test_constant_samples_leave_the_spread_of_the_data() -> None:
    x, y = torch.full((50, 4), 2.0), features(50, 4, 1)
    expected = (2.0 - y.double().mean(0)).square().sum() + y.double().var(0).sum()
    assert frechet_distance(x, y).item() == pytest.approx(expected.item(), rel=1e-9)


def test_statistics_are_those_of_numpy() -> None:
    x = features(400, 12, 5).double() + 3.0
    found = gaussian_statistics(x)
    covariance = torch.from_numpy(np.cov(x.numpy(), rowvar=False))
    torch.testing.assert_close(found.root.T @ found.root, covariance, rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(found.mean, x.mean(0))


def test_features_are_left_as_they_were() -> None:
    x, y = features(400, 12, 5).double() + 3.0, features(300, 12, 6).double()
    kept = x.clone(), y.clone()
    frechet_distance_with_error(x, y)
    frechet_distance(x, y)
    assert torch.equal(x, kept[0])
    assert torch.equal(y, kept[1])


def test_many_blocks_of_columns_equal_the_matrix_square_root() -> None:
    x, y = features(900, 600, 0), features(1000, 600, 1, scale=1.3, shift=0.2)
    assert frechet_distance(x, y).item() == pytest.approx(by_matrix_square_root(x, y), rel=1e-6)


@pytest.mark.parametrize(("n", "dim"), [(700, 1030), (9000, 520)])
def test_scatter_in_blocks_of_rows_and_columns(n: int, dim: int) -> None:
    x = torch.randn(n, dim, generator=torch.Generator().manual_seed(0)) + 5.0
    mean, scatter = mean_and_scatter(x)
    np.testing.assert_allclose(mean.numpy(), x.double().numpy().mean(0), rtol=1e-12)
    expected = np.cov(x.double().numpy(), rowvar=False) * (n - 1)
    np.testing.assert_allclose(scatter.numpy(), expected, rtol=1e-9, atol=1e-9 * n)


def test_with_error_gives_the_same_distance() -> None:
    for n, m, dim in ((300, 200, 16), (40, 60, 50), (30, 200, 50), (2, 2, 3)):
        x, y = features(n, dim, 0), features(m, dim, 1, scale=1.3)
        found = frechet_distance_with_error(x, y)
        assert found.value.item() == pytest.approx(frechet_distance(x, y).item(), rel=1e-9)
        assert found.stderr > 0


def test_standard_error_in_one_dimension_is_the_delta_methods() -> None:
    """d² = (m1 - m2)² + (s1 - s2)²; of m it is 2 (m1 - m2) (x - m1), of s (s1 - s2) ((x - m1)² / s1 - s1)."""
    x, y = features(900, 1, 0).double()[:, 0], features(800, 1, 1, scale=3.0, shift=-2.0).double()[:, 0]
    variance = 0.0
    for a, b in ((x, y), (y, x)):
        m, s = a.mean() - b.mean(), a.std() - b.std()
        c = a - a.mean()
        influence = 2 * m * c + s * (c.square() / a.std() - a.std())
        variance += float(influence.var()) / len(a)
    # d² between two sets of one normal distribution is (1/N + 1/M) s² times z² + z'² / 2, with z, z' standard normal
    variance -= 2.5 * ((1 / len(x) + 1 / len(y)) * float(x.std() * y.std())) ** 2
    found = frechet_distance_with_error(x[:, None], y[:, None]).stderr
    assert found.item() == pytest.approx(variance**0.5, rel=1e-6)


def test_root_of_a_singular_matrix_has_its_rank() -> None:
    basis = torch.randn(3, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    covariance = basis.T @ basis
    root = covariance_root(covariance)
    assert root.shape == (3, 10)
    torch.testing.assert_close(root.T @ root, covariance)


def test_one_example_is_too_few() -> None:
    with pytest.raises(ValueError, match="1 examples: needs at least 2"):
        frechet_distance(torch.zeros(1, 3), torch.zeros(5, 3))
