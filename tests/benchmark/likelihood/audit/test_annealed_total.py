"""Chains between a reference and a model: unbiased weights, constants that they find, right models that they pass."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from scipy import stats
from torch import Tensor
from toy_likelihoods import Autoregression, Chain, Ring, Toy

from genbench import DataSpec
from genbench.likelihood.audit import check_annealed_total as module
from genbench.likelihood.audit.check_annealed_total import (
    OVER_CLAIMED,
    UNDER_CLAIMED,
    Chains,
    affordable_chains,
    check_annealed_total,
    schedule,
    seconds_per_evaluation,
)
from genbench.likelihood.audit.likelihood_values import LikelihoodValues
from genbench.likelihood.audit.reference_density import fit_reference
from genbench.likelihood.audit.tree_reference import TreeReference
from genbench.records.audit import AuditCheck
from genbench.testing import audit_likelihood


def checks(model: Toy, seed: int = 0, seconds: float = 2.5) -> dict[str, AuditCheck]:
    """The two checks, with the references of the full audit."""
    generator = torch.Generator().manual_seed(seed)
    samples = model.sample(900, generator)
    fitted, fresh = samples[:600], samples[600:]
    spec = model.spec
    reference = TreeReference(fitted, spec) if spec.levels else fit_reference(fitted, spec)
    found = check_annealed_total(
        LikelihoodValues.of(model, seed=seed),
        reference,
        fitted,
        fresh,
        seconds=seconds,
        generator=generator,
    )
    return {check.name: check for check in found}


def chains_between(model: Toy, steps: int, seed: int = 0) -> tuple[Chains, Tensor]:
    """Chains, and samples from which they may start."""
    samples = model.sample(3000, torch.Generator().manual_seed(seed))
    spec = model.spec
    reference = TreeReference(samples[:300], spec) if spec.levels else fit_reference(samples[:300], spec)
    chains = Chains(LikelihoodValues.of(model), reference, schedule(1.0, 1.0, steps), 2)
    return chains, samples[300:]


@pytest.mark.parametrize("excess", [0.0, 0.7])
@pytest.mark.parametrize("make", [Chain, Autoregression], ids=["integers", "series"])
def test_mean_weights_are_the_total_and_one_over_it(make: type[Toy], excess: float) -> None:
    """Within four standard errors, with so few steps that the chains are far from equilibrium."""
    model = make(length=6, excess=excess) if make is Chain else make(length=4, phi=0.5, excess=excess)  # type: ignore[call-arg]
    chains, samples = chains_between(model, steps=6)
    generator = torch.Generator().manual_seed(1)
    weights = chains.log_weights(chains.reference.sample(len(samples), generator), samples, generator)
    for log_weights, expected in zip(weights, (math.exp(excess), math.exp(-excess)), strict=True):
        values = log_weights.exp()
        error = float(values.std()) / math.sqrt(len(values))
        assert error < 0.05
        assert abs(float(values.mean()) - expected) < 4 * error


@pytest.mark.parametrize(
    ("make", "excess", "failing"),
    [
        (lambda: Chain(length=20, levels=4, excess=1.5), 1.5, OVER_CLAIMED),
        (lambda: Autoregression(phi=0.6, excess=-1.5), -1.5, UNDER_CLAIMED),
    ],
    ids=["integers", "series"],
)
def test_constants_are_found(make: Callable[[], Toy], excess: float, failing: str) -> None:
    found = checks(make())
    assert [name for name, check in found.items() if check.passed is False] == [failing]
    assert found[failing].value == pytest.approx(math.exp(abs(excess)), rel=0.5)


def test_the_full_audit_has_chains_where_it_is_given_time() -> None:
    model = Chain(length=40, levels=3, scale=0.95)
    assert OVER_CLAIMED in {
        check.name for check in audit_likelihood(model, samples=900, annealing_seconds=3.0).failures
    }
    assert audit_likelihood(model, samples=900, annealing_seconds=0.0).check(OVER_CLAIMED) is None


def test_a_sampler_that_leaves_out_modes_is_found_on_the_way_back() -> None:
    assert checks(Ring(weights=(1, 1, 1, 1, 0, 0, 0, 0)))[UNDER_CLAIMED].passed is False


def test_an_impossible_example_gives_a_weight_of_zero() -> None:
    class Partly(Chain):
        def log_prob(self, x: Tensor) -> Tensor:
            return torch.where(x[:, 0] == 0, super().log_prob(x), math.nan)

    found = checks(Partly(length=15))
    assert found[OVER_CLAIMED].passed
    assert found[OVER_CLAIMED].value == pytest.approx(float(Chain().sampled[0, 0].softmax(0)[0]), abs=0.15)


@pytest.mark.parametrize("seeds", [20, pytest.param(340, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["integers", "series", "modes"])
def test_right_likelihoods_raise_alarms_as_rarely_as_is_said(
    name: str, seeds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With few steps, where weights vary most: none fails, and at most a share p of audits has a p-value below p."""
    for limit, value in (("MIN_STEPS", 8), ("MAX_STEPS", 8), ("MIN_CHAINS", 24), ("MAX_CHAINS", 24)):
        monkeypatch.setattr(module, limit, value)
    make = {
        "integers": lambda seed: Chain(seed, length=12, levels=3),
        "series": lambda seed: Autoregression(length=8, phi=0.5 + 0.49 * math.sin(seed)),
        "modes": lambda seed: Ring(width=0.01 + 0.1 * (seed % 3)),
    }[name]
    p_values = []
    for seed in range(seeds):
        for check in checks(make(seed), seed, seconds=100.0).values():
            assert check.passed, check.detail
            assert check.p_value is not None
            p_values.append(check.p_value)
    for level in (0.1, 0.01):
        low = sum(p <= level for p in p_values)
        assert stats.binomtest(low, len(p_values), level, alternative="greater").pvalue > 1e-3


