"""Spectra and tails against closed forms and numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from genbench.metrics.series.spectrum_and_tails import spectrum_difference, tail_difference


def noise(count: int, length: int, seed: int, channels: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, length, channels, generator=generator, dtype=torch.float64)


def test_a_factor_is_that_many_decibels_at_every_frequency() -> None:
    x = noise(50, 16, 0, channels=2)
    found = spectrum_difference(10 * x + 3, x)
    assert float(found.value) == pytest.approx(20)


def test_spectrum_by_numpy() -> None:
    x, y = noise(7, 11, 0), noise(5, 11, 1) * 2
    power = [
        (
            np.abs(np.fft.rfft(each[..., 0].numpy() - each[..., 0].numpy().mean(1, keepdims=True), axis=1))
            ** 2
        ).mean(0)
        for each in (x, y)
    ]
    expected = np.abs(10 * np.log10(power[0][1:] / power[1][1:])).mean()
    assert float(spectrum_difference(x, y).value) == pytest.approx(expected)


def test_differences_of_noise_have_the_spectrum_of_a_difference() -> None:
    """x_t - x_{t-1} has |1 - e^{iw}|² = 2 - 2 cos w, up to the edges of a window."""
    white, length = noise(20_000, 33, 0), 32
    frequency = 2 * math.pi * torch.arange(1, length // 2 + 1, dtype=torch.float64) / length
    expected = (10 * torch.log10(2 - 2 * frequency.cos())).abs().mean()
    found = spectrum_difference(white[:, 1:] - white[:, :-1], noise(20_000, length, 1))
    assert float(found.value) == pytest.approx(float(expected), rel=0.15)


def test_a_frequency_without_power() -> None:
    with pytest.raises(ValueError, match="a spectrum is 0"):
        spectrum_difference(torch.ones(3, 8, 1), noise(3, 8, 0))
    with pytest.raises(ValueError, match="length 1"):
        spectrum_difference(noise(3, 1, 0), noise(3, 1, 0))


def test_tails_are_those_of_the_normal_distribution() -> None:
    """The mean of the lowest 5 % of N(0, 1) is -phi(z) / 0.05 = -2.0627, z the quantile."""
    x = noise(4000, 25, 0)
    found = tail_difference(2 * x, noise(4000, 25, 1), torch.ones(1, dtype=torch.float64))
    assert float(found.value) == pytest.approx(2.0627, abs=4 * float(found.stderr))
    assert float(found.stderr) < 0.03
    one_sided = tail_difference(x.clamp(min=-1), x, torch.ones(1, dtype=torch.float64))
    assert float(one_sided.value) == pytest.approx(1.0627 / 2, abs=0.02)


def test_tails_by_sorting_and_in_units_of_the_scale() -> None:
    x, y = noise(8, 10, 0), noise(6, 10, 1)
    sides = []
    for low in (True, False):
        ends = [
            np.sort(each.flatten().numpy())[:count] if low else np.sort(each.flatten().numpy())[-count:]
            for each, count in ((x, 4), (y, 3))
        ]
        sides.append(abs(ends[0].mean() - ends[1].mean()))
    scale = torch.tensor([0.5], dtype=torch.float64)
    assert float(tail_difference(x, y, scale).value) == pytest.approx(np.mean(sides) / 0.5)
