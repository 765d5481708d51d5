"""Vendi score: from the definition by numpy, counts that are known, and both ways to the same spectrum."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from genbench.metrics.vendi import MAX_EXAMPLES, median_distance, vendi_score, vendi_score_gaussian


def draw(count: int, dim: int, seed: int = 0) -> Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


def by_definition(kernel: np.ndarray) -> float:
    eigenvalues = np.linalg.eigvalsh(kernel / len(kernel))
    eigenvalues = eigenvalues[eigenvalues > 1e-12]
    return float(np.exp(-(eigenvalues * np.log(eigenvalues)).sum()))


@pytest.mark.parametrize(("n", "dim"), [(50, 4), (4, 50), (30, 30), (1, 3)])
def test_equals_the_definition(n: int, dim: int) -> None:
    """More examples than dimensions, and fewer."""
    x = draw(n, dim).double().numpy()
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    assert vendi_score(x).value.item() == pytest.approx(by_definition(unit @ unit.T), rel=1e-9)
    squared = ((x[:, None] - x[None]) ** 2).sum(-1)
    expected = by_definition(np.exp(-squared / (2 * 0.7**2)))
    assert vendi_score_gaussian(x, 0.7).value.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("kinds", [1, 3, 8])
def test_counts_what_is_different(kinds: int) -> None:
    """Equal numbers of orthogonal directions, or of far clusters; scale means nothing to directions."""
    x = torch.eye(8)[:kinds].repeat(20, 1)
    assert vendi_score(x).value.item() == pytest.approx(kinds, rel=1e-9)
    assert vendi_score(x * torch.rand(len(x), 1).add(0.1)).value.item() == pytest.approx(kinds, rel=1e-5)
    assert vendi_score_gaussian(100 * x, 1.0).value.item() == pytest.approx(kinds, rel=1e-9)


def test_collapse_lowers_it_and_noise_raises_it() -> None:
    real = draw(500, 10) * torch.linspace(1, 0.1, 10)
    value, noise, collapsed = (
        vendi_score(x).value for x in (real, draw(500, 10, 1), real[:1] + 0.01 * draw(500, 10, 2))
    )
    assert collapsed < 1.1 < value < noise < 10


def test_zeros_are_a_kind_of_their_own() -> None:
    x = torch.cat([torch.eye(3).repeat(10, 1), torch.zeros(10, 3)])
    assert vendi_score(x).value.item() == pytest.approx(4.0, rel=1e-9)
    assert vendi_score(torch.zeros(5, 3)).value.item() == pytest.approx(1.0)


def test_many_examples_are_thinned_out() -> None:
    """From all over: half of a sorted file would be one cluster."""
    sorted_file = torch.tensor([0.0, 100.0]).repeat_interleave(MAX_EXAMPLES)[:, None]
    assert vendi_score_gaussian(sorted_file, 1.0).value.item() == pytest.approx(2.0)


def test_median_distance() -> None:
    assert median_distance(torch.tensor([[0.0], [1.0], [10.0]])) == 9.0
    assert median_distance(torch.zeros(1, 2)) == 0.0


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="0 examples"):
        vendi_score(torch.zeros(0, 3))
    with pytest.raises(ValueError, match="bandwidth 0"):
        vendi_score_gaussian(draw(5, 2), 0.0)
