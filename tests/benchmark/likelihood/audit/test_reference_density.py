"""What likelihoods are compared with: references that add up and draw as they say, moves known both ways."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats
from torch import Tensor

from genbench import DataSpec
from genbench.likelihood.audit.e_values import chi_square_p_value
from genbench.likelihood.audit.perturbations import fit_perturbation
from genbench.likelihood.audit.reference_density import (
    LONGEST_MOVE,
    CopyReference,
    KernelReference,
    NormalReference,
    Reference,
    Whitening,
    fit_reference,
    log_marginals,
    shrunk_covariance,
)
from genbench.likelihood.audit.tree_reference import TreeReference

SMALL = DataSpec(name="small", modality="points", event_shape=(3,), levels=4)
PLANE = DataSpec(name="plane", modality="points", event_shape=(2,))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def correlated(count: int, seed: int = 0) -> Tensor:
    """Integers that hang together."""
    first = torch.randint(4, (count, 1), generator=generator(seed))
    noise = torch.randint(2, (count, 3), generator=generator(seed + 1))
    return (first + noise).clamp(max=3)


def everything(spec: DataSpec) -> Tensor:
    assert spec.levels is not None
    return torch.cartesian_prod(*[torch.arange(spec.levels)] * spec.dimension)


@pytest.mark.parametrize("kept", [0.0, 0.7])
def test_references_of_integers_add_up_and_draw_as_they_say(kept: float) -> None:
    x = correlated(40)
    reference = CopyReference(log_marginals(x, 4), x[:7], SMALL, kept)
    space = everything(SMALL)
    p = reference.log_prob(space).exp()
    assert float(p.sum()) == pytest.approx(1.0)
    drawn = reference.sample(20_000, generator())
    places = (drawn * torch.tensor([16, 4, 1])).sum(1)
    counts = torch.bincount(places, minlength=64).double()
    assert chi_square_p_value(counts, p)[0] > 1e-3


def test_a_tree_adds_up_and_draws_as_it_says() -> None:
    x = correlated(200)
    reference = TreeReference(x, SMALL)
    p = reference.log_prob(everything(SMALL)).exp()
    assert float(p.sum()) == pytest.approx(1.0)
    assert chi_square_p_value(frequencies(reference.sample(20_000, generator())), p)[0] > 1e-3
    other = correlated(200, seed=5)
    marginals = CopyReference(log_marginals(x, 4), x[:7], SMALL, 0.0)
    assert float((reference.log_prob(other) - marginals.log_prob(other)).mean()) > 0.3


def frequencies(x: Tensor) -> Tensor:
    return torch.bincount((x * torch.tensor([16, 4, 1])).sum(1), minlength=64).double()


@pytest.mark.parametrize("kind", ["marginals", "copies", "tree"])
def test_moves_of_integers_are_reversible_and_leave_the_reference_as_it_is(kind: str) -> None:
    """Pairs before and after a move: as often in one order as in the other."""
    x = correlated(60)
    marginals = log_marginals(x, 4)
    reference = (
        TreeReference(x, SMALL)
        if kind == "tree"
        else CopyReference(marginals, x[:5], SMALL, 0.7 if kind == "copies" else 0.0)
    )
    before = reference.sample(60_000, generator())
    for length in (1, 2, 5):
        after = reference.moved(before, length, generator(length))
        assert chi_square_p_value(frequencies(after), reference.log_prob(everything(SMALL)).exp())[0] > 1e-3
        first, second = before[:, 1] * 4 + before[:, 2], after[:, 1] * 4 + after[:, 2]
        pairs = torch.bincount(first * 16 + second, minlength=256).double().view(16, 16)
        upper = torch.ones(16, 16).triu(1).bool()
        there, back = pairs[upper], pairs.T[upper]
        seen = there + back > 20
        statistic = float(((there - back).square() / (there + back))[seen].sum())
        assert stats.chi2.sf(statistic, int(seen.sum())) > 1e-3
        changed = (before != after).sum(1)
        assert int(changed.max()) <= length
        assert float(changed.double().mean()) > 0.2


def real_references() -> list[Reference]:
    x = torch.randn(30, 2, generator=generator()) @ torch.tensor([[2.0, 1.0], [0.0, 0.2]]) + 3
    white = Whitening(x)
    return [NormalReference(white, PLANE), KernelReference(x, white, PLANE, 0.6)]


@pytest.mark.parametrize("reference", real_references(), ids=lambda reference: reference.name)
def test_real_references_integrate_to_one_and_draw_as_they_say(reference: Reference) -> None:
    drawn = reference.sample(20_000, generator())
    # on a grid that reaches far beyond the draws
    low, high = drawn.amin(0) - 3, drawn.amax(0) + 3
    axes = [torch.linspace(float(a), float(b), 600) for a, b in zip(low, high, strict=True)]
    grid = torch.cartesian_prod(*axes)
    cell = math.prod(float(axis[1] - axis[0]) for axis in axes)
    p = reference.log_prob(grid).exp()
    assert float(p.sum()) * cell == pytest.approx(1.0, abs=2e-3)
    for axis in range(2):
        mean = float((p * grid[:, axis]).sum()) * cell
        assert mean == pytest.approx(float(drawn[:, axis].mean()), abs=0.08)
    inside = (grid - reference.whitening.mean).norm(dim=1) < 1  # type: ignore[attr-defined]
    share = ((drawn - reference.whitening.mean).norm(dim=1) < 1).double().mean()  # type: ignore[attr-defined]
    assert float(p[inside].sum()) * cell == pytest.approx(float(share), abs=0.015)


@pytest.mark.parametrize("reference", real_references(), ids=lambda reference: reference.name)
@pytest.mark.parametrize("length", [1, 8, LONGEST_MOVE])
def test_moves_of_real_values_are_reversible_and_leave_the_reference_as_it_is(
    reference: Reference, length: int
) -> None:
    before = reference.sample(20_000, generator())
    after = reference.moved(before, length, generator(1))
    for axis in range(2):
        assert stats.ks_2samp(before[::2, axis], after[1::2, axis]).pvalue > 1e-3
        # moves up are as long and as frequent as moves down, from whatever place
        first, second = before[:, axis], after[:, axis]
        order = stats.ks_2samp((first * second.sin())[::2], (second * first.sin())[1::2])
        assert order.pvalue > 1e-3
    step = float((after - before).norm(dim=1).mean() / (before - before.flip(0)).norm(dim=1).mean())
    assert 0.01 < step < 1.1


def test_the_reference_is_the_one_that_fits() -> None:
    longer = DataSpec(name="longer", modality="points", event_shape=(20,), levels=4)
    independent = torch.randint(4, (300, 20), generator=generator())
    assert fit_reference(independent, longer).name == "independent marginals"
    repeated = torch.randint(4, (5, 20), generator=generator()).repeat(60, 1)
    assert fit_reference(repeated, longer).name == "copies of samples"
    series = DataSpec(name="series", modality="series", event_shape=(8, 1))
    assert (
        fit_reference(torch.randn(100, 8, 1, generator=generator()), series).name == "a normal distribution"
    )
    normal = torch.randn(100, 2, generator=generator())
    apart = normal * 0.01 + torch.randint(3, (100, 1), generator=generator())
    assert fit_reference(apart, PLANE).name == "kernels at samples"


def test_a_reference_takes_the_few_and_the_constant() -> None:
    for x in (torch.zeros(2, 2), torch.ones(1, 2), torch.tensor([[1e6, 0.0], [1e6, 1.0], [1e6, 3.0]])):
        reference = fit_reference(x, PLANE)
        assert torch.isfinite(reference.log_prob(reference.sample(50, generator()))).all()
    reference = fit_reference(torch.zeros(2, 3, dtype=torch.int64), SMALL)
    assert torch.isfinite(reference.log_prob(everything(SMALL))).all()


def test_covariances_are_shrunk_where_examples_are_few() -> None:
    x = torch.randn(5000, 4, generator=generator(), dtype=torch.float64) @ torch.rand(
        4, 4, generator=generator(), dtype=torch.float64
    )
    many = shrunk_covariance(x)
    assert torch.allclose(many, x.T.cov(correction=0), rtol=0.02, atol=0.02)
    few = shrunk_covariance(torch.randn(6, 20, generator=generator(), dtype=torch.float64))
    assert float(torch.linalg.eigvalsh(few).min()) > 1e-3  # a plain covariance of six has rank five


# ---- moves


def log_p_of_integers(x: Tensor) -> Tensor:
    """A distribution over `SMALL` with nothing in particular to it."""
    logits = 2 * torch.randn(64, generator=generator(5), dtype=torch.float64)
    return logits.log_softmax(0)[(x * torch.tensor([16, 4, 1])).sum(1)]


def test_of_a_sample_and_its_change_the_sample_is_as_likely_as_said() -> None:
    """Among all pairs with about the same odds, as many are the right way round as the odds say."""
    integers = everything(SMALL)
    drawn = torch.multinomial(
        log_p_of_integers(integers).exp(), 100_000, replacement=True, generator=generator()
    )
    moves = fit_perturbation(correlated(50), SMALL)
    normal = torch.distributions.MultivariateNormal(
        torch.zeros(2, dtype=torch.float64), torch.tensor([[1.0, 0.9], [0.9, 1.0]], dtype=torch.float64)
    )
    real = torch.randn(100_000, 2, generator=generator(), dtype=torch.float64) @ normal.scale_tril.T
    cases = (
        (integers[drawn], moves, log_p_of_integers),
        (
            real.float(),
            fit_perturbation(3 * torch.randn(20, 2, generator=generator()), PLANE),
            normal.log_prob,
        ),
    )
    for x, kernel, log_p in cases:
        changed, log_ratio = kernel.perturb(x, generator(1))
        assert changed.dtype == x.dtype
        odds = log_p(x) + log_ratio - log_p(changed)
        assert float((-odds).exp().mean()) == pytest.approx(1.0, abs=0.1)
        for low, high in ((0.05, 0.3), (0.3, 1.0), (1.0, 2.0), (2.0, 4.0)):
            band = odds[(odds.abs() > low) & (odds.abs() < high)]
            assert len(band) > 500
            right, expected = int((band > 0).sum()), float(band.abs().sigmoid().mean())
            assert stats.binomtest(right, len(band), expected).pvalue > 1e-3


def test_one_number_is_changed_and_stays_in_the_domain() -> None:
    for levels in (2, 3, 256):
        spec = DataSpec(name="s", modality="image", event_shape=(1, 3, 4), levels=levels)
        x = torch.randint(levels, (500, 1, 3, 4), generator=generator())
        changed, log_ratio = fit_perturbation(x[:50], spec).perturb(x, generator())
        different = (changed != x).flatten(1).sum(1)
        assert different.tolist() == [1] * 500
        assert int(changed.min()) >= 0
        assert int(changed.max()) < levels
        assert torch.isfinite(log_ratio).all()
