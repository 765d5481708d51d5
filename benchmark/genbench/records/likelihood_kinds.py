"""The kinds of likelihood: how each is written, and which kinds may be compared. Free of torch.

exact                             the model's own value
lower bound (ELBO)                mean of log importance weights
lower bound (IWAE-k)              log of the mean of k importance weights
  (..., fixed variance)           the observation model has a variance that is a constant and not learned
lower bound (dequantised)         from a continuous density: integers are spread uniformly over their bins
lower bound (dequantised, IW-k)   dequantised, with k draws of the spread per example
AIS estimate (gap g nats)         annealed importance sampling; g is the mean distance between the bidirectional
                                  bounds on data simulated from the model
AIS estimate of Z (within g nats) an energy model, by its partition function, whose interval is g to either side
  (..., error unknown)            in place of an accuracy that is not finite
difference of KIND                the difference of two likelihoods of a kind that is not exact
"""

from __future__ import annotations

import math
import re

EXACT = "exact"
ELBO = "lower bound (ELBO)"
DEQUANTISED = "lower bound (dequantised)"

# The accuracy in an estimate's kind, which differs from one model to the next.
_ACCURACY = re.compile(r"^(AIS estimate(?: of Z)?) \((?:(gap|within) (\S+) nats|error unknown)\)$")
_UNKNOWN = "error unknown"
_DIFFERENCE = re.compile(r"^difference of (.+)$")

EXACT_SIGN, BOUND_SIGN, ESTIMATE_SIGN, UNSOUND_SIGN, UNKNOWN_SIGN = "=", "≤", "≈", "~", "?"


def sign(kind: str) -> str:
    """The sign before a negative log-likelihood or bits/dim of that kind. For a lower bound on the likelihood it is
    "≤": the true negative log-likelihood is at most the printed value."""
    if kind == EXACT:
        return EXACT_SIGN
    if kind.startswith("lower bound"):
        return BOUND_SIGN
    if kind.startswith(("AIS", "difference of")):
        return ESTIMATE_SIGN
    return UNSOUND_SIGN if kind.startswith("unsound") else UNKNOWN_SIGN


def elbo(*, fixed_variance: bool = False) -> str:
    """The kind of an ELBO. fixed_variance: the observation model's variance is a constant that was not learned."""
    return "lower bound (ELBO, fixed variance)" if fixed_variance else ELBO


def iwae(k: int, *, fixed_variance: bool = False) -> str:
    """The kind of an IWAE bound with k importance weights. fixed_variance: as for `elbo`."""
    return f"lower bound (IWAE-{k}{', fixed variance' if fixed_variance else ''})"


def is_elbo(kind: str) -> bool:
    return kind.startswith("lower bound (ELBO")


def dequantised(k: int) -> str:
    """The kind of a dequantised likelihood with k draws per example; k=1 is plain dequantisation."""
    return DEQUANTISED if k == 1 else f"lower bound (dequantised, IW-{k})"


def annealed(gap: float) -> str:
    return f"AIS estimate ({f'gap {gap:.2f} nats' if math.isfinite(gap) else _UNKNOWN})"


def annealed_partition(nats: float) -> str:
    return f"AIS estimate of Z ({f'within {nats:.2f} nats' if math.isfinite(nats) else _UNKNOWN})"


def difference(kind: str) -> str:
    """The kind of the difference of two likelihoods of this kind. The difference of two bounds is no bound."""
    return kind if kind == EXACT else f"difference of {kind}"


def comparable(kind: str) -> str:
    """The kind without its accuracy. Values may be compared if this is equal."""
    found = _DIFFERENCE.match(kind)
    return f"difference of {comparable(found[1])}" if found else _ACCURACY.sub(r"\1", kind)


def accuracy(kind: str) -> tuple[str, float] | None:
    """The accuracy that is part of an estimate's kind: "gap" or "within", and the nats, which are finite; None where it
    is not known, and for other kinds."""
    found = _ACCURACY.match(kind)
    if found is None or found[3] is None or not math.isfinite(float(found[3])):
        return None
    return found[2], float(found[3])


def readable(kind: str) -> str:
    """The kind as it is shown. Old records hold accuracies that are not finite; these are unknown."""
    found = _ACCURACY.match(kind)
    return f"{found[1]} ({_UNKNOWN})" if found and accuracy(kind) is None else kind
