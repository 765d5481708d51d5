"""The full audit of a likelihood, for authors: everything that can be told of it from outside.

    from genbench.testing import audit_likelihood

    audit = audit_likelihood(model.eval())
    assert audit.passed, audit.detail

The checks, and what each can find, are in `genbench.likelihood.audit`: `values`, `batches`, `totals`, `own_samples`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genbench.api.model import GenerativeModel
from genbench.likelihood.audit.check_batches import (
    check_batch_independence,
    check_batch_independence_of_weights,
    check_importance_samples,
)
from genbench.likelihood.audit.check_normalisation import (
    check_entropy,
    check_frequencies,
    check_total,
    is_auditable,
)
from genbench.likelihood.audit.check_own_samples import (
    judge_line_up,
    judge_not_over_claimed,
    judge_not_under_claimed,
)
from genbench.likelihood.audit.check_values import check_at_most_one, check_finite
from genbench.likelihood.audit.likelihood_values import Claim
from genbench.likelihood.audit.perturbations import fit_moves
from genbench.likelihood.audit.reference_density import fit_reference
from genbench.records.audit import Audit, AuditCheck, LikelihoodName
from genbench.samples.draw import draw_samples
from genbench.util.seeding import derive_seed, seeded

_K = 64
_BATCH = 16


def audit_likelihood(
    model: GenerativeModel,
    likelihood: LikelihoodName | None = None,
    *,
    seed: int = 0,
    samples: int = 4096,
    examples: Tensor | None = None,
) -> Audit:
    """Audit `log_prob`, `log_density`, `elbo` or `log_weights` of a model in evaluation mode.

    likelihood: None takes the first of these that the model has. seed: of all chance; global
    generators are left as they were. samples: how many the model draws for it, a third of them to be fitted to.
    examples: (M, *event_shape) real data for the batches, in the working dtype; more samples serve without.
    Raises ValueError where the model has no such likelihood.
    """
    claim = Claim.of(model, likelihood, k=_K, seed=seed)
    with seeded(seed, model.device):
        return Audit(likelihood=claim.likelihood, checks=tuple(_checks(claim, samples, examples)))


def _checks(claim: Claim, count: int, examples: Tensor | None) -> list[AuditCheck]:
    spec, model = claim.spec, claim.model
    generator = torch.Generator().manual_seed(derive_seed(claim.seed, "audit"))
    sampling = torch.Generator(model.device).manual_seed(derive_seed(claim.seed, "audit samples"))
    samples = draw_samples(model, count, sampling, spec, math.inf)
    samples = samples[torch.randperm(count, generator=generator)]
    fitted, fresh = samples[: count // 3], samples[count // 3 :]
    if examples is None:
        examples = fitted
    log_p = claim.log_prob(fresh)
    checks = [check_finite(claim, log_p, f"{len(fresh):,} samples")]
    finite = bool(checks[0].passed)
    if spec.is_discrete and finite:
        checks.append(check_at_most_one(claim, log_p, f"{len(fresh):,} samples"))
    if claim.is_exact:
        checks.append(check_batch_independence(claim, fresh[:_BATCH], log_p[:_BATCH], examples[:_BATCH]))
    else:
        checks.append(check_batch_independence_of_weights(claim, examples, fresh[:_BATCH], _K))
        if claim.likelihood == "log_weights":
            checks.append(check_importance_samples(claim, examples, _K))
    if is_auditable(spec):
        total, census = check_total(claim, samples)
        checks.append(total)
        if spec.is_discrete and finite and not claim.falls_short:
            checks.append(check_frequencies(claim, census, samples))
            if claim.is_exact:
                checks.append(check_entropy(census, log_p))
    if not finite:
        return checks
    reference = fit_reference(fitted, spec)
    drawn = reference.sample(len(fresh), generator)
    checks.append(judge_not_over_claimed(reference, drawn, claim.log_prob(drawn, "drawn")))
    if claim.is_exact:
        checks.append(judge_not_under_claimed(reference, fresh, log_p))
        changed, log_ratio = fit_moves(fitted, spec).change(fresh, generator)
        checks.append(judge_line_up(log_p, claim.log_prob(changed), log_ratio))
    return checks
