"""Likelihoods of pieces of different lengths, per step."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from genbench import Budget, ComputeMeter, DataSpec
from genbench.api import zero_padding
from genbench.datasets.pieces import Pieces
from genbench.likelihood.audit.piece_audit import PADDING, audit_pieces
from genbench.likelihood.estimates import (
    LikelihoodEstimate,
    estimate_likelihood,
    likelihood_metrics,
    per_step_values,
)
from genbench.testing.tiny_data import tiny_dataset
from genbench_models.baselines.marginals import Marginals

SPEC = DataSpec(name="rolls", modality="pianoroll", event_shape=(9, 3), levels=2, variable_length=True)


class Counts:
    """log p is minus the number of steps, plus a hundredth of the place of the first sounding key."""

    def log_prob(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        assert lengths is not None
        assert x.shape[1] == lengths.max()
        return -lengths.double() - 0.01 * x.sum((1, 2))


def test_values_come_in_the_order_of_the_examples() -> None:
    lengths = torch.tensor([3, 9, 1, 5])
    x = zero_padding(torch.ones(4, 9, 3, dtype=torch.int64), lengths)
    (estimate,) = estimate_likelihood(Counts(), SPEC, x, k=1, lengths=lengths)
    assert estimate.log_prob.tolist() == pytest.approx([-3.09, -9.27, -1.03, -5.15])


def test_a_value_per_step_is_a_total_over_a_total() -> None:
    estimate = LikelihoodEstimate(torch.tensor([-2.0, -30.0]), "exact")
    nll, per_step, bits = likelihood_metrics([estimate], SPEC, lengths=torch.tensor([1, 9]), step="frame")
    assert (nll.value, nll.unit) == (16.0, "nats")
    assert (per_step.name, per_step.unit) == ("nats_per_step", "nats/frame")
    assert per_step.value == pytest.approx(32 / 10)
    assert bits.value == pytest.approx(32 / 10 / 3 / math.log(2))


def test_text_has_bits_per_character_too() -> None:
    estimate = LikelihoodEstimate(torch.tensor([-8.0, -16.0, -12.0]), "exact")
    text = DataSpec(name="t", modality="tokens", event_shape=(4,), levels=9)
    _, nats, bits, _ = likelihood_metrics([estimate], text, step="character")
    assert (nats.name, nats.unit, nats.value) == ("nats_per_step", "nats/character", pytest.approx(3.0))
    assert (bits.name, bits.unit) == ("bits_per_step", "bits/character")
    assert (bits.value, bits.stderr) == (
        pytest.approx(3 / math.log(2)),
        pytest.approx(nats.stderr / math.log(2)),
    )


def test_data_of_one_shape_have_a_value_per_step_too_and_points_none() -> None:
    estimate = LikelihoodEstimate(torch.tensor([-8.0, -16.0, -12.0]), "exact")
    windows = DataSpec(name="w", modality="series", event_shape=(4, 2))
    nll, per_step = likelihood_metrics([estimate], windows, step="month")
    assert per_step.value == pytest.approx(3.0)
    assert per_step.stderr == pytest.approx((nll.stderr or 0.0) / 4)
    points = DataSpec(name="p", modality="points", event_shape=(4,))
    assert [m.name for m in likelihood_metrics([estimate], points, step=None)] == ["negative_log_likelihood"]


def test_the_error_of_a_ratio_covers_it() -> None:
    """The spread of the ratio over repeated draws is what its standard error says. Pieces that cost the same per step
    have none, however much their lengths differ."""
    generator = torch.Generator().manual_seed(0)
    steps = torch.randint(1, 40, (400, 200), generator=generator)
    values = steps * 2.0 + steps.sqrt() * torch.randn(400, 200, generator=generator)
    ratios = values.sum(1) / steps.sum(1)
    linear = torch.stack([per_step_values(v, n) for v, n in zip(values, steps, strict=True)])
    assert torch.allclose(linear.mean(1), ratios.double())
    claimed = linear.std(1).mean() / math.sqrt(200)
    assert float(claimed / ratios.std()) == pytest.approx(1.0, abs=0.12)
    assert per_step_values(2.0 * steps[0], steps[0]).std() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("wrong", [0.0, 0.5])
def test_the_audit_of_pieces_sees_padding_that_costs(wrong: float) -> None:
    data = tiny_dataset(SPEC)
    model = Marginals(SPEC).eval()
    model.fit(data.train, ComputeMeter(Budget(steps=1)))
    assert data.test.lengths is not None
    x, lengths = data.test.tensor(), data.test.lengths
    reported = model.log_prob(x, lengths) - wrong * (9 - lengths)
    spec = DataSpec(name="rolls", modality="pianoroll", event_shape=(4, 3), levels=2)
    audit = audit_pieces(model, Pieces(x, lengths), reported, spec, seed=0)
    assert audit is not None
    failed = [check.name for check in audit.failures]
    assert failed == ([] if wrong == 0 else [PADDING])
