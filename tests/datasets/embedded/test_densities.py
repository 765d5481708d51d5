"""The known densities are densities, and their samples follow them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from genbench import Truth
from genbench.metrics.truth import assign_to_modes, high_quality_share, modes_covered
from genbench_datasets.embedded.cards import POINTS
from genbench_datasets.embedded.densities import Checkerboard, GaussianMixture, TwoMoons, ring_of_gaussians
from genbench_datasets.embedded.points import checkerboard_truth, grid25_truth, ring8_truth, two_moons_truth

# name -> truth, half-width of a square that holds all but 1e-12 of it, step of the grid
ON_GRIDS: dict[str, tuple[Callable[[], Truth], float, float]] = {
    "ring8": (ring8_truth, 1.1, 0.005),
    "grid25": (grid25_truth, 4.4, 0.025),
    "two-moons": (two_moons_truth, 3.0, 0.05),
    "checkerboard": (checkerboard_truth, 5.0, 0.125),
}


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _midpoints(half_width: float, step: float) -> torch.Tensor:
    axis = torch.arange(-half_width + step / 2, half_width, step, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis)


def test_every_card_of_points_is_covered() -> None:
    assert set(ON_GRIDS) == {card.name for card in POINTS}


@pytest.mark.parametrize("name", ON_GRIDS)
def test_integrates_to_one(name: str) -> None:
    truth, half_width, step = ON_GRIDS[name]
    density = truth().log_prob(_midpoints(half_width, step)).exp()
    assert float(density.sum()) * step**2 == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("name", ON_GRIDS)
def test_is_a_truth_in_the_data_s_domain(name: str) -> None:
    truth = ON_GRIDS[name][0]()
    assert isinstance(truth, Truth)
    samples = truth.sample(100, _generator())
    assert samples.dtype == torch.float32
    assert samples.shape == (100, 2)
    log_prob = truth.log_prob(samples)
    assert log_prob.shape == (100,)
    assert log_prob.isfinite().all()
    assert torch.equal(samples, truth.sample(100, _generator()))
    assert not torch.equal(samples, truth.sample(100, _generator(1)))


@pytest.mark.parametrize(("name", "modes", "scale"), [("ring8", 8, 0.01), ("grid25", 25, 0.05)])
def test_modes_are_all_there(name: str, modes: int, scale: float) -> None:
    truth = ON_GRIDS[name][0]()
    assert truth.modes is not None
    assert truth.mode_scale == scale
    assert truth.modes.shape == (modes, 2)
    assignment = assign_to_modes(truth.sample(20_000, _generator()), truth.modes, scale)
    assert modes_covered(assignment) == modes
    # a Gaussian in the plane lies within three standard deviations with probability 1 - exp(-9/2)
    expected = 1 - math.exp(-4.5)
    assert high_quality_share(assignment) == pytest.approx(expected, abs=4 * math.sqrt(0.011 / 20_000))
    counts = torch.bincount(assignment.nearest, minlength=modes)
    assert stats.chisquare(counts.numpy()).pvalue > 1e-3


def test_ring_and_grid_lie_where_the_papers_put_them() -> None:
    ring, grid = ring8_truth().modes, grid25_truth().modes
    expected = [(math.cos(2 * math.pi * i / 8), math.sin(2 * math.pi * i / 8)) for i in range(8)]
    torch.testing.assert_close(ring, torch.tensor(expected), atol=1e-7, rtol=0)
    assert {tuple(mode) for mode in grid.tolist()} == {
        (-4.0 + 2 * i, -4.0 + 2 * j) for i in range(5) for j in range(5)
    }


@pytest.mark.parametrize("name", ["ring8", "grid25"])
def test_log_prob_of_samples_of_separate_gaussians_is_exponential(name: str) -> None:
    """-log p is a constant plus half a chi-square with two degrees: an exponential of mean 1."""
    truth = ON_GRIDS[name][0]()
    assert truth.modes is not None
    assert truth.mode_scale is not None
    at_a_mode = -math.log(len(truth.modes)) - math.log(2 * math.pi * truth.mode_scale**2)
    below = at_a_mode - truth.log_prob(truth.sample(20_000, _generator()))
    assert stats.kstest(below.numpy(), "expon").pvalue > 1e-3


@given(st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), min_size=1, max_size=20))
def test_mixture_equals_scipy(points: list[tuple[float, float]]) -> None:
    mixture = ring_of_gaussians(5, radius=1.5, scale=0.3)
    x = torch.tensor(points, dtype=torch.float64)
    by_mode = [stats.multivariate_normal(mode, 0.09).pdf(x.numpy()) for mode in mixture.modes.double()]
    expected = np.log(np.mean(by_mode, 0)).reshape(-1)
    np.testing.assert_allclose(mixture.log_prob(x).numpy(), expected, atol=1e-9)


def _moons_by_adaptive_quadrature(x: float, y: float, scale: float) -> float:
    """log density: the integral over the angle of each half circle, adaptively, about its largest value."""

    def log_of(centre: tuple[float, float], first: float, last: float) -> float:
        dx, dy = x - centre[0], y - centre[1]

        def exponent(t: float) -> float:
            return -((dx - math.cos(t)) ** 2 + (dy - math.sin(t)) ** 2) / (2 * scale**2)

        angle = math.atan2(dy, dx)
        peaks = [t for t in (angle, angle + 2 * math.pi) if first < t < last]
        largest = max(map(exponent, [first, last, *peaks]))
        value, _ = integrate.quad(
            lambda t: math.exp(exponent(t) - largest),
            first,
            last,
            points=[p for peak in peaks for p in (peak - 0.05, peak, peak + 0.05) if first < p < last],
            epsabs=0,
            epsrel=1e-12,
            limit=500,
        )
        return largest + math.log(value / math.pi)

    arcs = log_of((0, 0), 0, math.pi), log_of((1, 0.5), math.pi, 2 * math.pi)
    return float(np.logaddexp(*arcs)) - math.log(2) - math.log(2 * math.pi * scale**2)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 10), st.floats(0, 2 * math.pi))
def test_two_moons_quadrature_is_exact(radius: float, angle: float) -> None:
    x, y = radius * math.cos(angle), radius * math.sin(angle)
    ours = TwoMoons(scale=0.1).log_prob(torch.tensor([[x, y]], dtype=torch.float64))
    assert float(ours) == pytest.approx(_moons_by_adaptive_quadrature(x, y, 0.1), abs=1e-9, rel=1e-11)


def test_two_moons_far_away_keeps_its_relative_precision() -> None:
    ours = float(TwoMoons(scale=0.1).log_prob(torch.tensor([[60.0, 80.0]])))
    assert ours == pytest.approx(_moons_by_adaptive_quadrature(60.0, 80.0, 0.1), rel=1e-6)


def test_two_moons_samples_fill_cells_as_the_density_says() -> None:
    truth, half_width, cell, fine = two_moons_truth(), 3.0, 0.25, 5
    cells = round(2 * half_width / cell)
    density = truth.log_prob(_midpoints(half_width, cell / fine)).exp() * (cell / fine) ** 2
    expected = density.reshape(cells, fine, cells, fine).sum((1, 3)).numpy()
    samples = truth.sample(50_000, _generator()).numpy()
    edges = np.linspace(-half_width, half_width, cells + 1)
    counts, *_ = np.histogram2d(samples[:, 0], samples[:, 1], bins=[edges, edges])
    large = expected * 50_000 >= 10
    observed = np.append(counts[large], 50_000 - counts[large].sum())
    wanted = np.append(expected[large], 1 - expected[large].sum()) * 50_000
    assert large.sum() > 50
    assert stats.chisquare(observed, wanted).pvalue > 1e-3


def test_two_moons_has_the_shape_of_sklearn_s() -> None:
    from sklearn.datasets import make_moons

    theirs = torch.from_numpy(make_moons(2000, noise=None)[0])
    ours = TwoMoons(scale=1e-9).sample(2000, _generator()).double()
    distances = torch.cdist(ours, theirs)
    assert distances.min(1).values.max() < 2 * math.pi / 1000
    assert distances.min(0).values.max() < 0.1


def test_checkerboard_samples_are_uniform_on_its_squares() -> None:
    truth = Checkerboard()
    samples = truth.sample(64_000, _generator())
    assert (truth.log_prob(samples) == -math.log(32)).all()
    quarters = torch.floor(samples + 4).long()  # unit squares: four in each square of side 2
    counts = torch.bincount(quarters[:, 0] * 8 + quarters[:, 1], minlength=64)
    assert stats.chisquare(counts[counts > 0].numpy()).pvalue > 1e-3
    assert int((counts > 0).sum()) == 32


def test_checkerboard_edges() -> None:
    x = torch.tensor([[-4, -4], [4, 3], [3, 4], [1.9999999, 0], [2, 0], [0, 0], [-0.1, 0.1], [9, 9]])
    inside = Checkerboard().log_prob(x).isfinite().tolist()
    assert inside == [True, False, False, True, False, True, False, False]


@given(st.integers(0, 2**32 - 1))
def test_no_sample_of_the_checkerboard_is_rounded_out_of_its_square(seed: int) -> None:
    truth = Checkerboard()
    assert truth.log_prob(truth.sample(5000, _generator(seed))).isfinite().all()


def test_many_points_are_computed_in_pieces_that_fit_together() -> None:
    truth = two_moons_truth()
    x = truth.sample(5000, _generator())
    whole = truth.log_prob(x)
    parts = torch.cat([truth.log_prob(part) for part in x.split(1000)])
    assert torch.equal(whole, parts)


def test_single_mode_at_its_centre() -> None:
    alone = GaussianMixture(torch.zeros(1, 2), 0.5)
    expected = -math.log(2 * math.pi * 0.25)
    assert float(alone.log_prob(torch.zeros(1, 2))) == pytest.approx(expected, rel=1e-12)
