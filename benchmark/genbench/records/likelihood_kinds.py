"""What kind of likelihood a figure is: how kinds are written, and which of them compare. Free of torch.

exact                             the model's own value
lower bound (ELBO)                mean of log importance weights
lower bound (IWAE-k)              log of the mean of k importance weights
  (..., fixed variance)           the same under an observation model whose variance is a constant and not learned
lower bound (dequantised)         of a continuous density, integers spread over their bins
lower bound (dequantised, IW-k)   the same with k draws of the spread
AIS estimate (gap g nats)         annealed importance sampling; g is how far the bidirectional bounds are
                                  apart on data simulated from the model, on average
AIS estimate of Z (within g nats) of an energy model, from its partition function, whose interval is g either way
difference of KIND                of two likelihoods of a kind that is not exact
"""

from __future__ import annotations

import re

EXACT = "exact"
ELBO = "lower bound (ELBO)"
DEQUANTISED = "lower bound (dequantised)"

# What follows an estimate's name and differs from one model to the next.
_ACCURACY = re.compile(r"^(AIS estimate(?: of Z)?) \((gap|within) (\S+) nats\)$")
_DIFFERENCE = re.compile(r"^difference of (.+)$")

EXACT_SIGN, BOUND_SIGN, ESTIMATE_SIGN, UNSOUND_SIGN, UNKNOWN_SIGN = "=", "≤", "≈", "~", "?"


def sign(kind: str) -> str:
    """What stands before a negative log-likelihood or bits/dim of that kind: of a lower bound on the likelihood it is
    at most what is printed."""
    if kind == EXACT:
        return EXACT_SIGN
    if kind.startswith("lower bound"):
        return BOUND_SIGN
    if kind.startswith(("AIS", "difference of")):
        return ESTIMATE_SIGN
    return UNSOUND_SIGN if kind.startswith("unsound") else UNKNOWN_SIGN


def elbo(*, fixed_variance: bool = False) -> str:
    """fixed_variance: of the observation model, a constant that was not learned."""
    return "lower bound (ELBO, fixed variance)" if fixed_variance else ELBO


def iwae(k: int, *, fixed_variance: bool = False) -> str:
    return f"lower bound (IWAE-{k}{', fixed variance' if fixed_variance else ''})"


def is_elbo(kind: str) -> bool:
    return kind.startswith("lower bound (ELBO")


def dequantised(k: int) -> str:
    """With k draws; k=1 is plain dequantisation."""
    return DEQUANTISED if k == 1 else f"lower bound (dequantised, IW-{k})"


def annealed(gap: float) -> str:
    return f"AIS estimate (gap {gap:.2f} nats)"


def annealed_partition(nats: float) -> str:
    return f"AIS estimate of Z (within {nats:.2f} nats)"


def difference(kind: str) -> str:
    """Of two likelihoods of this kind. Of two bounds it is no bound."""
    return kind if kind == EXACT else f"difference of {kind}"


def comparable(kind: str) -> str:
    """The kind without its accuracy: figures compare where this is the same."""
    found = _DIFFERENCE.match(kind)
    return f"difference of {comparable(found[1])}" if found else _ACCURACY.sub(r"\1", kind)


def accuracy(kind: str) -> tuple[str, float] | None:
    """How accurate an estimate says it is: "gap" or "within", and the nats; None where it says nothing."""
    found = _ACCURACY.match(kind)
    return (found[2], float(found[3])) if found else None