def test_dear_models_get_fewer_chains_then_fewer_steps_and_the_dearest_none() -> None:
    assert affordable_chains(1e-5, 60.0) == (module.MAX_CHAINS, module.MAX_STEPS)
    assert affordable_chains(2e-4, 60.0) == (125, module.MAX_STEPS)
    assert affordable_chains(1e-3, 60.0) == (module.MIN_CHAINS, 468)
    x = Chain(length=20).sample(40, torch.Generator().manual_seed(0))

    class Dear(Chain):
        def log_prob(self, x: Tensor) -> Tensor:
            ones = torch.ones(len(x), 4000)
            return super().log_prob(x) + 0 * (ones @ torch.ones(4000, 50)).sum(1)

    cheap, dear = (LikelihoodValues.of(make(length=20)) for make in (Chain, Dear))
    assert seconds_per_evaluation(dear, x) - seconds_per_evaluation(cheap, x) == pytest.approx(4e-5)
    assert [check.passed for check in checks(Dear(length=20), seconds=0.3).values()] == [None, None]


def test_schedules_are_dense_where_the_ratio_varies() -> None:
    even = schedule(1.0, 1.0, 10)
    assert torch.allclose(even, torch.linspace(0, 1, 11).double())
    betas = schedule(20.0, 5.0, 10)
    gaps = betas.diff()
    assert (gaps > 0).all()
    assert float(gaps[-1] / gaps[0]) == pytest.approx(4, rel=0.35)
    assert (float(betas[0]), float(betas[-1])) == (0.0, 1.0)
    for spreads in ((0.0, 1.0), (1.0, 0.0), (1e9, 1.0)):
        assert (schedule(*spreads, 10).diff() > 0).all()


def test_small_spaces_need_no_chains() -> None:
    audit = audit_likelihood(Chain(length=6), samples=300)
    assert audit.check("total") is not None
    assert audit.check(OVER_CLAIMED) is None


def test_a_domain_that_is_too_large_has_no_tree() -> None:
    spec = DataSpec(name="large", modality="image", event_shape=(1, 28, 28), levels=256)
    with pytest.raises(ValueError, match="784 numbers of 256 levels are too many for a tree"):
        TreeReference(torch.zeros(10, 1, 28, 28, dtype=torch.int64), spec)
