"""The audit that the harness makes of every job's likelihood: a few tenths of a second, on what is there anyway.

How much is looked at depends on what the model costs in FLOPs, not on a clock: the same job always gets the same
audit.
"""

from __future__ import annotations

import math
import time
import traceback

import torch
from torch import Tensor

from genbench.api.model import GenerativeModel
from genbench.errors import PluginError, is_out_of_memory
from genbench.likelihood.audit.check_batches import (
    check_batch_independence,
    check_batch_independence_of_weights,
    check_importance_samples,
)
from genbench.likelihood.audit.check_own_samples import (
    judge_line_up,
    judge_not_over_claimed,
    judge_not_under_claimed,
)
from genbench.likelihood.audit.check_values import check_at_most_one, check_finite
from genbench.likelihood.audit.likelihood_values import LikelihoodValues
from genbench.likelihood.audit.perturbations import fit_perturbation
from genbench.likelihood.audit.reference_density import fit_reference
from genbench.records.audit import Audit, AuditCheck
from genbench.util.seeding import derive_seed

_SECONDS = 0.15
# Of one core, roughly. A number of the domain costs some dozens of exponentials and logarithms.
_SECONDS_PER_FLOP, _SECONDS_PER_NUMBER = 1 / 1.5e10, 4e-7
_MIN_FITTED_SAMPLES = 2
_MIN_SAMPLES, _MAX_SAMPLES = 16, 640  # samples that are looked at
_K = 24
_EVALUATION = "evaluation"
# Beyond this, which no model of known cost comes near, there is no audit: a clock decides that alone.
_PATIENCE_SECONDS = 60.0
_FEW = 8  # examples that are looked at in several batches


def quick_audit(
    model: object, samples: Tensor, examples: Tensor, *, seed: int, flops_per_example: float = 0.0
) -> Audit | None:
    """None for a model without a likelihood. What the model raises is a check that failed.

    samples: (N, *event_shape) of the model, already checked. examples: (M, *event_shape) real data. Both in the
    working dtype, on the CPU. flops_per_example: about what one draw of the likelihood costs.
    """
    if not isinstance(model, GenerativeModel) or not LikelihoodValues.exist_for(model):
        return None
    likelihood = LikelihoodValues.of(model, k=_K, seed=seed)
    checks: list[AuditCheck] = []
    try:
        _audit(likelihood, samples, examples, affordable(likelihood, flops_per_example), checks)
    except PluginError as error:
        traceback.print_exc()
        out_of_memory = error.__cause__ is not None and is_out_of_memory(error.__cause__)
        checks.append(
            AuditCheck(name=_EVALUATION, passed=None if out_of_memory else False, detail=str(error))
        )
    except Exception as error:  # of ours: no reason to lose the job
        traceback.print_exc()
        problem = f"the audit came to no end: {type(error).__name__}: {error}".splitlines()[0]
        checks.append(AuditCheck(name=_EVALUATION, passed=None, detail=problem))
    return Audit(likelihood=likelihood.method, checks=tuple(checks))


def _audit(
    likelihood: LikelihoodValues, samples: Tensor, examples: Tensor, count: int, checks: list[AuditCheck]
) -> None:
    generator = torch.Generator().manual_seed(derive_seed(likelihood.seed, "quick audit"))
    samples = samples[torch.randperm(len(samples), generator=generator)]
    # a third is fitted to, the rest is looked at
    third = len(samples) // 3
    fitted, fresh = samples[:third], samples[third:][:count]
    if (seconds := _expected_seconds(likelihood, fresh)) > _PATIENCE_SECONDS:
        detail = f"{likelihood.method} is so slow that an audit would take {seconds:.0f} s"
        checks.append(AuditCheck(name=_EVALUATION, passed=None, detail=detail))
        return
    looked_at = {"fresh": fresh}
    if third >= _MIN_FITTED_SAMPLES:
        reference = fit_reference(fitted, likelihood.spec)
        looked_at["drawn"] = reference.sample(max(_MIN_SAMPLES, len(fresh) // 2), generator)
        if likelihood.is_exact:
            looked_at["changed"], log_ratio = fit_perturbation(fitted, likelihood.spec).perturb(
                fresh, generator
            )
    # in one call: some models prepare for longer than they evaluate
    whole = likelihood.log_prob(torch.cat([*looked_at.values()]))
    log_p = dict(zip(looked_at, whole.split([len(x) for x in looked_at.values()]), strict=True))

    what = f"{len(fresh)} samples"
    finite = check_finite(likelihood, log_p["fresh"], what)
    checks.append(finite)
    if likelihood.spec.is_discrete:
        checks.append(check_at_most_one(likelihood, log_p["fresh"], what))
    if likelihood.is_exact:
        few = fresh[:_FEW]
        checks.append(
            check_batch_independence(likelihood, few, log_p["fresh"][:_FEW], examples[:_FEW], thorough=False)
        )
    else:
        few = examples[: _FEW // 2]
        checks.append(check_batch_independence_of_weights(likelihood, few, fresh[: _FEW // 2], _K))
        if likelihood.method == "log_weights":
            checks.append(check_importance_samples(likelihood, few, _K))
    if not finite.passed or third < _MIN_FITTED_SAMPLES:
        return
    checks.append(judge_not_over_claimed(reference, looked_at["drawn"], log_p["drawn"]))
    if likelihood.is_exact:
        checks.append(judge_not_under_claimed(reference, fresh, log_p["fresh"]))
        checks.append(judge_line_up(log_p["fresh"], log_p["changed"], log_ratio))


def _expected_seconds(likelihood: LikelihoodValues, x: Tensor) -> float:
    """From two examples; for models whose training says little of what their likelihood costs. Of the processor, so
    that a busy machine makes no model slow. What seems too slow is timed again: the first call may have paid for what
    is done once, or for a collection of garbage."""
    few = x[:2]
    expected = math.inf
    for _ in range(2):
        began = time.process_time()
        likelihood.log_prob(few, "probe")
        each = (time.process_time() - began) / len(few)
        expected = min(expected, each * (2.5 * len(x) + 8 * _FEW))
        if expected <= _PATIENCE_SECONDS:
            break
    return expected


def affordable(likelihood: LikelihoodValues, flops_per_example: float) -> int:
    """How many samples may be looked at; each is evaluated up to two and a half times."""
    k = 1 if likelihood.is_exact else likelihood.k
    seconds = k * (flops_per_example * _SECONDS_PER_FLOP + likelihood.spec.dimension * _SECONDS_PER_NUMBER)
    return int(max(_MIN_SAMPLES, min(_MAX_SAMPLES, _SECONDS / seconds / 2.5)))
