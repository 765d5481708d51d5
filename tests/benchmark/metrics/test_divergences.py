"""KL and JS from the truth: against closed forms and integrals of Gaussians, and what each of them sees."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from genbench.metrics.divergences import equal_cells, js_divergence, kl_divergence


def draw(count: int, seed: int, scale: float = 1.0, shift: float = 0.0, dim: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, dim, generator=generator, dtype=torch.float64) * scale + shift


def log_prob(x: Tensor, scale: float = 1.0, shift: float = 0.0) -> Tensor:
    return torch.distributions.Normal(shift, scale, validate_args=False).log_prob(x).sum(1)


TRUTH = draw(50_000, 1000)


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (1.5, 0.0), (0.5, 0.0), (1.0, 1.0)])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_kl_of_gaussians(scale: float, shift: float, dim: int) -> None:
    """KL(N(m, s²) || N(0, 1)) = d (s² + m² - 1 - 2 log s) / 2."""
    expected = dim * (scale**2 + shift**2 - 1 - 2 * math.log(scale)) / 2
    x = [draw(2000, seed, scale, shift, dim) for seed in range(8)]
    values = torch.stack([kl_divergence(some, log_prob(some)).value for some in x])
    # within three standard errors of the mean, and the bias of tails
    assert abs(float(values.mean()) - expected) < 3 * float(values.std()) / 8**0.5 + 0.02 * dim


def test_kl_of_half_the_modes_is_log_2() -> None:
    """The truth is a mixture of two far Gaussians, and only one is sampled."""
    x = draw(3000, 0, shift=10.0)
    half = torch.logaddexp(log_prob(x, shift=10.0), log_prob(x, shift=-10.0)) - math.log(2)
    found = kl_divergence(x, half)
    assert found.value.item() == pytest.approx(math.log(2), abs=3 * found.stderr.item() + 0.02)


def test_kl_does_not_depend_on_the_units() -> None:
    x = draw(300, 0, 1.3)
    scaled = kl_divergence(x * 1e-4, log_prob(x) + 2 * math.log(1e4))
    assert scaled.value.item() == pytest.approx(kl_divergence(x, log_prob(x)).value.item(), rel=1e-6)


def test_jackknife_is_leaving_out() -> None:
    x = draw(40, 0)
    left_out = torch.stack(
        [
            kl_divergence(kept, log_prob(kept)).value
            for i in range(40)
            for kept in [torch.cat([x[:i], x[i + 1 :]])]
        ]
    )
    expected = (39 * left_out.var(correction=0)).sqrt()
    assert kl_divergence(x, log_prob(x)).stderr.item() == pytest.approx(expected.item(), rel=1e-9)


def js_by_integration(scale: float, shift: float) -> float:
    axis = torch.linspace(-12, 12, 1001, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    p, q = log_prob(grid), log_prob(grid, scale, shift)
    middle = torch.logaddexp(p, q) - math.log(2)
    return float((p.exp() * (p - middle) + q.exp() * (q - middle)).sum() / 2 * (axis[1] - axis[0]) ** 2)


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (1.5, 0.0), (0.5, 0.0), (1.0, 1.0), (1.0, 9.0)])
def test_js_of_gaussians(scale: float, shift: float) -> None:
    """Below the integral by what the cells hide, above it by (cells - 1) / 8N."""
    n, cells = 16_000, 512
    expected = js_by_integration(scale, shift)
    found = js_divergence(draw(n, 0, scale, shift), TRUTH, cells)
    assert found.value.item() == pytest.approx(expected, abs=0.08 * expected + 1.5 * (cells - 1) / (8 * n))
    assert 0 <= found.value <= math.log(2)


def test_bias_of_js_is_as_said() -> None:
    n, cells = 400, 32
    values = torch.stack([js_divergence(draw(n, seed), TRUTH, cells).value for seed in range(60)])
    assert float(values.mean()) == pytest.approx((cells - 1) / (8 * n), rel=0.15)


def test_js_from_its_definition() -> None:
    truth = torch.tensor([[0.0], [1.0], [2.0], [3.0]]).repeat(25, 1)
    samples = torch.tensor([[0.0]] * 30 + [[1.0]] * 10)
    p, q = [0.25] * 4, [0.75, 0.25, 0.0, 0.0]
    expected = sum(
        (a * math.log(2 * a / (a + b)) + (b * math.log(2 * b / (a + b)) if b else 0.0)) / 2
        for a, b in zip(p, q, strict=True)
    )
    assert js_divergence(samples, truth, 4).value.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("cells", [1, 2, 64])
def test_cells_hold_equally_many_draws(cells: int) -> None:
    truth = TRUTH[:6400]
    of_truth, of_samples = equal_cells(truth, truth[:500], cells)
    counts = torch.bincount(of_truth, minlength=cells)
    assert counts.max() - counts.min() <= 6  # a median takes the lower half's rounding, level by level
    assert torch.equal(of_samples, of_truth[:500])


def test_bad_input() -> None:
    x = draw(30, 0)
    with pytest.raises(ValueError, match="5 samples, needs at least 6"):
        kl_divergence(x[:5], log_prob(x[:5]))
    with pytest.raises(ValueError, match="14 of 42 samples coincide with 5 others"):
        kl_divergence(torch.cat([x, x[:2].repeat_interleave(6, 0)]), log_prob(draw(42, 1)))
    with pytest.raises(ValueError, match=r"expected \(30,\)"):
        kl_divergence(x, log_prob(x)[:4])
    with pytest.raises(ValueError, match="10 samples and 50000 draws: needs at least 16"):
        js_divergence(x[:10], TRUTH)
    with pytest.raises(ValueError, match="3 cells: expected a power of 2"):
        js_divergence(x, TRUTH, 3)
