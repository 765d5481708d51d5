"""Memorisation: a copier is exposed, real data is not, and both figures equal loops."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from genbench.metrics import distances
from genbench.metrics.memorisation import authenticity, copied_share


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
