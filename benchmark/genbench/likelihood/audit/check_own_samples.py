"""Checks that a model's samples are drawn from its likelihood, on spaces of any size.

line-up             each sample is paired with a changed copy (`perturbations`). The likelihood gives the probability
                    that it is the sample, which does not depend on a constant factor. This finds samplers at another
                    temperature, likelihoods of another checkpoint, and anything that distorts the likelihood
not over-claimed    for x from a reference q, the mean of p(x) / q(x) is the integral of p, which is at most 1
not under-claimed   for samples x of the model, the mean of q(x) / p(x) is at most 1 for every normalised q

All three are exact: a right model fails at most with probability `FALSE_ALARM_RATE`, in any dimension (`e_values`). The
last two find constant factors larger than the distance between model and reference, which is small for points and large
for images. No line-up finds a wrong weight of a mode that no small change connects to another mode.

For log_weights, elbo and densities of integers only over-claiming is checked, since a lower bound may be loose.
"""

from __future__ import annotations

import math

from jaxtyping import Float64
from torch import Tensor
from torch.nn import functional as F

from genbench.likelihood.audit.e_values import log_e_value_of_mean_above_one, log_e_value_of_picks, p_value
from genbench.likelihood.audit.reference_density import Reference
from genbench.records.audit import FALSE_ALARM_RATE, AuditCheck
from genbench.records.result import finite_or_none

_LARGE = 1e6  # in place of infinite log-odds


def judge_line_up(
    log_p: Float64[Tensor, " n"], log_p_changed: Float64[Tensor, " n"], log_ratio: Float64[Tensor, " n"]
) -> AuditCheck:
    """The line-up. log_p: of samples. log_p_changed, log_ratio: of what `Perturbation.perturb`, fitted to other
    samples, made of them, and its log-ratios."""
    # a pair of two impossible examples says nothing
    log_odds = (log_p + log_ratio - log_p_changed).nan_to_num(0.0, posinf=_LARGE, neginf=-_LARGE)
    log_e_value = log_e_value_of_picks(log_odds)
    picked = float((log_odds > 0).sum()) + 0.5 * float((log_odds == 0).sum())
    certain = F.sigmoid(log_odds.abs())
    expected, error = float(certain.sum()), math.sqrt(float((certain * (1 - certain)).sum()))
    return AuditCheck(
        name="line-up",
        passed=_right(log_e_value),
        detail=f"beside a changed copy, the likelihood picks out {picked:g} of {len(log_p)} samples, expected"
        f" {expected:.1f} ± {error:.1f}{_odds(log_e_value)}",
        value=picked,
        expected=expected,
        p_value=p_value(log_e_value),
    )


def judge_not_over_claimed(reference: Reference, x: Tensor, log_p: Float64[Tensor, " n"]) -> AuditCheck:
    """Whether the model's likelihood is too large. x: draws from the reference. log_p: their log-likelihood, or the
    logarithm of an unbiased estimate of the likelihood."""
    return judge_ratios(
        "not over-claimed",
        log_p - reference.log_prob(x),
        f"p(x) / q(x) over {len(x)} draws from {reference.name}",
        "p adds up to more than 1",
    )


def judge_not_under_claimed(reference: Reference, x: Tensor, log_p: Float64[Tensor, " n"]) -> AuditCheck:
    """Whether the model's likelihood is too small. x: samples to which the reference was not fitted. log_p: their exact
    log-likelihood."""
    return judge_ratios(
        "not under-claimed",
        reference.log_prob(x) - log_p,
        f"q(x) / p(x) over {len(x)} samples, q {reference.name},",
        "p adds up to less than 1, or the samples are not drawn from it",
    )


def judge_ratios(name: str, log_ratios: Float64[Tensor, " n"], what: str, meaning: str) -> AuditCheck:
    """Whether independent ratios, whose means are at most 1 for a right likelihood, are so by a bet.

    log_ratios: their logarithms; NaN counts as a ratio of 0. what: the ratios, in words. meaning: of a failure.
    """
    log_ratios = log_ratios.nan_to_num(-math.inf, posinf=_LARGE, neginf=-math.inf)
    log_e_value = log_e_value_of_mean_above_one(log_ratios)
    log_mean = float(log_ratios.logsumexp(0)) - math.log(len(log_ratios))
    passed = _right(log_e_value)
    detail = f"{what} averages to {_exponential(log_mean)}, expected about 1{_odds(log_e_value)}"
    return AuditCheck(
        name=name,
        passed=passed,
        detail=detail if passed else f"{detail}: {meaning}",
        value=finite_or_none(math.exp(min(log_mean, 700.0))),
        expected=1.0,
        p_value=p_value(log_e_value),
    )


def _right(log_e_value: float) -> bool:
    return log_e_value < -math.log(FALSE_ALARM_RATE)


def _odds(log_e_value: float) -> str:
    return f" (p ≤ {_exponential(-log_e_value)})" if log_e_value > 0 else ""


def _exponential(log_value: float) -> str:
    """exp(log_value), of any size: "0.031", "1.2e-4000"."""
    if log_value == -math.inf:
        return "0"
    if abs(log_value) < 600:
        return f"{math.exp(log_value):.3g}"
    exponent = math.floor(log_value / math.log(10))
    return f"{10 ** (log_value / math.log(10) - exponent):.2g}e{exponent:+d}"
