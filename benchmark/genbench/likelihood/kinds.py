"""What kind of likelihood a figure is: how kinds are written, and which of them compare. Free of torch.

exact                             the model's own value
lower bound (ELBO)                mean of log importance weights
lower bound (IWAE-k)              log of the mean of k importance weights
lower bound (dequantised)         of a continuous density, integers spread over their bins
lower bound (dequantised, IW-k)   the same with k draws of the spread
AIS estimate (gap g nats)         annealed importance sampling; g is how far the bidirectional bounds are
                                  apart on data simulated from the model, on average
AIS estimate (log Z within g nats)  of an energy model; g is the width of the interval of its partition function
"""

from __future__ import annotations

import re

EXACT = "exact"
ELBO = "lower bound (ELBO)"
DEQUANTISED = "lower bound (dequantised)"

# What follows an estimate's name and differs from one model to the next.
_ACCURACY = re.compile(r"^(AIS estimate) \((?:gap|log Z within) (\S+) nats\)")
_DIFFERENCE = re.compile(r"^difference of (.+)$")


def iwae(k: int) -> str:
    return f"lower bound (IWAE-{k})"


def dequantised(k: int) -> str:
    """With k draws; k=1 is plain dequantisation."""
    return DEQUANTISED if k == 1 else f"lower bound (dequantised, IW-{k})"


def annealed(gap: float) -> str:
    return f"AIS estimate (gap {gap:.2g} nats)"


def annealed_partition(width: float) -> str:
    return f"AIS estimate (log Z within {width:.2g} nats)"


def difference(kind: str) -> str:
    """Of two likelihoods of this kind. Of two bounds it is no bound."""
    return kind if kind == EXACT else f"difference of {kind}"


def comparable(kind: str) -> str:
    """The kind without its accuracy: figures compare where this is the same."""
    found = _DIFFERENCE.match(kind)
    return f"difference of {comparable(found[1])}" if found else _ACCURACY.sub(r"\1", kind)


def accuracy_nats(kind: str) -> float | None:
    """How accurate an estimate says it is: the g of its kind; None where it says nothing."""
    found = _ACCURACY.match(kind)
    return float(found[2]) if found else None
