"""Checks that log-likelihoods are finite, and that probabilities of integers are at most 1."""

from __future__ import annotations

import math

from jaxtyping import Float64
from torch import Tensor

from genbench.likelihood.audit.e_values import log_e_value_of_mean_above_one, p_value
from genbench.likelihood.audit.likelihood_values import LikelihoodValues
from genbench.records.audit import FALSE_ALARM_RATE, AuditCheck

_ROUNDING = 1e-4  # of float32 sums, relative to 1 + |log p|


def check_finite(
    likelihood: LikelihoodValues, log_likelihood: Float64[Tensor, "n *k"], what: str
) -> AuditCheck:
    """Whether the log-likelihoods are finite. No sample of the model may have probability 0. what: the examples, in
    words."""
    broken = int((~log_likelihood.isfinite()).sum())
    detail = f"{likelihood.method} of {what} is not finite for {broken} of {log_likelihood.numel()} values"
    if not broken:
        detail = f"{likelihood.method} of {what} is finite"
    return AuditCheck(name="finite values", passed=not broken, detail=detail, value=broken, expected=0.0)


def check_at_most_one(
    likelihood: LikelihoodValues, log_likelihood: Float64[Tensor, " n"], what: str
) -> AuditCheck:
    """Whether probabilities of integers are at most 1; for an estimate, whether its mean can be. what: the examples, in
    words."""
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
