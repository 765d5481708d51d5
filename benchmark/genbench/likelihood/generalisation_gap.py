"""The generalisation gap of the likelihood: how much likelier training examples are than test examples.

It is the mean log-likelihood of training examples less that of as many test examples, both by one kind of estimate, and
about 0 where nothing is memorised. Van den Burg & Williams 2021, "On memorization in probabilistic deep generative
models", examine this difference for single examples.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from genbench.records import likelihood_kinds as kinds
from genbench.records.result import MetricValue, finite_or_none

NAME = "likelihood_gap"


def generalisation_gap(train: Float[Tensor, " n"], test: Float[Tensor, " m"], kind: str) -> MetricValue:
    """The metric `likelihood_gap`. train, test: log-likelihoods in nats, of the kind `kind`."""
    difference = train.double().mean() - test.double().mean()
    variance = train.double().var() / len(train) + test.double().var() / len(test)
    infinite = int((~torch.cat([train, test]).isfinite()).sum())
    return MetricValue(
        name=NAME,
        value=finite_or_none(float(difference)),
        stderr=finite_or_none(math.sqrt(float(variance))) if float(variance) >= 0 else None,
        unit="nats",
        better="lower",
        kind=kinds.difference(kind),
        n=len(test),
        note=f"not finite for {infinite} of {len(train) + len(test)} examples" if infinite else None,
    )
