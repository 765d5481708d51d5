"""Checks that the likelihood of an example depends neither on its batch nor, if it is exact, on random numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float64
from torch import Tensor

from genbench.likelihood.audit.e_values import rank_sum_p_value
from genbench.likelihood.audit.likelihood_values import LikelihoodValues, log_mean_exp
from genbench.records.audit import FALSE_ALARM_RATE, AuditCheck

BATCH_TOLERANCE = 1e-3
"""Allowed difference relative to 1 + |log p|, from float32 sums in another order."""
_ALONE = 4  # examples that are evaluated one by one
NAME = "batch independence"
REPORTED = "reported values"
# Reported values that are computed again, and examples beside them: batches of 1 and 7, sizes that nobody chooses.
_COMPUTED_AGAIN, _COMPANIONS = 5, 3


def check_batch_independence(
    likelihood: LikelihoodValues,
    x: Tensor,
    log_p: Float64[Tensor, " n"],
    others: Tensor,
    *,
    thorough: bool = True,
) -> AuditCheck:
    """Whether an exact log-likelihood depends on the batch. log_p: of x, (N,), from any batch. others: examples with
    which x is evaluated.

    thorough: evaluate each arrangement in a call of its own; False evaluates them in one call.
    """
    alone = x[: _ALONE if thorough else _ALONE // 2]
    few = len(alone)
    settings: dict[str, Callable[[], Tensor]] = {
        "alone": lambda: torch.cat([likelihood.log_prob(x[i : i + 1]) for i in range(few)])
    }
    if thorough:
        settings |= {
            "in another order": lambda: likelihood.log_prob(x.flip(0)).flip(0),
            "beside a copy of itself": lambda: likelihood.log_prob(torch.cat([x, x]))[: len(x)],
            "in other company": lambda: likelihood.log_prob(torch.cat([others, alone]))[len(others) :],
        }
    else:
        mixed = torch.cat([others, x.flip(0), x])
        settings["in other company"] = lambda: likelihood.log_prob(mixed)[len(others) : -len(x)].flip(0)
    gaps = {how: _gap(values(), log_p) for how, values in settings.items()}
    how = max(gaps, key=lambda key: math.inf if math.isnan(gaps[key]) else gaps[key])
    gap = gaps[how]
    passed = gap <= BATCH_TOLERANCE  # NaN does not pass
    detail = f"{likelihood.method} of an example changes by {gap:.2g} (relative) {how},"
    detail += f" expected at most {BATCH_TOLERANCE:g}"
    if thorough or not passed:
        first, second = likelihood.log_prob(x, "once"), likelihood.log_prob(x, "again")
        if not torch.equal(first, second):  # nor with NaN
            passed = False
            detail = (
                f"{likelihood.method} depends on random numbers, by {_gap(first, second):.2g} (relative);"
            )
            detail += " an estimate belongs in log_weights"
    value = gap if math.isfinite(gap) else None
    return AuditCheck(name=NAME, passed=passed, detail=detail, value=value, expected=0.0)


def check_reported_values(
    likelihood: LikelihoodValues,
    x: Tensor,
    reported: Float64[Tensor, " n"],
    others: Tensor,
    generator: torch.Generator,
) -> AuditCheck:
    """Whether the values that are reported for examples come out again where the model cannot tell by the batch that
    they count: for one example alone, and for a few in random order among others.

    x: the examples, (N, *event_shape). reported: their exact log-likelihoods, as the harness computed them. others:
    other examples.
    """
    chosen = torch.randperm(len(x), generator=generator)[:_COMPUTED_AGAIN]
    few = x[chosen]
    mixed = torch.cat([few[1:], others[:_COMPANIONS]])
    order = torch.randperm(len(mixed), generator=generator)
    values = torch.empty(len(mixed), dtype=torch.float64)
    values[order] = likelihood.log_prob(mixed[order])
    again = torch.cat([likelihood.log_prob(few[:1]), values[: len(few) - 1]])
    gap = _gap(again, reported[chosen])
    return AuditCheck(
        name=REPORTED,
        passed=gap <= BATCH_TOLERANCE,  # NaN does not pass
        detail=f"{likelihood.method} of {len(few)} random examples differs by {gap:.2g} (relative) from what is"
        f" reported, where computed alone and among others; expected at most {BATCH_TOLERANCE:g}",
        value=gap if math.isfinite(gap) else None,
        expected=0.0,
    )


def _gap(values: Float64[Tensor, " m"], together: Float64[Tensor, " n"]) -> float:
    wanted = together[: len(values)]
    gap = (values - wanted).abs() / (1 + wanted.abs())
    return float(torch.where(values == wanted, 0.0, gap).max())


def check_batch_independence_of_weights(
    likelihood: LikelihoodValues, x: Tensor, others: Tensor, k: int
) -> AuditCheck:
    """Whether draws of an example alone and among others have one distribution. k: draws per example."""
    x = x[:_ALONE]
    together = likelihood.log_weights(torch.cat([x, others, x]), k, "together")[: len(x)]
    alone = torch.cat([likelihood.log_weights(x[i : i + 1], k, f"alone {i}") for i in range(len(x))])
    p = rank_sum_p_value(alone, together, BATCH_TOLERANCE * (1 + together.mean(1).abs()))
    gap = float((alone.mean(1) - together.mean(1)).abs().max())
    detail = (
        f"the mean of {k} draws of {likelihood.method} of an example changes by {gap:.2g} with the batch it is in"
        f" (p = {p:.2g}, expected more than {FALSE_ALARM_RATE:g})"
    )
    return AuditCheck(
        name=NAME, passed=p > FALSE_ALARM_RATE, detail=detail, value=gap, expected=0.0, p_value=p
    )


def check_importance_samples(likelihood: LikelihoodValues, x: Tensor, k: int) -> AuditCheck:
    """Whether the weights of log_weights(x, 1) and log_weights(x, k) have one distribution and are independent.

    Then the mean of log_weights does not depend on k, and the ELBO is at most the IWAE bound (Burda et al. 2016,
    theorem 1).
    """
    x = x[:_ALONE]
    many = likelihood.log_weights(x, k, "many")  # N, k
    single = likelihood.log_weights(x.repeat_interleave(k, 0), 1, "single").reshape(len(x), k)
    elbo, bound = float(single.mean()), float(log_mean_exp(many).mean())
    spread = many.std(1)
    alike = bool(((single == single[:, :1]).all(1) & (spread > BATCH_TOLERANCE)).any())
    p = rank_sum_p_value(single, many, BATCH_TOLERANCE * (1 + many.mean(1).abs()))
    detail = f"ELBO {elbo:.4g} (k=1) against a mean of log_weights of {float(many.mean()):.4g} and a bound of"
    detail += (
        f" {bound:.4g} (k={k}); p = {p:.2g} that k does not matter, expected more than {FALSE_ALARM_RATE:g}"
    )
    if alike:
        detail = (
            f"log_weights(x, 1) of {k} copies of an example are all equal: one draw serves the whole batch"
        )
    passed = p > FALSE_ALARM_RATE and not alike
    return AuditCheck(
        name="importance samples",
        passed=passed,
        detail=detail,
        value=elbo,
        expected=float(many.mean()),
        p_value=p,
    )
