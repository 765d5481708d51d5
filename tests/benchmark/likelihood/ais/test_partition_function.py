"""Partition functions against sums over every state of the hidden units."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from genbench.api.model import HasEnergy
from genbench.errors import PluginError
from genbench.likelihood.ais.base_rate_rbm import BinaryBaseRateRBM, GaussianBaseRateRBM
from genbench.likelihood.ais.partition_function import (
    annealing_betas,
    estimate_partition_function,
    summarise_weights,
)

WIDE = torch.float64


def every_state(units: int) -> Tensor:
    """(2^units, units)."""
    index = torch.arange(2**units)
    return ((index.unsqueeze(1) >> torch.arange(units)) & 1).to(WIDE)


def binary_rbm(visible: int, hidden: int, strength: float, seed: int = 0) -> BinaryBaseRateRBM:
    generator = torch.Generator().manual_seed(seed)
    weights = strength * torch.randn(visible, hidden, generator=generator, dtype=WIDE)
    bias, other = (torch.randn(n, generator=generator, dtype=WIDE) for n in (visible, hidden))
    return BinaryBaseRateRBM(weights, bias, other - 1, bias + 0.5)


def binary_log_z(rbm: BinaryBaseRateRBM) -> float:
    """Summed over hidden states, the visible units in closed form."""
    h = every_state(len(rbm.hidden_bias))
    visible = torch.nn.functional.softplus(rbm.visible_bias + h @ rbm.weights.T).sum(1)
    return float(torch.logsumexp(h @ rbm.hidden_bias + visible, 0))


def gaussian_rbm() -> GaussianBaseRateRBM:
    generator = torch.Generator().manual_seed(1)
    weights = 0.6 * torch.randn(6, 15, generator=generator, dtype=WIDE)
    bias, scale = torch.randn(6, generator=generator, dtype=WIDE), torch.linspace(0.5, 2, 6, dtype=WIDE)
    hidden = torch.randn(15, generator=generator, dtype=WIDE) - 1
    return GaussianBaseRateRBM(weights, bias, scale, hidden, bias + 0.3, 1.5 * scale)


def gaussian_log_z(rbm: GaussianBaseRateRBM) -> float:
    h = every_state(15)
    centre = rbm.visible_bias + rbm.scale * (h @ rbm.weights.T)
    exponent = 0.5 * (centre.square() - rbm.visible_bias.square()) / rbm.scale.square()
    volume = 0.5 * math.log(2 * math.pi) + rbm.scale.log()
    return float(torch.logsumexp(h @ rbm.hidden_bias + (exponent + volume).sum(1), 0))


@pytest.mark.parametrize("visible", [12, 40])
@pytest.mark.parametrize("strength", [0.1, 0.7])
def test_log_z_of_fifteen_hidden_units_is_the_brute_force_sum(visible: int, strength: float) -> None:
    rbm = binary_rbm(visible, 15, strength)
    assert isinstance(rbm, HasEnergy)
    exact = binary_log_z(rbm)
    found = estimate_partition_function(
        rbm, chains=100, betas=annealing_betas(400), generator=torch.Generator().manual_seed(0)
    )
    assert found.log_z == pytest.approx(exact, abs=0.1)
    assert found.lower <= exact <= found.upper
    assert found.within < 0.3


def test_log_z_with_gaussian_visible_units() -> None:
    rbm = gaussian_rbm()
    assert isinstance(rbm, HasEnergy)
    exact = gaussian_log_z(rbm)
    found = estimate_partition_function(
        rbm, chains=100, betas=annealing_betas(600), generator=torch.Generator().manual_seed(0)
    )
    assert found.log_z == pytest.approx(exact, abs=0.15)
    assert found.lower <= exact <= found.upper


def test_the_path_begins_at_the_base_and_ends_at_the_machine() -> None:
    rbm = binary_rbm(5, 3, 0.7)
    v = every_state(5)
    base = torch.logsumexp(rbm.log_unnormalised(v, 0.0), 0)
    assert float(base) == pytest.approx(rbm.base_log_partition())
    assert float(torch.logsumexp(rbm.log_unnormalised(v), 0)) == pytest.approx(binary_log_z(rbm))
    marginals = rbm.sample_base(20_000, torch.Generator().manual_seed(0)).mean(0)
    torch.testing.assert_close(marginals, rbm.base_bias.sigmoid(), rtol=0, atol=0.02)


@pytest.mark.parametrize("beta", [0.3, 1.0])
def test_gibbs_steps_leave_the_tempered_distribution_as_it_is(beta: float) -> None:
    rbm = binary_rbm(4, 3, 1.0)
    states = every_state(4)
    probability = rbm.log_unnormalised(states, beta).softmax(0)
    generator = torch.Generator().manual_seed(0)
    count = 40_000
    v = states[torch.multinomial(probability, count, replacement=True, generator=generator)]
    v = rbm.tempered_step(v, beta, generator)
    index = (v * 2 ** torch.arange(4)).sum(1).long()
    observed = torch.bincount(index, minlength=16) / count
    error = (probability * (1 - probability) / count).sqrt()
    assert ((observed - probability).abs() < 5 * error + 1e-4).all()


def test_gaussian_gibbs_steps_leave_mean_and_variance_as_they_are() -> None:
    rbm = gaussian_rbm()
    generator = torch.Generator().manual_seed(0)
    v = rbm.sample_base(20_000, generator)
    for _ in range(30):
        v = rbm.tempered_step(v, 0.6, generator)
    before = v.mean(0), v.std(0)
    for _ in range(5):
        v = rbm.tempered_step(v, 0.6, generator)
    assert ((v.mean(0) - before[0]).abs() < 0.06 * before[1]).all()
    torch.testing.assert_close(v.std(0), before[1], rtol=0.05, atol=0)
    # the density says the same as the chain: weights from one to the other average to 1
    log_ratio = rbm.log_unnormalised(v, 0.62) - rbm.log_unnormalised(v, 0.6)
    assert log_ratio.isfinite().all()


def test_the_interval_is_of_three_standard_errors_of_the_mean_weight() -> None:
    log_weights = torch.log(torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=WIDE)) + 1000
    found = summarise_weights(log_weights)
    error = torch.tensor([1.0, 2.0, 3.0, 4.0]).std().item() / 2
    assert found.log_z == pytest.approx(1000 + math.log(2.5))
    assert found.upper == pytest.approx(1000 + math.log(2.5 + 3 * error))
    assert found.lower == pytest.approx(1000 + math.log(2.5 - 3 * error))
    uneven = summarise_weights(torch.tensor([0.0, 100.0], dtype=WIDE))
    assert uneven.lower == -math.inf
    assert uneven.within == math.inf


def test_temperatures_are_denser_towards_the_machine() -> None:
    for steps in (3, 100, 14_500):
        betas = annealing_betas(steps)
        assert betas[0] == 0.0
        assert betas[-1] == 1.0
        assert list(betas) == sorted(set(betas))
        assert steps <= len(betas) - 1 <= steps + 3
    assert betas[500] == pytest.approx(0.5)
    assert betas[4500] == pytest.approx(0.9)


def test_bad_states_are_told_how() -> None:
    class Few(BinaryBaseRateRBM):
        def sample_base(self, count: int, generator: torch.Generator) -> Tensor:
            return super().sample_base(count - 1, generator)

    rbm = binary_rbm(4, 3, 0.1)
    few = Few(rbm.weights, rbm.visible_bias, rbm.hidden_bias, rbm.base_bias)
    with pytest.raises(PluginError, match=r"sample_base\(10\) returned 9 states"):
        estimate_partition_function(few, chains=10, betas=(0.0, 1.0), generator=torch.Generator())
    with pytest.raises(ValueError, match="at least 2"):
        estimate_partition_function(rbm, chains=1, betas=(0.0, 1.0), generator=torch.Generator())
