"""Contract checks of `log_density` and `elbo`: values, batches, and bounds that are not exceeded."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from genbench.api.model import GenerativeModel, HasElbo, HasLogDensity
from genbench.likelihood.audit.check_batches import BATCH_TOLERANCE
from genbench.likelihood.audit.check_normalisation import INTEGRAL_TOLERANCE, is_auditable, visit_space
from genbench.testing.requirement import NotApplicable, contract_check, require
from genbench.testing.subject import TRAINING_STEPS, Subject
from genbench.testing.tiny_data import small_spec
from genbench.util.seeding import seeded

# Draws of random values: for the mean of one example, and for each example of a whole space.
_DRAWS = 256
_SPACE_DRAWS = 8
# The largest space whose examples are enumerated. It is small, since random values are drawn several times for each.
_MAX_VISITED_EXAMPLES = 5_000
_ERRORS = 4.0  # standard errors that are allowed
_MEAN_ERRORS = 6.0  # standard errors that are allowed for each of several examples
_TOLERANCE = 0.05


@contract_check("log_density")
def log_density_is_one_finite_number_each(subject: Subject) -> None:
    """At several places in the bins of integers."""
    for share in (0.0, 0.5, 0.999) if subject.spec.is_discrete else (0.0,):
        x = subject.dataset.test.tensor() + share
        _require_numbers("log_density", _log_density(subject.trained.model, x), len(x))


@contract_check("log_density")
def log_density_depends_on_the_example_alone(subject: Subject) -> None:
    model, x = subject.trained.model, subject.dataset.test.tensor()
    x = x + 0.5 if subject.spec.is_discrete else x
    with seeded(1):
        together = _log_density(model, x)
    with seeded(2):
        others = {
            "alone": torch.cat([_log_density(model, x[i : i + 1]) for i in range(6)]),
            "in another order": _log_density(model, x.flip(0)).flip(0),
        }
    for how, values in others.items():
        wanted = together[: len(values)]
        gap = float(((values - wanted).abs() / (1 + wanted.abs())).max())
        require(
            gap <= BATCH_TOLERANCE, f"log_density of an example is another {how}: by {gap:.2g} (relative)"
        )


@contract_check("log_density")
def log_density_integrates_to_one(subject: Subject) -> None:
    """For integers, the integral over their bins is at most 1, since some of the density may lie outside."""
    model = _small_model(subject)
    with torch.no_grad(), seeded(0):
        x, volume = visit_space(model, coarse=False)
        if subject.spec.is_discrete:
            _require_at_most_one(
                "log_density, dequantised,",
                _draws(lambda: _log_density(model, x + torch.rand(x.shape))).exp(),
                volume,
            )
            return
        total = float((_log_density(model, x).double().exp() * volume).sum())
    require(
        abs(total - 1) <= INTEGRAL_TOLERANCE,
        f"integral of the density over {len(x):,} points is {total:.5g}, expected 1 ± {INTEGRAL_TOLERANCE:g}",
    )


@contract_check("elbo")
def elbo_is_one_finite_number_each(subject: Subject) -> None:
    x = subject.dataset.test.tensor()
    _require_numbers("elbo", _elbo(subject.trained.model, x), len(x))


@contract_check("elbo")
def elbo_depends_on_the_example_alone(subject: Subject) -> None:
    """The ELBO may be random, but its mean must not depend on the batch."""
    model, x = subject.trained.model, subject.dataset.test.tensor()[:4]
    with seeded(0):
        together = _elbo(model, x.repeat_interleave(_DRAWS, 0)).double().unflatten(0, (-1, _DRAWS))
    with seeded(1):
        alone = torch.stack([_elbo(model, one.expand(_DRAWS, *one.shape)).double() for one in x])
    error = ((together.var(1) + alone.var(1)) / _DRAWS).sqrt()
    gap = (together.mean(1) - alone.mean(1)).abs()
    excess = float((gap - _MEAN_ERRORS * error - BATCH_TOLERANCE * (1 + alone.mean(1).abs())).max())
    require(excess <= 0, "the mean of an example's elbo depends on the batch it is in")


@contract_check("elbo")
def elbo_stays_below_a_likelihood(subject: Subject) -> None:
    """exp of a lower bound on log p(x) is at most p(x), so that its sum over all x is at most 1."""
    model = _small_model(subject)
    with torch.no_grad(), seeded(0):
        x, volume = visit_space(model, coarse=True)
        bound = _draws(lambda: _elbo(model, x))  # points, draws
    error = (bound.var(1) / _SPACE_DRAWS).sqrt()
    # the mean of exp of a value with a normal error is too large by the factor exp(error² / 2)
    mean = (bound.mean(1) - 0.5 * error.square()).exp()
    total, stderr = float((mean * volume).sum()), float((mean * error * volume).square().sum().sqrt())
    require(
        math.isfinite(total) and total <= 1 + _TOLERANCE + _ERRORS * stderr,
        f"exp(elbo) over {len(x):,} points comes to {total:.5g} ± {stderr:.2g}, expected 1 at most",
    )


def _small_model(subject: Subject) -> GenerativeModel:
    spec = small_spec(subject.spec, _MAX_VISITED_EXAMPLES)
    if spec is None or not is_auditable(spec):
        raise NotApplicable(f"no space of {subject.spec.levels} levels is small enough to add up")
    small = subject.on(spec)
    try:
        small.build()
    except ValueError as error:
        raise NotApplicable(f"too small for the model: {error}") from error
    return small.train(TRAINING_STEPS).model


def _require_at_most_one(what: str, densities: Tensor, volume: Tensor) -> None:
    """densities: (points, draws), where each draw is an unbiased estimate."""
    total = float((densities.mean(1) * volume).sum())
    stderr = math.sqrt(float((densities.var(1) / densities.shape[1] * volume.square()).sum()))
    require(
        math.isfinite(total) and total <= 1 + _TOLERANCE + _ERRORS * stderr,
        f"{what} over {len(volume):,} points comes to {total:.5g} ± {stderr:.2g}, expected 1 at most",
    )


def _require_numbers(what: str, values: Tensor, count: int) -> None:
    require(tuple(values.shape) == (count,), f"{what} has shape {tuple(values.shape)}, expected {(count,)}")
    require(values.is_floating_point(), f"{what} is {values.dtype}, expected floating point")
    require(bool(values.isfinite().all()), f"{what} of held-out data is not finite")


def _draws(draw: Callable[[], Tensor]) -> Tensor:
    """Several draws, (N, draws) in float64."""
    return torch.stack([draw().double() for _ in range(_SPACE_DRAWS)], dim=1)


def _log_density(model: GenerativeModel, x: Tensor) -> Tensor:
    assert isinstance(model, HasLogDensity)
    with torch.no_grad():
        return model.log_density(x)


def _elbo(model: GenerativeModel, x: Tensor) -> Tensor:
    assert isinstance(model, HasElbo)
    with torch.no_grad():
        return model.elbo(x)
