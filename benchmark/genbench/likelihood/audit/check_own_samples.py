"""Are the model's samples those of its likelihood? On spaces too large to visit.

line-up             each sample beside a changed copy of itself: the likelihood says how often it is the sample
                    (`moves`). Knows nothing of a constant factor; finds samplers at another temperature,
                    likelihoods of another checkpoint, whatever bends the likelihood.
not over-claimed    x from a reference q: p(x) / q(x) averages to the sum of p, which is at most 1
not under-claimed   samples x of the model: q(x) / p(x) averages to at most 1 for every normalised q

All three are exact: a right model fails at most as often as `FALSE_ALARM_RATE`, whatever its dimension
(`evidence`). The last two find constants larger than the distance between model and reference, which is small
for points and large for pictures; that is their limit. What no line-up sees is the weight of a mode that no
small change connects to another one.

Of log_weights, elbo and densities of integers only over-claiming can be told: a lower bound may be as loose as it
likes.
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

_LARGE = 1e6  # stands for infinite log odds


def judge_line_up(
    log_p: Float64[Tensor, " n"], log_p_changed: Float64[Tensor, " n"], log_ratio: Float64[Tensor, " n"]
) -> AuditCheck:
    """log_prob of samples and of what `Moves.change`, not fitted to them, made of them; and its log ratios."""
    # what is impossible beside the impossible tells nothing
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
    """x: drawn from the reference. log_p: what the model says of them, or the log of an unbiased estimate."""
    return _judge_ratios(
        "not over-claimed",
        log_p - reference.log_prob(x),
        f"p(x) / q(x) over {len(x)} draws from {reference.name}",
        "p adds up to more than 1",
    )


def judge_not_under_claimed(reference: Reference, x: Tensor, log_p: Float64[Tensor, " n"]) -> AuditCheck:
    """x: samples to which the reference was not fitted. log_p: their log_prob, exact."""
    return _judge_ratios(
        "not under-claimed",
        reference.log_prob(x) - log_p,
        f"q(x) / p(x) over {len(x)} samples, q {reference.name},",
        "p adds up to less than 1, or the samples are not drawn from it",
    )


def _judge_ratios(name: str, log_ratios: Float64[Tensor, " n"], what: str, meaning: str) -> AuditCheck:
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
