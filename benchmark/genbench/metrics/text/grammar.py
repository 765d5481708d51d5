"""The share of samples that a known grammar can make: those to which the truth gives a probability above 0.

For languages and music that were drawn from a grammar, where a sample is right or wrong and nothing lies between the
two. Hewitt et al. 2020, "RNNs can generate bounded hierarchical languages with optimal memory", EMNLP, and others
before them measure language models so.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from genbench.metrics.metric_values import metric_value, without_value
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.mean_errors import share_error

_NAME = "grammatical_share"


def grammatical_share(log_prob: Float[Tensor, " n"]) -> float:
    """The share of samples whose log-probability under the truth is above -inf."""
    return float((log_prob > -torch.inf).double().mean())


def score_grammar(inputs: ScoringInputs) -> list[MetricValue]:
    """The metric `grammatical_share`."""
    if inputs.truth is None:
        return without_value((_NAME,), inputs, "the grammar is not known")
    if len(inputs.samples) < 2:
        return without_value((_NAME,), inputs, f"{len(inputs.samples)} samples, needs at least 2")
    share = grammatical_share(inputs.truth.log_prob(inputs.samples))
    error = share_error(share, len(inputs.samples))
    return [metric_value(_NAME, inputs, share, stderr=error.stderr, test_stderr=0.0, is_rough=error.is_rough)]
