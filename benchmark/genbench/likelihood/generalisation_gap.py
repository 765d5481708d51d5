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
from genbench.util.mean_errors import Windows, mean_error

NAME = "likelihood_gap"


def generalisation_gap(
    train: Float[Tensor, " n"],
    test: Float[Tensor, " m"],
    kind: str,
    train_windows: Windows | None = None,
    test_windows: Windows | None = None,
) -> MetricValue:
    """The metric `likelihood_gap`. train, test: log-likelihoods in nats, of the kind `kind`. train_windows,
    test_windows: those of the examples (`Split.windows`).

    `test_stderr` is all of the error, since the training examples too are the same for every seed.
    """
    difference = train.double().mean() - test.double().mean()
    of_train, of_test = mean_error(train, train_windows), mean_error(test, test_windows)
    stderr = finite_or_none(math.hypot(of_train.stderr, of_test.stderr))
    infinite = int((~torch.cat([train, test]).isfinite()).sum())
    return MetricValue(
        name=NAME,
        value=finite_or_none(float(difference)),
        stderr=stderr,
        test_stderr=stderr,
        is_rough=of_train.is_rough or of_test.is_rough,
        unit="nats",
        better="lower",
        kind=kinds.difference(kind),
        n=len(test),
        note=f"not finite for {infinite} of {len(train) + len(test)} examples" if infinite else None,
    )
