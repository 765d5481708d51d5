"""Contract checks of `log_prob` and `log_weights`: one finite number per example, and an audit that passes."""

from __future__ import annotations

import contextlib
from functools import lru_cache

import torch
from torch import Tensor

from genbench.api.model import GenerativeModel, HasLogProb, HasLogWeights
from genbench.records.audit import Audit, LikelihoodName
from genbench.testing.audit import audit_likelihood
from genbench.testing.requirement import NotApplicable, contract_check, require
from genbench.testing.subject import TRAINING_STEPS, Subject
from genbench.testing.tiny_data import small_spec
from genbench.util.seeding import seeded

_SAMPLES = 1024
_SMALL_SAMPLES = 4096
# Names of checks in the audit. All others check whether the likelihood fits the samples.
_BATCHES, _TOTAL, _K = "batch independence", "total", "importance samples"


@contract_check("log_prob")
def log_prob_is_one_finite_number_each(subject: Subject) -> None:
    x = subject.dataset.test.tensor()
    log_prob = _log_prob(subject.trained.model, x)
    expected = (len(x),)
    require(
        tuple(log_prob.shape) == expected,
        f"log_prob has shape {tuple(log_prob.shape)}, expected {expected}",
    )
    require(log_prob.is_floating_point(), f"log_prob is {log_prob.dtype}, expected floating point")
    require(bool(log_prob.isfinite().all()), "log_prob of held-out data is not finite")
    if subject.spec.is_discrete:
        highest = float(log_prob.max())
        require(highest <= 1e-4, f"log_prob of integers reaches {highest:.3g}: a probability is at most 1")


@contract_check("log_prob")
def log_prob_depends_on_the_example_alone(subject: Subject) -> None:
    _require(_audit(subject, "log_prob"), _BATCHES)


@contract_check("log_weights")
def log_weights_are_finite(subject: Subject) -> None:
    x = subject.dataset.test.tensor()
    for k in (1, 3):
        weights = _log_weights(subject.trained.model, x, k)
        expected = (len(x), k)
        require(
            tuple(weights.shape) == expected,
            f"log_weights(x, {k}) has shape {tuple(weights.shape)}, expected {expected}",
        )
        require(bool(weights.isfinite().all()), f"log_weights(x, {k}) of held-out data are not finite")


@contract_check("log_weights")
def log_weights_depend_on_the_example_alone(subject: Subject) -> None:
    """Weights are random, but their distribution must not depend on the batch."""
    _require(_audit(subject, "log_weights"), _BATCHES)


@contract_check("log_weights")
def log_weights_do_not_depend_on_k(subject: Subject) -> None:
    """Otherwise the ELBO would not be at most the IWAE bound."""
    _require(_audit(subject, "log_weights"), _K)


@contract_check("log_prob")
def log_prob_sums_to_one(subject: Subject) -> None:
    """For real values, the integral is 1."""
    _require(_small_audit(subject, "log_prob"), _TOTAL)


@contract_check("log_weights")
def log_weights_sum_to_one(subject: Subject) -> None:
    _require(_small_audit(subject, "log_weights"), _TOTAL)


@contract_check("log_prob")
def log_prob_fits_the_samples(subject: Subject) -> None:
    """On the data and, where possible, on a space that is small enough to enumerate."""
    _require_the_rest(subject, "log_prob")


@contract_check("log_weights")
def log_weights_fit_the_samples(subject: Subject) -> None:
    _require_the_rest(subject, "log_weights")


@lru_cache(maxsize=2)
def _audit(subject: Subject, likelihood: LikelihoodName) -> Audit:
    examples = subject.dataset.test.tensor()
    return audit_likelihood(
        subject.trained.model, likelihood, samples=_SAMPLES, examples=examples, annealing_seconds=0.0
    )


@lru_cache(maxsize=2)
def _small_audit(subject: Subject, likelihood: LikelihoodName) -> Audit:
    spec = small_spec(subject.spec)
    if spec is None:
        raise NotApplicable(f"no space of {subject.spec.levels} levels is small enough to add up")
    small = subject.on(spec)
    try:
        small.build()
    except ValueError as error:
        raise NotApplicable(f"too small for the model: {error}") from error
    return audit_likelihood(small.train(TRAINING_STEPS).model, likelihood, samples=_SMALL_SAMPLES)


def _require(audit: Audit, name: str) -> None:
    check = audit.check(name)
    if check is None or check.passed is None:
        raise NotApplicable(f"{name}: {check.detail if check else 'not judged'}")
    require(check.passed, check.detail)


def _require_the_rest(subject: Subject, likelihood: LikelihoodName) -> None:
    audits = [_audit(subject, likelihood)]
    with contextlib.suppress(NotApplicable):
        audits.append(_small_audit(subject, likelihood))
    for audit in audits:
        for check in audit.failures:
            # other checks report a failed normalisation, with which the likelihood cannot fit
            require(check.name in (_BATCHES, _TOTAL, _K), f"{check.name}: {check.detail}")


def _log_prob(model: GenerativeModel, x: Tensor) -> Tensor:
    assert isinstance(model, HasLogProb)
    with torch.no_grad():
        return model.log_prob(x)


def _log_weights(model: GenerativeModel, x: Tensor, k: int, seed: int = 0) -> Tensor:
    assert isinstance(model, HasLogWeights)
    with torch.no_grad(), seeded(seed):
        return model.log_weights(x, k)
