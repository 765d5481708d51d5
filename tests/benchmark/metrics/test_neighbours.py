"""Precision, recall, density, coverage: against prdc and loops, ties, and which way each of them points."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prdc import compute_prdc
from torch import Tensor

from genbench.metrics.neighbours import PrecisionRecall, precision_recall_density_coverage
from genbench.metrics.numerics import distances
from genbench.metrics.numerics.distances import centred, nearest_neighbours


def draw(count: int, dim: int, seed: int, scale: float = 1.0) -> Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed)) * scale


def four(found: PrecisionRecall) -> list[float]:
    return [float(getattr(found, name)) for name in ("precision", "recall", "density", "coverage")]


def by_prdc(samples: Tensor, reference: Tensor, k: int) -> list[float]:
    with contextlib.redirect_stdout(io.StringIO()):
        found = compute_prdc(reference.double().numpy(), samples.double().numpy(), k)
    return [float(found[name]) for name in ("precision", "recall", "density", "coverage")]


def by_loops(samples: Tensor, reference: Tensor, k: int) -> list[float]:
    """From the definitions, with ties counted. Exact where the coordinates are small integers."""
    fake, real = samples.long().tolist(), reference.long().tolist()

    def squared(a: list[int], b: list[int]) -> int:
        return sum((p - q) ** 2 for p, q in zip(a, b, strict=True))

    def radii(xs: list[list[int]]) -> list[int]:
        return [sorted(squared(x, y) for j, y in enumerate(xs) if j != i)[k - 1] for i, x in enumerate(xs)]

    real_radii, fake_radii = radii(real), radii(fake)
    around = [sum(squared(f, r) <= radius for r, radius in zip(real, real_radii, strict=True)) for f in fake]
    recalled = [
        any(squared(f, r) <= radius for f, radius in zip(fake, fake_radii, strict=True)) for r in real
    ]
    covered = [any(squared(f, r) <= radius for f in fake) for r, radius in zip(real, real_radii, strict=True)]
    return [
        sum(count > 0 for count in around) / len(fake),
        sum(recalled) / len(real),
        sum(around) / (k * len(fake)),
        sum(covered) / len(real),
    ]


@pytest.mark.parametrize(
    ("n", "m", "dim", "k"),
    [(500, 500, 8, 5), (300, 700, 2, 3), (7, 8, 3, 5), (distances.TILE + 77, 2 * distances.TILE + 1, 16, 5)],
)
def test_equals_prdc_where_there_are_no_ties(n: int, m: int, dim: int, k: int) -> None:
    samples, reference = draw(n, dim, 0, scale=0.8), draw(m, dim, 1)
    found, expected = (
        four(precision_recall_density_coverage(samples, reference, k)),
        by_prdc(samples, reference, k),
    )
    for ours, theirs, count in zip(found, expected, (n, m, n * k, m), strict=True):
        assert round(ours * count) == round(theirs * count)  # the counts are equal, to the last one
        assert ours == pytest.approx(theirs, rel=1e-12)


def test_equals_prdc_far_from_the_origin() -> None:
    """Distances a hundred thousandth of the norms: |x|² + |y|² - 2xy in float32 would be noise."""
    samples, reference = draw(400, 4, 0, scale=0.9).double() + 1e4, draw(400, 4, 1).double() + 1e4
    moved = four(precision_recall_density_coverage(samples, reference))
    assert moved == by_prdc(samples - 1e4, reference - 1e4, 5)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(4, 12),
    m=st.integers(4, 12),
    dim=st.integers(1, 3),
    k=st.integers(1, 3),
    seed=st.integers(0, 10_000),
    offset=st.sampled_from([0, 1000]),
)
def test_ties_count(n: int, m: int, dim: int, k: int, seed: int, offset: int) -> None:
    """On a small integer grid nearly every comparison is a tie or a copy."""
    generator = torch.Generator().manual_seed(seed)
    samples = torch.randint(0, 4, (n, dim), generator=generator).float() + offset
    reference = torch.randint(0, 4, (m, dim), generator=generator).float() + offset
    found = four(precision_recall_density_coverage(samples, reference, k))
    assert found == pytest.approx(by_loops(samples, reference, k), rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(6, 40), copies=st.integers(1, 8), dim=st.integers(1, 40), seed=st.integers(0, 10_000))
def test_identical_sets_are_perfect(n: int, copies: int, dim: int, seed: int) -> None:
    """Also with so many copies that radii are 0."""
    x = (draw(n, dim, seed, scale=3.0) + 5.0).repeat(copies, 1)
    found = precision_recall_density_coverage(x, x[torch.randperm(len(x))])
    assert (found.precision, found.recall, found.coverage) == (1.0, 1.0, 1.0)
    assert found.density >= 1.0


def test_mode_collapse_is_precise_and_recalls_little() -> None:
    """The asymmetry that tells the two apart; swapped sides would fail it."""
    reference = draw(600, 2, 0)
    collapsed = draw(600, 2, 1, scale=0.1)
    found = precision_recall_density_coverage(collapsed, reference)
    assert found.precision > 0.95
    assert found.recall < 0.1
    assert found.density > 1.0
    assert found.coverage < 0.6


def test_spread_out_samples_recall_much_and_are_not_precise() -> None:
    reference = draw(600, 2, 0)
    wide = draw(600, 2, 1, scale=10.0)
    found = precision_recall_density_coverage(wide, reference)
    assert found.recall > 0.95
    assert found.precision < 0.2
    assert found.density < 0.2


def test_missing_a_mode() -> None:
    reference = torch.cat([draw(300, 2, 0), draw(300, 2, 1) + 50.0])
    found = precision_recall_density_coverage(draw(600, 2, 2), reference)
    assert found.precision > 0.95
    assert 0.4 < found.coverage <= 0.5
    assert found.recall <= 0.5


def test_real_against_real_has_density_and_coverage_of_theory() -> None:
    """Naeem et al. 2020, section 3.2: density expects 1, and coverage 1 - C(m-1, k) k! ... -> 1 - 2^-k."""
    runs = [
        precision_recall_density_coverage(draw(400, 3, 2 * s), draw(400, 3, 2 * s + 1)) for s in range(20)
    ]
    assert float(torch.stack([run.density for run in runs]).mean()) == pytest.approx(1.0, abs=0.02)
    assert float(torch.stack([run.coverage for run in runs]).mean()) == pytest.approx(1 - 2**-5, abs=0.01)


def test_standard_errors_match_the_spread_over_samples() -> None:
    reference = draw(300, 2, 0)
    runs = [precision_recall_density_coverage(draw(200, 2, seed, 1.5), reference) for seed in range(1, 201)]
    for name in ("precision", "density"):
        spread = torch.stack([getattr(run, name) for run in runs]).std()
        total, of_reference = (
            torch.stack([getattr(run, f"{name}_{part}") for run in runs]).square().mean()
            for part in ("stderr", "test_stderr")
        )
        claimed = (total - of_reference).sqrt()
        assert 0.8 < float(claimed / spread) < 1.25


@pytest.mark.parametrize("n", [3, 50, distances.TILE + 9])
def test_nearest_neighbours_by_brute_force(n: int) -> None:
    x, y = centred(draw(n, 5, 0), draw(distances.TILE + 30, 5, 1))
    own = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist").fill_diagonal_(torch.inf)
    cross = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
    index, squared = nearest_neighbours(x, y)
    assert torch.equal(index, cross.argmin(1))
    np.testing.assert_allclose(squared.sqrt().numpy(), cross.amin(1).numpy(), rtol=1e-9)
    index, squared = nearest_neighbours(x, x, own=torch.arange(n))
    assert torch.equal(index, own.argmin(1))


def test_too_few_examples() -> None:
    with pytest.raises(ValueError, match="the 5-th neighbour among 5 examples: needs at least 6"):
        precision_recall_density_coverage(draw(5, 2, 0), draw(50, 2, 1))
