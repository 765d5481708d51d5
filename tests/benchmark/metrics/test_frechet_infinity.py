"""Fréchet distance at infinite N: free of the bias that the distance has, and the regression it stands for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from slow_cases import slow_beyond
from torch import Tensor

from genbench.metrics.frechet import frechet_distance, frechet_distance_with_error
from genbench.metrics.frechet_infinity import examples_needed, frechet_infinity

DIM = 24


def draw(count: int, seed: int, scale: float = 1.0, shift: float = 0.0) -> Tensor:
    mixing = torch.randn(DIM, DIM, generator=torch.Generator().manual_seed(0)) * torch.linspace(1, 0.1, DIM)
    return torch.randn(count, DIM, generator=torch.Generator().manual_seed(seed)) @ mixing * scale + shift


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("scale", "shift"), slow_beyond([(1.2, 0.0)], [(1.0, 0.0), (1.2, 0.0), (1.0, 0.4)]))
def test_the_bias_is_gone(scale: float, shift: float) -> None:
    """Gaussians of known covariance, at four examples per dimension, the fewest allowed."""
    mixing = torch.randn(DIM, DIM, generator=torch.Generator().manual_seed(0)) * torch.linspace(1, 0.1, DIM)
    truth = float((scale - 1) ** 2 * mixing.square().sum() + DIM * shift**2)
    n, draws = examples_needed(DIM), 40
    pairs = [(draw(n, 2 * s + 1, scale, shift), draw(n, 2 * s + 2)) for s in range(draws)]
    biased = torch.stack([frechet_distance(x, y) for x, y in pairs]).mean() - truth
    values = torch.stack([frechet_infinity(x, y, seeded()).value for x, y in pairs])
    error = float(values.std()) / draws**0.5
    assert biased > 10 * error
    assert abs(float(values.mean()) - truth) < 3 * error + 0.03 * float(biased)


def test_it_is_the_line_through_whole_and_halves() -> None:
    """numpy's least squares on 1/N, over the same halves."""
    x, y = draw(200, 1, 1.3), draw(200, 2)
    generator = seeded(5)
    first = [torch.randperm(200, generator=generator) for _ in range(2)]
    sizes, values = [1 / 200], [float(frechet_distance(x, y))]
    for half in (slice(0, 100), slice(100, 200)):
        sizes.append(1 / 100)
        values.append(float(frechet_distance(x[first[0][half]], y[first[1][half]])))
    intercept = np.polyfit(sizes, values, 1)[1]
    assert frechet_infinity(x, y, seeded(5), halvings=1).value.item() == pytest.approx(intercept, rel=1e-6)


def test_seeded_and_order_and_sizes() -> None:
    x, y = draw(150, 1, 1.3), draw(231, 2)
    assert frechet_infinity(x, y, seeded()) == frechet_infinity(x, y, seeded())
    assert frechet_infinity(x, y, seeded()).value != frechet_infinity(x, y, seeded(1)).value
    assert frechet_infinity(x, y, seeded()).stderr == pytest.approx(
        float(frechet_distance_with_error(x, y).stderr), rel=1e-6
    )


def test_too_few() -> None:
    with pytest.raises(ValueError, match="95 and 200 examples with 24 features: needs at least 96"):
        frechet_infinity(draw(95, 1), draw(200, 2), seeded())
