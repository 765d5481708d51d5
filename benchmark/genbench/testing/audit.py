"""The full audit of a likelihood, for authors of models: all checks that need only the model's methods.

    from genbench.testing import audit_likelihood

    audit = audit_likelihood(model.eval())
    assert audit.passed, audit.detail

The checks are in `genbench.likelihood.audit`, in the files `check_values`, `check_batches`, `check_normalisation` and
`check_own_samples`, which say what each check can find.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genbench.api.model import GenerativeModel
from genbench.api.spec import DataSpec
from genbench.likelihood.audit.check_annealed_total import check_annealed_total
from genbench.likelihood.audit.check_batches import (
    check_batch_independence,
    check_batch_independence_of_weights,
    check_importance_samples,
    check_reported_values,
)
from genbench.likelihood.audit.check_normalisation import (
    check_entropy,
    check_frequencies,
    check_normalisation,
    is_auditable,
)
from genbench.likelihood.audit.check_own_samples import (
    judge_line_up,
    judge_not_over_claimed,
    judge_not_under_claimed,
)
from genbench.likelihood.audit.check_values import check_at_most_one, check_finite
from genbench.likelihood.audit.likelihood_values import LikelihoodValues
from genbench.likelihood.audit.perturbations import fit_perturbation
from genbench.likelihood.audit.reference_density import Reference, fit_reference
from genbench.likelihood.audit.tree_reference import TreeReference, can_fit_tree
from genbench.likelihood.batching import batches
from genbench.records.audit import Audit, AuditCheck, LikelihoodName
from genbench.samples.draw import draw_samples
from genbench.util.seeding import derive_seed, seeded

ANNEALING_SECONDS = 30.0
"""Seconds of one core, roughly, that chains between a reference and the model take by default."""
_K = 64
_BATCH = 16
_MIN_TREE_SAMPLES = 100


def audit_likelihood(
    model: GenerativeModel,
    likelihood: LikelihoodName | None = None,
    *,
    seed: int = 0,
    samples: int = 4096,
    examples: Tensor | None = None,
    annealing_seconds: float = ANNEALING_SECONDS,
) -> Audit:
    """Audit `log_prob`, `log_density`, `elbo` or `log_weights` of a model in evaluation mode.

    likelihood: None takes the first of these that the model has. seed: of all random numbers; global generators are
    restored. samples: how many the model draws; references are fitted to a third of them. examples: real data for the
    checks of batches, (M, *event_shape), in the working type, best the test split, since some are evaluated in the
    batches in which the harness does it; None takes samples. annealing_seconds: of one core,
    roughly, for `check_annealed_total`, by which exact likelihoods of spaces too large to sum over are checked; 0
    leaves it out. Raises ValueError where the model has no such likelihood.
    """
    values = LikelihoodValues.of(model, likelihood, k=_K, seed=seed)
    with seeded(seed, model.device):
        checks = _checks(values, samples, examples, annealing_seconds)
        return Audit(likelihood=values.method, checks=tuple(checks))


def _checks(
    values: LikelihoodValues, count: int, examples: Tensor | None, annealing_seconds: float
) -> list[AuditCheck]:
    spec, model = values.spec, values.model
    generator = torch.Generator().manual_seed(derive_seed(values.seed, "audit"))
    sampling = torch.Generator(model.device).manual_seed(derive_seed(values.seed, "audit samples"))
    samples = draw_samples(model, count, sampling, spec, math.inf)
    samples = samples[torch.randperm(count, generator=generator)]
    fitted, fresh = samples[: count // 3], samples[count // 3 :]
    if examples is None:
        examples = fitted
    log_p = values.log_prob(fresh)
    checks = [check_finite(values, log_p, f"{len(fresh):,} samples")]
    finite = bool(checks[0].passed)
    if spec.is_discrete and finite:
        checks.append(check_at_most_one(values, log_p, f"{len(fresh):,} samples"))
    if values.is_exact:
        checks.append(check_batch_independence(values, fresh[:_BATCH], log_p[:_BATCH], examples[:_BATCH]))
        reported = torch.cat([values.log_prob(batch) for batch in batches(examples, spec, 1)])
        checks.append(check_reported_values(values, examples, reported, fresh, generator))
    else:
        checks.append(check_batch_independence_of_weights(values, examples, fresh[:_BATCH], _K))
        if values.method == "log_weights":
            checks.append(check_importance_samples(values, examples, _K))
    if is_auditable(spec):
        total, census = check_normalisation(values, samples)
        checks.append(total)
        if spec.is_discrete and finite and not values.falls_short:
            checks.append(check_frequencies(values, census, samples))
            if values.is_exact:
                checks.append(check_entropy(census, log_p))
    if not finite:
        return checks
    reference = _closest_reference(fitted, spec)
    drawn = reference.sample(len(fresh), generator)
    checks.append(judge_not_over_claimed(reference, drawn, values.log_prob(drawn, "drawn")))
    if values.is_exact:
        checks.append(judge_not_under_claimed(reference, fresh, log_p))
        perturbation = fit_perturbation(fitted, spec)
        changed, log_ratio = perturbation.perturb(fresh, generator)
        checks.append(judge_line_up(log_p, values.log_prob(changed), log_ratio))
        if annealing_seconds > 0 and not is_auditable(spec):
            checks += check_annealed_total(
                values,
                reference,
                fitted,
                fresh,
                seconds=annealing_seconds,
                generator=generator,
            )
    return checks


def _closest_reference(samples: Tensor, spec: DataSpec) -> Reference:
    """The reference that makes other samples likeliest."""
    if can_fit_tree(spec) and len(samples) >= _MIN_TREE_SAMPLES:
        return TreeReference(samples, spec)
    return fit_reference(samples, spec)
