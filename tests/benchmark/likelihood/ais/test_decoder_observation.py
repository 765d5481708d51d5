"""Masses of bins against many digits; scores against autograd; draws against their own probabilities."""

from __future__ import annotations

import math

import mpmath
import pytest
import torch
from scipy import stats
from torch import Tensor

from genbench.api.data import DataSpec, Split
from genbench.api.observation import discretised_gaussian_log_prob, discretised_logistic_log_prob
from genbench.likelihood.ais.bin_mass import normal_bin_derivative, normal_bin_mass
from genbench.likelihood.ais.decoder_observation import (
    DecoderObservation,
    DiscretisedGaussian,
    DiscretisedLogistic,
    FlippedBernoulli,
    GaussianDensity,
    decoder_observation,
)

DISTANCES = [0.0, 0.3, 2.5, 7.9, 8.1, 14.0, 60.0, 900.0]
OBSERVATIONS: dict[str, tuple[DecoderObservation, int | None, list[float]]] = {
    "gaussian": (GaussianDensity(torch.tensor([0.5, 2.0, 1.0])), None, [0.03, 1.0]),
    "bernoulli": (FlippedBernoulli(), 2, [1e-4, 0.2, 0.4]),
    "discretised gaussian": (DiscretisedGaussian(17), 17, [0.15, 1.0, 60.0]),
    "discretised logistic": (DiscretisedLogistic(17), 17, [0.1, 1.0, 60.0]),
}
CASES = [(name, scale) for name, (_, _, scales) in OBSERVATIONS.items() for scale in scales]


@pytest.mark.parametrize("width", [8.0, 1.0, 0.05])
@pytest.mark.parametrize("bounded", [True, False])
def test_bin_masses_and_derivatives_have_six_digits(width: float, bounded: bool) -> None:
    near = [-width / 2, *DISTANCES] if bounded else [-900.0, -5.0, -width / 2, *DISTANCES]
    t, flag = torch.tensor(near), torch.tensor([bounded])
    found = normal_bin_mass(t, torch.tensor([width]), flag)
    alone = normal_bin_derivative(t, torch.tensor([width]), flag)
    torch.testing.assert_close(found.derivative, alone, rtol=0, atol=0)
    with mpmath.workdps(60):
        for edge, log_mass, derivative in zip(
            t.tolist(), found.log_mass.tolist(), found.derivative.tolist(), strict=True
        ):
            a, b = mpmath.mpf(edge), mpmath.mpf(edge) + float(torch.tensor(width))
            upper, density = (mpmath.ncdf(-b), mpmath.npdf(b)) if bounded else (0, 0)
            mass = mpmath.ncdf(-a) - upper
            assert log_mass == pytest.approx(float(mpmath.log(mass)), rel=2e-6, abs=2e-6)
            assert derivative == pytest.approx(float((density - mpmath.npdf(a)) / mass), rel=5e-5, abs=1e-6)


@pytest.mark.parametrize(
    ("observation", "reference"),
    [
        (DiscretisedGaussian(256), discretised_gaussian_log_prob),
        (DiscretisedLogistic(256), discretised_logistic_log_prob),
    ],
)
def test_discretised_agree_with_the_elementwise_functions(
    observation: DecoderObservation, reference: object
) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (40, 1, 30), generator=generator)
    x[:8], x[8:16] = 0, 255
    mean = 300 * torch.rand(40, 5, 30, generator=generator) - 20
    log_scale = torch.linspace(-1, 4, 40).reshape(-1, 1, 1)
    expected = reference(x.expand(mean.shape), mean, log_scale, 256)  # type: ignore[operator]
    torch.testing.assert_close(observation.log_prob(x, mean, log_scale), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("name", "scale"), CASES)
def test_scores_are_the_derivatives(name: str, scale: float) -> None:
    observation, levels, _ = OBSERVATIONS[name]
    generator = torch.Generator().manual_seed(1)
    mean = 3 * torch.randn(6, 4, 3, generator=generator)
    x: Tensor = torch.randn(6, 1, 3, generator=generator)
    if levels is not None:
        mean = (levels - 1) * torch.rand(6, 4, 3, generator=generator)
        x = torch.randint(0, levels, (6, 1, 3), generator=generator)
    log_scale = torch.full((6, 1, 1), math.log(scale))
    step = 1e-4

    def wide(shifted: Tensor) -> Tensor:
        return observation.log_prob(x, shifted, log_scale.double())

    finite = (wide(mean.double() + step) - wide(mean.double() - step)) / (2 * step)
    assert (observation.log_prob(x, mean, log_scale) <= (0 if levels else 9)).all()
    # float32 in, and a kink where the mean passes the middle of a bin
    torch.testing.assert_close(
        observation.score(x, mean, log_scale).double(), finite, rtol=5e-3, atol=5e-3 / scale
    )


@pytest.mark.parametrize(("name", "scale"), [case for case in CASES if case[0] != "gaussian"])
def test_probabilities_of_all_levels_sum_to_one_and_are_what_is_drawn(name: str, scale: float) -> None:
    observation, levels, _ = OBSERVATIONS[name]
    assert levels is not None
    top = levels - 1
    mean = torch.tensor([0.0, 0.37 * top, top]).reshape(1, 3)
    log_scale = torch.tensor(math.log(scale))
    every = torch.arange(levels).reshape(levels, 1, 1)
    probability = observation.log_prob(every, mean.expand(levels, 1, 3), log_scale).exp()[:, 0].double()
    torch.testing.assert_close(probability.sum(0), torch.ones(3, dtype=torch.float64), rtol=0, atol=2e-6)

    count = 20_000
    draws = observation.sample(mean.expand(count, 3), log_scale, torch.Generator().manual_seed(3))
    for column in range(3):
        expected = probability[:, column] * count
        observed = torch.bincount(draws[:, column], minlength=levels).double()
        keep = expected > 5
        assert observed[~keep].sum() <= 40
        if keep.sum() > 1:
            merged = expected[keep] / expected[keep].sum() * observed[keep].sum()
            assert stats.chisquare(observed[keep].numpy(), merged.numpy()).pvalue > 1e-4


def test_the_form_follows_the_data_and_channels_keep_their_units() -> None:
    generator = torch.Generator().manual_seed(0)
    series = DataSpec(name="series", modality="series", event_shape=(12, 3))
    spread = torch.tensor([1.0, 100.0, 0.0])
    x = 7 + spread * torch.randn(500, 12, 3, generator=generator)
    chosen = decoder_observation(series, Split(series, x))
    assert isinstance(chosen, GaussianDensity)
    torch.testing.assert_close(chosen.channel_scale, torch.tensor([[1.0, 100.0, 1.0]]), rtol=0.05, atol=0)
    low, high = chosen.scale_range(Split(series, x))
    assert low < 1 < high  # in standard deviations of each channel, whatever its unit

    binary = DataSpec(name="bits", modality="image", event_shape=(1, 2, 2), levels=2)
    grey = DataSpec(name="grey", modality="image", event_shape=(1, 2, 2), levels=17)
    zeros = torch.zeros(4, 1, 2, 2, dtype=torch.uint8)
    assert isinstance(decoder_observation(binary, Split(binary, zeros)), FlippedBernoulli)
    constant = decoder_observation(grey, Split(grey, zeros))
    assert isinstance(constant, DiscretisedGaussian)
    low, high = constant.scale_range(Split(grey, zeros))
    assert 0 < low < high
