"""The audit of every job's likelihood: a few tenths of a second, on the job's samples and test examples.

The number of samples that it evaluates depends on the model's cost in FLOPs and not on a clock, so that repeated jobs
get equal audits.
"""

from __future__ import annotations

import math
import time
import traceback

import torch
from torch import Tensor

from genbench.api.data import Truth
from genbench.api.model import GenerativeModel
from genbench.errors import PluginError, is_out_of_memory
from genbench.likelihood.audit.check_batches import (
    check_batch_independence,
    check_batch_independence_of_weights,
    check_importance_samples,
    check_reported_values,
)
from genbench.likelihood.audit.check_own_samples import (
    judge_line_up,
    judge_not_over_claimed,
    judge_not_under_claimed,
)
from genbench.likelihood.audit.check_truth import check_not_better_than_truth
from genbench.likelihood.audit.check_values import check_at_most_one, check_finite
from genbench.likelihood.audit.likelihood_values import LikelihoodValues
from genbench.likelihood.audit.perturbations import fit_perturbation
from genbench.likelihood.audit.reference_density import fit_reference
from genbench.records.audit import Audit, AuditCheck
from genbench.util.seeding import derive_seed

_SECONDS = 0.15
# Rough speeds of one core. Each number of an example costs some dozens of exponentials and logarithms.
_SECONDS_PER_FLOP, _SECONDS_PER_NUMBER = 1 / 1.5e10, 4e-7
_MIN_FITTED_SAMPLES = 2
_MIN_SAMPLES, _MAX_SAMPLES = 16, 640  # samples that are looked at
_K = 24
_EVALUATION = "evaluation"
# There is no audit that would take longer. Only this depends on a clock; no model whose cost is known comes near it.
_PATIENCE_SECONDS = 60.0
_FEW = 8  # examples that are looked at in several batches


def quick_audit(
    model: object,
    samples: Tensor,
    examples: Tensor,
    *,
    seed: int,
    flops_per_example: float = 0.0,
    reported: Tensor | None = None,
    truth: Truth | None = None,
) -> Audit | None:
    """The audit; None for a model without a likelihood. An exception that the model raises is a failed check.

    samples: of the model, (N, *event_shape), already checked. examples: real data, (M, *event_shape). Both in the
    working type, on the CPU. flops_per_example: the approximate cost of one draw of the likelihood. reported:
    the log-likelihoods of the examples, or lower bounds, as they are reported, (M,). truth: the density from which the
    examples were drawn, if it is known.
    """
    if not isinstance(model, GenerativeModel) or not LikelihoodValues.exist_for(model):
        return None
    likelihood = LikelihoodValues.of(model, k=_K, seed=seed)
    checks: list[AuditCheck] = []
    try:
        count = affordable(likelihood, flops_per_example)
        if reported is not None and truth is not None:
            checks.append(_beside_truth(likelihood, examples, reported, truth, count))
        _audit(likelihood, samples, examples, count, checks, reported)
    except PluginError as error:
        traceback.print_exc()
        out_of_memory = error.__cause__ is not None and is_out_of_memory(error.__cause__)
        checks.append(
            AuditCheck(name=_EVALUATION, passed=None if out_of_memory else False, detail=str(error))
        )
    except Exception as error:  # a bug of the audit, for which the job must not fail
        traceback.print_exc()
        problem = f"the audit came to no end: {type(error).__name__}: {error}".splitlines()[0]
        checks.append(AuditCheck(name=_EVALUATION, passed=None, detail=problem))
    return Audit(likelihood=likelihood.method, checks=tuple(checks))


def _beside_truth(
    likelihood: LikelihoodValues, examples: Tensor, reported: Tensor, truth: Truth, count: int
) -> AuditCheck:
    """A bound that is evaluated at random places is too large by chance on some examples, and the exponential of such
    an error is above 1 on average. It is evaluated again, for `count` examples, and its errors are taken off."""
    if likelihood.method == "elbo":
        examples = examples[:count]
        reported = likelihood.log_prob(examples, "truth")
    return check_not_better_than_truth(reported, truth.log_prob(examples).cpu().double())


def _audit(
    likelihood: LikelihoodValues,
    samples: Tensor,
    examples: Tensor,
    count: int,
    checks: list[AuditCheck],
    reported: Tensor | None,
) -> None:
    generator = torch.Generator().manual_seed(derive_seed(likelihood.seed, "quick audit"))
    samples = samples[torch.randperm(len(samples), generator=generator)]
    # the reference and the perturbation are fitted to a third, and the rest is checked
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
    # in one call, since some models take longer to prepare an evaluation than to compute it
    whole = likelihood.log_prob(torch.cat([*looked_at.values()]))
    log_p = dict(zip(looked_at, whole.split([len(x) for x in looked_at.values()]), strict=True))

    what = f"{len(fresh)} samples"
    finite = check_finite(likelihood, log_p["fresh"], what)
    checks.append(finite)
    if likelihood.spec.is_discrete:
        checks.append(check_at_most_one(likelihood, log_p["fresh"], what))
    if likelihood.is_exact:
        few = _FEW if reported is None else _FEW // 2
        x, values, others = fresh[:few], log_p["fresh"][:few], examples[:few]
        checks.append(check_batch_independence(likelihood, x, values, others, thorough=False))
        if reported is not None:
            checks.append(check_reported_values(likelihood, examples, reported, fresh, generator))
    else:
        some = examples[: _FEW // 2]
        checks.append(check_batch_independence_of_weights(likelihood, some, fresh[: _FEW // 2], _K))
        if likelihood.method == "log_weights":
            checks.append(check_importance_samples(likelihood, some, _K))
    if not finite.passed or third < _MIN_FITTED_SAMPLES:
        return
    checks.append(judge_not_over_claimed(reference, looked_at["drawn"], log_p["drawn"]))
    if likelihood.is_exact:
        checks.append(judge_not_under_claimed(reference, fresh, log_p["fresh"]))
        checks.append(judge_line_up(log_p["fresh"], log_p["changed"], log_ratio))


def _expected_seconds(likelihood: LikelihoodValues, x: Tensor) -> float:
    """Processor time that the audit will take, estimated from two examples, since for some models the cost of training
    says little about that of the likelihood. A slow result is measured again: the first call may include work that is
    done once, or garbage collection."""
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
    """The number of samples to check. Each is evaluated up to two and a half times."""
    k = 1 if likelihood.is_exact else likelihood.k
    seconds = k * (flops_per_example * _SECONDS_PER_FLOP + likelihood.spec.dimension * _SECONDS_PER_NUMBER)
    return int(max(_MIN_SAMPLES, min(_MAX_SAMPLES, _SECONDS / seconds / 2.5)))
