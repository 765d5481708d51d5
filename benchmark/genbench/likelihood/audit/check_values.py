"""Is a likelihood one number an example, finite, and of integers no more than a probability may be?"""

from __future__ import annotations

import math

from jaxtyping import Float64
from torch import Tensor

from genbench.likelihood.audit.e_values import log_e_value_of_mean_above_one, p_value
from genbench.likelihood.audit.likelihood_values import LikelihoodValues
from genbench.records.audit import FALSE_ALARM_RATE, AuditCheck

_ROUNDING = 1e-4  # relative to 1 + |log p|: float32 sums


def check_finite(
    likelihood: LikelihoodValues, log_likelihood: Float64[Tensor, "n *k"], what: str
) -> AuditCheck:
    """Of the model's own samples, to none of which it may give probability 0."""
    broken = int((~log_likelihood.isfinite()).sum())
    detail = f"{likelihood.method} of {what} is not finite for {broken} of {log_likelihood.numel()} values"
    if not broken:
        detail = f"{likelihood.method} of {what} is finite"
    return AuditCheck(name="finite values", passed=not broken, detail=detail, value=broken, expected=0.0)


def check_at_most_one(
    likelihood: LikelihoodValues, log_likelihood: Float64[Tensor, " n"], what: str
) -> AuditCheck:
    """For integers: a probability, or an estimate whose mean is one."""
    highest = float(log_likelihood.max())
    name = "probabilities at most 1"
    if likelihood.is_exact:
        passed = bool((log_likelihood <= _ROUNDING * (1 + log_likelihood.abs())).all())
        detail = (
            f"{likelihood.method} of {what} reaches {highest:.4g}, expected at most 0: the data are integers"
        )
        return AuditCheck(name=name, passed=passed, detail=detail, value=highest, expected=0.0)
    log_e_value = log_e_value_of_mean_above_one(log_likelihood)
    return AuditCheck(
        name=name,
        passed=log_e_value < -math.log(FALSE_ALARM_RATE),
        detail=f"{likelihood.method}, averaged over draws, reaches {highest:.4g} on {what}, where log p is at most 0",
        value=highest,
        expected=0.0,
        p_value=p_value(log_e_value),
    )
