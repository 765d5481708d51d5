"""Judges of series: what they can tell, and that nothing else depends on them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from genbench.metrics.series.judges import JUDGES, discriminative_score, prediction_errors
from genbench.util.mean_errors import Windows


def walks(count: int, seed: int, slope: float = 0.9) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 12, 1, generator=generator)
    for t in range(1, 12):
        x[:, t] = slope * x[:, t - 1] + (1 - slope**2) ** 0.5 * x[:, t]
    return x


@pytest.fixture(scope="module")
def real() -> Tensor:
    return walks(120, 0)


def test_discriminative_score_tells_noise_from_walks_and_not_walks_from_walks(real: Tensor) -> None:
    same, other = discriminative_score(walks(120, 1), real), discriminative_score(walks(120, 2, 0.0), real)
    assert abs(float(same.value) - 0.5) < 3 * float(same.stderr)
    assert float(other.value) > 0.5 + 5 * float(other.stderr)
    assert not other.is_rough
    assert discriminative_score(walks(120, 1), real) == same


def test_windows_of_one_series_lie_in_one_fifth(real: Tensor) -> None:
    """Both sides are windows of one and the same series, so that nothing tells them apart; judges that had seen the
    neighbours of a window would know it."""
    series = walks(1, 3).repeat(1, 20, 1)[0] + torch.randn(240, 1, generator=torch.Generator().manual_seed(4))
    windows = series.unfold(0, 12, 1).transpose(1, 2)
    starts = torch.arange(len(windows))
    shuffled = torch.randperm(len(windows), generator=torch.Generator().manual_seed(5))
    found = discriminative_score(
        windows[shuffled], windows, Windows(starts, 12), Windows(starts[shuffled], 12)
    )
    assert float(found.value) == pytest.approx(0.5, abs=1e-9)
    assert found.is_rough


def test_too_few_series(real: Tensor) -> None:
    with pytest.raises(ValueError, match="needs at least 5"):
        discriminative_score(real[:4], real)
    with pytest.raises(ValueError, match="length 1"):
        prediction_errors(real[:, :1], real[:, :1])


def test_predictive_score_is_near_the_best_predictor_after_training_on_the_same(real: Tensor) -> None:
    """The best prediction is slope * x, whose mean absolute error is sqrt(2 / pi) * sqrt(1 - slope²)."""
    best = (2 / torch.pi) ** 0.5 * (1 - 0.9**2) ** 0.5
    before = torch.get_rng_state()
    ours, noise = prediction_errors(walks(200, 1), real), prediction_errors(walks(200, 2, 0.0), real)
    assert torch.equal(torch.get_rng_state(), before)
    assert ours.shape == (JUDGES, 120)
    assert len(set(ours.mean(1).tolist())) == JUDGES
    assert best * 0.9 < float(ours.mean()) < 1.35 * best
    assert float(noise.mean()) > 1.8 * best
