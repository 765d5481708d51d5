"""Is a likelihood one number an example, whatever else is in the batch, and does it sum to 1?"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from genbench.model import GenerativeModel, HasLogProb, HasLogWeights
from genbench.testing.audit import BATCH_TOLERANCE, audit_likelihood
from genbench.testing.requirement import NotApplicable, contract_check, require
from genbench.testing.subject import TRAINING_STEPS, Subject, seeded
from genbench.testing.tiny_data import small_spec

_K = 512


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
    model, x = subject.trained.model, subject.dataset.test.tensor()
    together = _log_prob(model, x)
    others = {
        "alone": torch.cat([_log_prob(model, x[i : i + 1]) for i in range(6)]),
        "in another order": _log_prob(model, x.flip(0)).flip(0),
        "twice over": _log_prob(model, torch.cat([x, x]))[: len(x)],
    }
    for how, values in others.items():
        wanted = together[: len(values)]
        gap = float(((values - wanted).abs() / (1 + wanted.abs())).max())
        require(gap <= BATCH_TOLERANCE, f"log_prob of an example is another {how}: by {gap:.2g} (relative)")
    with seeded(1):
        first = _log_prob(model, x)
    with seeded(2):
        second = _log_prob(model, x)
    require(torch.equal(first, second), "log_prob depends on chance; an estimate belongs in log_weights")


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
    """Weights are random; what they average to must not depend on the batch."""
    model, x = subject.trained.model, subject.dataset.test.tensor()[:6]
    together = _log_weights(model, x, _K)
    alone = torch.cat([_log_weights(model, x[i : i + 1], _K, seed=i) for i in range(len(x))])
    error = ((together.var(1) + alone.var(1)) / _K).sqrt()
    gap = (together.mean(1) - alone.mean(1)).abs()
    excess = float((gap - 6 * error - BATCH_TOLERANCE * (1 + alone.mean(1).abs())).max())
    require(excess <= 0, "the mean of an example's log_weights depends on the batch it is in")


@contract_check("log_prob")
def log_prob_sums_to_one(subject: Subject) -> None:
    """Or integrates to one, over real values."""
    _audit(subject, "log_prob")


@contract_check("log_weights")
def log_weights_sum_to_one(subject: Subject) -> None:
    _audit(subject, "log_weights")


def _audit(subject: Subject, likelihood: Literal["log_prob", "log_weights"]) -> None:
    spec = small_spec(subject.spec)
    if spec is None:
        raise NotApplicable(f"no space of {subject.spec.levels} levels is small enough to add up")
    small = subject.on(spec)
    try:
        small.build()
    except ValueError as error:
        raise NotApplicable(f"too small for the model: {error}") from error
    model = small.train(TRAINING_STEPS).model
    with seeded(0):
        audit = audit_likelihood(model, likelihood)
    require(audit.passed, audit.detail)


def _log_prob(model: GenerativeModel, x: Tensor) -> Tensor:
    assert isinstance(model, HasLogProb)
    with torch.no_grad():
        return model.log_prob(x)


def _log_weights(model: GenerativeModel, x: Tensor, k: int, seed: int = 0) -> Tensor:
    assert isinstance(model, HasLogWeights)
    with torch.no_grad(), seeded(seed):
        return model.log_weights(x, k)
