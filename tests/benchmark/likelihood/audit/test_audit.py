"""Audits: right likelihoods pass as often as is said, wrong ones are found out by the check that is meant for them."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from functools import partial

import broken_models
import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from toy_likelihoods import Autoregression, Chain, Dequantised, LinearGaussian, NoisyBound, Ring, Spread

from genbench import DataSpec, GenerativeModel
from genbench.errors import PluginError
from genbench.likelihood.audit import quick_audit as quick_module
from genbench.likelihood.audit.check_batches import check_reported_values
from genbench.likelihood.audit.check_truth import check_not_better_than_truth
from genbench.likelihood.audit.likelihood_values import LikelihoodValues
from genbench.likelihood.audit.quick_audit import affordable, quick_audit
from genbench.likelihood.estimates import estimate_likelihood
from genbench.records.audit import FALSE_ALARM_RATE, Audit
from genbench.testing import audit_likelihood as full_audit
from genbench.testing import is_auditable
from genbench.util.seeding import seeded

Make = Callable[..., GenerativeModel]
# The chains of the full audit, which take most of its time, are tested in test_annealed_total.py.
audit_likelihood = partial(full_audit, annealing_seconds=0.0)


def quick(model: GenerativeModel, seed: int = 0, samples: int = 600) -> Audit:
    """As the harness does it."""
    generator = torch.Generator().manual_seed(seed)
    drawn, examples = model.sample(samples, generator), model.sample(20, generator)
    audit = quick_audit(model, drawn, examples, seed=seed, reported=reported_values(model, examples))
    assert audit is not None
    return audit


def reported_values(model: GenerativeModel, x: Tensor) -> Tensor | None:
    """As the harness reports them; None where the model raises."""
    try:
        with seeded(0):
            return estimate_likelihood(model, model.spec, x, k=10)[0].log_prob
    except (PluginError, ValueError, RuntimeError):
        return None


def failures(audit: Audit) -> set[str]:
    return {check.name for check in audit.failures}


# ---- right ones


RIGHT: dict[str, Make] = {
    "integers": lambda seed: Chain(seed, length=12, levels=3),
    "series": lambda seed: Autoregression(phi=0.5 + 0.49 * math.sin(seed)),
    "modes": lambda seed: Ring(width=0.01 + 0.1 * (seed % 3)),
    "weights": lambda seed: LinearGaussian(seed),
    "density of integers": lambda seed: Spread(length=8 + seed % 8),
    "noisy bound": lambda seed: NoisyBound(seed, noise=0.5 * (seed % 4)),
}


@pytest.mark.parametrize("seeds", [60, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", RIGHT)
def test_right_likelihoods_raise_alarms_as_rarely_as_is_said(name: str, seeds: int) -> None:
    """Over so many models and seeds: none fails, and of each check at most a share of p lies below that p."""
    audits = [quick(RIGHT[name](seed), seed, samples=120) for seed in range(seeds)]
    assert [audit.detail for audit in audits if not audit.passed] == []
    names = {check.name for audit in audits for check in audit.checks if check.p_value is not None}
    assert len(names) >= (2 if name == "noisy bound" else 3)
    for check in names:
        p = np.array([audit.check(check).p_value for audit in audits])  # type: ignore[union-attr]
        for level in (0.1, 0.01):
            assert (
                stats.binomtest(int((p <= level).sum()), len(p), level, alternative="greater").pvalue > 1e-3
            )


@pytest.mark.parametrize("seeds", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_on_small_spaces_chance_is_accounted_for_exactly(seeds: int) -> None:
    """Frequencies and entropy of right models: p is uniform."""
    audits = [
        audit_likelihood(Chain(seed, length=3, levels=4), seed=seed, samples=900) for seed in range(seeds)
    ]
    assert [audit.detail for audit in audits if not audit.passed] == []
    for check in ("frequencies", "entropy"):
        p = [audit.check(check).p_value for audit in audits]  # type: ignore[union-attr]
        assert stats.kstest(p, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("name", RIGHT)
def test_right_likelihoods_pass_the_full_audit(name: str) -> None:
    audit = audit_likelihood(RIGHT[name](1), samples=1500)
    assert audit.passed, audit.detail
    assert all(check.passed for check in audit.checks)


# ---- wrong ones: what is wrong, by which check the full audit and the quick one must find it out

WRONG: dict[str, tuple[Make, str, str | None]] = {
    "sampler a little too hot": (lambda: Chain(temperature=1.3), "line-up", None),
    "sampler too hot": (lambda: Chain(temperature=1.8), "line-up", "not under-claimed"),
    "sampler too cold": (lambda: Chain(temperature=0.5), "line-up", "not under-claimed"),
    "series too hot": (lambda: Autoregression(temperature=1.5), "not under-claimed", "not under-claimed"),
    "modes too narrow": (lambda: Ring(temperature=0.7), "line-up", None),
    "modes left out": (
        lambda: Ring(weights=(1, 1, 1, 1, 0, 0, 0, 0)),
        "not under-claimed",
        "not under-claimed",
    ),
    "claims five nats too much": (lambda: Chain(excess=5.0), "not over-claimed", "not over-claimed"),
    "claims five nats too little": (lambda: Chain(excess=-5.0), "not under-claimed", "not under-claimed"),
    "density off by a tenth": (lambda: Ring(excess=0.1), "total", None),
    "density off by a factor": (lambda: Ring(excess=0.7), "total", "not over-claimed"),
    "another checkpoint": (lambda: Chain(other=0.8), "line-up", "not under-claimed"),
    "another coefficient": (lambda: Autoregression(claimed_phi=0.8), "not under-claimed", None),
    "no change of variables": (
        lambda: Autoregression(jacobian=False),
        "not over-claimed",
        "not over-claimed",
    ),
    "no dequantisation term": (lambda: Dequantised(term=False), "not over-claimed", "not over-claimed"),
    "mean in place of a sum": (lambda: Chain(scale=1 / 64), "not over-claimed", "not over-claimed"),
    "mean over a series": (lambda: Autoregression(scale=1 / 24), "not over-claimed", "not over-claimed"),
    "weights too large": (lambda: LinearGaussian(excess=0.5), "not over-claimed", "not over-claimed"),
    "density without its change of variables": (
        lambda: Spread(term=False),
        "not over-claimed",
        "not over-claimed",
    ),
    "density of integers off by a factor": (lambda: Spread(length=2, levels=8, excess=0.5), "total", None),
    "bound above what it bounds": (lambda: NoisyBound(excess=6.0), "not over-claimed", "not over-claimed"),
    "bound a little above, on a small space": (lambda: NoisyBound(excess=1.5, length=6), "total", None),
    "another ELBO": (lambda: LinearGaussian(at_one=3.0), "importance samples", "importance samples"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_likelihoods_are_found_out(name: str) -> None:
    make, full_check, quick_check = WRONG[name]
    for seed in range(2):
        audit = audit_likelihood(make(), seed=seed)
        assert full_check in failures(audit), audit.checks
        if quick_check is not None:
            audit = quick(make(), seed)
            assert quick_check in failures(audit), audit.checks


def test_probabilities_above_one_need_no_statistics() -> None:
    audit = quick(Dequantised(term=False))
    check = audit.check("probabilities at most 1")
    assert check is not None
    assert check.passed is False
    assert check.value is not None
    assert check.value > 20
    assert "expected at most 0: the data are integers" in check.detail


def test_a_sampler_that_leaves_the_space_of_the_likelihood_fails_at_once() -> None:
    class Impossible(Chain):
        def log_prob(self, x: Tensor) -> Tensor:
            return torch.where(x[:, 0] == 1, -math.inf, super().log_prob(x))

    audit = quick(Impossible())
    assert failures(audit) == {"finite values"}
    check = audit.check("finite values")
    assert check is not None
    assert check.value is not None
    assert check.value > 0


def test_what_chance_and_batches_do_is_told_apart() -> None:
    class Noisy(Chain):
        def log_prob(self, x: Tensor) -> Tensor:
            return super().log_prob(x) + 0.1 * torch.randn(len(x))

    class Normalising(Chain):
        def log_prob(self, x: Tensor) -> Tensor:
            log_prob = super().log_prob(x)
            return log_prob - log_prob.std(correction=0)

    for make, words in ((Noisy, "depends on random numbers"), (Normalising, "(relative) alone")):
        for audit in (quick(make()), audit_likelihood(make())):
            check = audit.check("batch independence")
            assert check is not None
            assert check.passed is False
            assert words in check.detail


class TwoFaced(Chain):
    """Three nats better in batches of one size."""

    size = 20

    def log_prob(self, x: Tensor) -> Tensor:
        return super().log_prob(x) + (3.0 if len(x) == self.size else 0.0)


def test_a_likelihood_that_knows_the_test_split_by_its_size_is_found_out() -> None:
    model = TwoFaced()
    assert failures(quick(model)) == {"reported values"}
    model.size = 30
    examples = model.sample(30, torch.Generator().manual_seed(1))
    assert failures(audit_likelihood(model, samples=600, examples=examples)) == {"reported values"}
    assert audit_likelihood(model, samples=600).passed  # no split, and no batch of its size


def test_reported_values_that_are_no_numbers_do_not_come_out_again() -> None:
    model, x = Chain(), Chain().sample(9, torch.Generator().manual_seed(0))
    for reported in (torch.full((9,), math.nan).double(), torch.full((9,), -math.inf).double()):
        check = check_reported_values(LikelihoodValues.of(model), x, reported, x[:0], torch.Generator())
        assert check.passed is False
        assert check.value is None


@pytest.mark.parametrize("seeds", [200, pytest.param(4000, marks=pytest.mark.slow)])
def test_no_right_likelihood_beats_the_truth(seeds: int) -> None:
    """Neither the truth itself nor a density beside it, over so many test splits."""
    truth = Ring(width=0.1)
    for seed in range(seeds):
        x = truth.sample(100, torch.Generator().manual_seed(seed))
        log_truth = truth.log_prob(x).double()
        for model in (truth, Ring(width=0.1 + 0.02 * (seed % 3))):
            check = check_not_better_than_truth(model.log_prob(x).double(), log_truth)
            assert check.passed, check.detail


def test_a_likelihood_that_beats_the_truth_is_found_out() -> None:
    truth = Ring(width=0.1)
    x = truth.sample(2000, torch.Generator().manual_seed(0))
    for model, beats in ((Ring(width=0.1, excess=0.2), True), (Ring(width=0.15, excess=-0.1), False)):
        log_p = model.log_prob(x).double()
        assert check_not_better_than_truth(log_p, truth.log_prob(x).double()).passed is not beats


@pytest.mark.parametrize(("excess", "beats"), [(0.5, False), (4.0, True)])
def test_the_noise_of_a_bound_beats_no_truth(excess: float, beats: bool) -> None:
    """The bound is too low by half a nat or too high by three; the exponential of its noise is 7 on average."""

    class Known(Chain):
        modes, mode_scale = None, None

    truth, model = Known(length=12, levels=3), NoisyBound(noise=2.0, excess=excess)
    draws = torch.Generator().manual_seed(0)
    examples, samples = truth.sample(1000, draws), truth.sample(600, draws)
    reported = reported_values(model, examples)
    assert reported is not None
    assert not check_not_better_than_truth(reported, truth.log_prob(examples).double()).passed
    audit = quick_audit(model, samples, examples, seed=0, reported=reported, truth=truth)
    assert audit is not None
    assert ("not better than the truth" in failures(audit)) is beats


def test_weights_that_share_their_noise_or_their_batch_are_found_out() -> None:
    class Shared(LinearGaussian):
        def log_weights(self, x: Tensor, k: int) -> Tensor:
            return super().log_weights(x[:1], k) + 0 * x.sum(1, keepdim=True)

    class Crowded(LinearGaussian):
        def log_weights(self, x: Tensor, k: int) -> Tensor:
            return super().log_weights(x, k) - len(x) ** 0.5

    shared = quick(Shared()).check("importance samples")
    assert shared is not None
    assert shared.passed is False
    assert "one draw serves the whole batch" in shared.detail
    assert "batch independence" in failures(quick(Crowded()))


def test_a_loose_bound_is_not_a_wrong_one() -> None:
    for audit in (quick(LinearGaussian(excess=-3.0)), audit_likelihood(LinearGaussian(widened=3.0))):
        assert audit.passed, audit.detail


def test_a_bound_that_depends_on_its_batch_is_found_out() -> None:
    class Crowded(NoisyBound):
        def elbo(self, x: Tensor) -> Tensor:
            return super().elbo(x) - len(x) ** 0.5

    class CrowdedDensity(Spread):
        def log_density(self, x: Tensor) -> Tensor:
            return super().log_density(x) - len(x) ** 0.5

    for make in (Crowded, CrowdedDensity):
        audit = quick(make())
        assert "batch independence" in failures(audit)
        assert "importance samples" not in {check.name for check in audit.checks}


def test_what_the_harness_prefers_is_audited() -> None:
    for make, name in ((Chain, "log_prob"), (Spread, "log_density"), (NoisyBound, "elbo")):
        assert quick(make()).likelihood == name
    with pytest.raises(ValueError, match="NoisyBound has no log_weights"):
        audit_likelihood(NoisyBound(), "log_weights")


def test_what_the_model_raises_is_a_check_that_failed(capsys: pytest.CaptureFixture[str]) -> None:
    class Raises(Chain):
        def log_prob(self, x: Tensor) -> Tensor:
            raise ValueError("no such thing\nand more")

    class TooLarge(Chain):
        def log_prob(self, x: Tensor) -> Tensor:
            raise torch.OutOfMemoryError("out of memory")

    class TwoNumbers(Chain):
        def log_prob(self, x: Tensor) -> Tensor:
            return super().log_prob(x).unsqueeze(1)

    (check,) = quick(Raises(), samples=16).checks
    assert check.passed is False
    assert check.detail == "log_prob of 2 examples raised ValueError: no such thing"
    assert "ValueError" in capsys.readouterr().err
    (check,) = quick(TooLarge()).checks
    assert check.passed is None
    (check,) = quick(TwoNumbers(), samples=16).checks
    assert check.detail == "log_prob has shape (2, 1), expected (2,)"
    with pytest.raises(PluginError, match="no such thing"):
        audit_likelihood(Raises())


# ---- what an audit leaves alone, and what it costs


def test_audits_are_seeded_and_leave_chance_as_it_was() -> None:
    model = LinearGaussian()
    first = audit_likelihood(model, seed=3, samples=300)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()  # type: ignore[index, union-attr, unused-ignore]  # noqa: NPY002
    second = audit_likelihood(model, seed=3, samples=300)
    quick(model)
    # Python's own `random` is not compared: run-time type checkers draw from it
    assert (states[1] == np.random.get_state()[1]).all()  # type: ignore[index, unused-ignore]  # noqa: NPY002
    assert torch.equal(states[2], torch.get_rng_state())
    assert first == second
    assert first != audit_likelihood(model, seed=4, samples=300)
    assert quick(model) == quick(model)


def test_a_model_without_a_likelihood_has_no_audit() -> None:
    class Silent(Ring):
        log_prob = None  # type: ignore[assignment]

    model = Silent()
    x = model.sample(10, torch.Generator().manual_seed(0))
    assert quick_audit(model, x, x, seed=0) is None
    with pytest.raises(ValueError, match="Silent has no log_prob, log_density, elbo, log_weights"):
        audit_likelihood(model)
    with pytest.raises(ValueError, match="Chain has no log_weights"):
        audit_likelihood(Chain(), "log_weights")


def test_of_both_likelihoods_the_exact_one_is_audited() -> None:
    spec = DataSpec(name="small", modality="points", event_shape=(4,), levels=5)
    model = broken_models.Sound(spec)
    assert quick(model).likelihood == audit_likelihood(model).likelihood == "log_prob"
    assert audit_likelihood(model, "log_weights").passed


def test_few_samples_are_enough_for_an_audit() -> None:
    for count in (1, 2, 3, 5):
        for model in (Chain(), Ring(), LinearGaussian(), Autoregression()):
            assert quick(model, samples=count).passed


def test_dear_models_have_fewer_samples_looked_at() -> None:
    exact, weights = LikelihoodValues.of(Chain()), LikelihoodValues.of(LinearGaussian(), k=24)
    counts = [affordable(exact, flops) for flops in (0.0, 1e6, 1e7, 1e8, 1e12)]
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == (640, 16)
    assert affordable(weights, 1e7) < affordable(exact, 1e7)


def test_a_likelihood_that_takes_for_ever_is_not_audited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick_module, "_PATIENCE_SECONDS", 0.0)
    audit = quick(Chain())
    (check,) = audit.checks
    assert audit.passed
    assert check.passed is None
    assert "log_prob is so slow that an audit would take" in check.detail


def test_many_real_numbers_need_no_covariance() -> None:
    """A matrix of 4,000 x 4,000 would take seconds."""
    for model in (Autoregression(length=4000, phi=0.3), Autoregression(length=4000, phi=0.3, jacobian=False)):
        began = time.perf_counter()
        audit = quick(model, samples=100)
        assert audit.passed == model.jacobian
        assert time.perf_counter() - began < 20


# ---- totals against densities in closed form


class Normal(Ring):
    """Two correlated normal numbers."""

    def __init__(self, *, narrow: float = 1.0, excess: float = 0.0) -> None:
        super().__init__(excess=excess)
        factor = torch.tensor([[1.0, 0.0], [1.0, narrow]])
        self.density = torch.distributions.MultivariateNormal(torch.tensor([3.0, -5.0]), scale_tril=factor)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        noise = torch.randn(count, 2, generator=generator)
        return self.density.loc + noise @ self.density.scale_tril.T

    def log_prob(self, x: Tensor) -> Tensor:
        return self.density.log_prob(x) + self.excess

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        """z ~ N(0, 1), of which x does not know, proposed from a wider normal."""
        z = 1.2 * torch.randn(len(x), k)
        return self.log_prob(x).unsqueeze(1) - z.square() / 2 * (1 - 1.2**-2) + math.log(1.2)


@pytest.mark.parametrize("likelihood", ["log_prob", "log_weights"])
@pytest.mark.parametrize("narrow", [1.0, 0.1])
def test_a_normal_density_integrates_to_one(likelihood: str, narrow: float) -> None:
    audit = audit_likelihood(Normal(narrow=narrow), likelihood)  # type: ignore[arg-type]
    assert audit.passed, audit.detail


@pytest.mark.parametrize(("likelihood", "excess"), [("log_prob", 0.03), ("log_weights", -0.2)])
def test_an_integral_that_is_not_one_is_found_out(likelihood: str, excess: float) -> None:
    check = audit_likelihood(Normal(excess=excess), likelihood).check("total")  # type: ignore[arg-type]
    assert check is not None
    assert check.passed is False
    assert check.value == pytest.approx(math.exp(excess), rel=0.02)


def test_totals_are_taken_where_the_space_can_be_visited() -> None:
    assert is_auditable(DataSpec(name="a", modality="image", event_shape=(1, 3, 4), levels=2))
    assert not is_auditable(DataSpec(name="b", modality="image", event_shape=(1, 4, 4), levels=2))
    assert audit_likelihood(Chain(length=14)).check("total") is not None
    assert audit_likelihood(Chain(length=15)).check("total") is None


def test_the_false_alarm_rate_is_what_the_documents_say() -> None:
    assert FALSE_ALARM_RATE == 1e-5
