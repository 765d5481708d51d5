"""`kl_from_truth`: the likelihood of held-out examples less that under the truth, example by example."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal

from genbench.api.spec import DataSpec
from genbench.likelihood.estimates import LikelihoodEstimate, likelihood_metrics
from genbench.records import likelihood_kinds as kinds

POINTS = DataSpec(name="points", modality="points", event_shape=(1,))


def test_it_is_the_divergence_of_two_gaussians_with_the_error_of_the_differences() -> None:
    count, shift = 20_000, 0.3
    x = torch.randn(count, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    model = Normal(torch.tensor(shift, dtype=torch.float64), 1.0).log_prob(x)
    truth = Normal(torch.tensor(0.0, dtype=torch.float64), 1.0).log_prob(x)
    found = likelihood_metrics([LikelihoodEstimate(model, kinds.EXACT)], POINTS, truth_log_prob=truth)
    kl = {metric.name: metric for metric in found}["kl_from_truth"]
    assert kl.value is not None
    assert kl.stderr == pytest.approx(
        shift / math.sqrt(count), rel=0.05
    )  # of the differences, shift x - shift^2 / 2
    assert abs(kl.value - shift**2 / 2) < 4 * shift / math.sqrt(count)
    assert (kl.kind, kl.unit, kl.better) == (kinds.EXACT, "nats", "lower")


def test_there_is_none_without_a_truth_and_the_truth_itself_has_0() -> None:
    exact = torch.randn(10, generator=torch.Generator().manual_seed(0))
    estimate = LikelihoodEstimate(exact, kinds.EXACT)
    assert "kl_from_truth" not in [metric.name for metric in likelihood_metrics([estimate], POINTS)]
    values = likelihood_metrics([estimate], POINTS, truth_log_prob=exact.double())
    assert {metric.name: metric.value for metric in values}["kl_from_truth"] == 0.0
