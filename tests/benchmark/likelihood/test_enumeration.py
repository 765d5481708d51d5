"""Decoders of so few values that all of them can be counted up: annealed probabilities sum to 1."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from toy_decoders import SymbolDecoder

from genbench.api.data import DataSpec, Split, storage_dtype
from genbench.api.model import decoded_shape
from genbench.errors import PluginError
from genbench.likelihood.ais.decoder import AnnealingSettings, DecoderAnnealing
from genbench.likelihood.ais.decoder_observation import (
    DecoderObservation,
    DiscretisedLogistic,
    MixedCategorical,
    decoder_observation,
)

BITS = DataSpec(name="bits", modality="points", event_shape=(3,), levels=2)
LEVELS = DataSpec(name="levels", modality="points", event_shape=(2,), levels=4)
TOKENS = DataSpec(name="tokens", modality="tokens", event_shape=(2,), levels=3)


def drawn(model: SymbolDecoder, count: int, seed: int) -> Split:
    """Data of the model, under half a level of noise or a tenth of all symbols replaced."""
    spec = model.spec
    generator = torch.Generator().manual_seed(seed)
    zeros = Split(spec, torch.zeros((2, *spec.event_shape), dtype=storage_dtype(spec)))
    noise = decoder_observation(spec, zeros)
    mean = model.decode(torch.randn(count, 1, generator=generator)).detach()
    x = noise.sample(mean, torch.tensor(math.log(0.5 if spec is LEVELS else 0.1)), generator)
    return Split(spec, x.to(storage_dtype(spec)))


def by_grid(model: SymbolDecoder, annealing: DecoderAnnealing, x: Tensor) -> Tensor:
    """log p(x) by integration over the latent."""
    z, log_mass = model.grid()
    log_scale = torch.tensor(math.log(annealing.scale.scale))
    with torch.no_grad():
        each = annealing.observation.log_prob(x.unsqueeze(1), model.decode(z).unsqueeze(0), log_scale)
    return torch.logsumexp(each.double().flatten(2).sum(2) + log_mass, 1)


@pytest.mark.parametrize(
    ("spec", "observation"),
    [
        (BITS, None),
        pytest.param(LEVELS, None, marks=pytest.mark.slow),
        pytest.param(LEVELS, DiscretisedLogistic(4), marks=pytest.mark.slow),
        (TOKENS, None),
    ],
    ids=["bits", "gaussian", "logistic", "tokens"],
)
def test_annealed_probabilities_of_all_values_sum_to_one(
    spec: DataSpec, observation: DecoderObservation | None
) -> None:
    model = SymbolDecoder(spec)
    annealing = DecoderAnnealing.prepare(
        model,
        drawn(model, 400, 1),
        drawn(model, 100, 2),
        AnnealingSettings(6, 32, 40),
        seed=0,
        observation=observation,
    )
    every = model.every_example()
    found = annealing.log_likelihood(every, "all")
    exact = by_grid(model, annealing, every)
    assert float(exact.exp().sum()) == pytest.approx(1, abs=1e-3)
    assert float(found.exp().sum()) == pytest.approx(1, abs=0.03)
    weighted = float((exact.exp() * (found - exact)).sum())  # the mean error on data of the model
    assert abs(weighted) < 0.05
    assert -0.1 < annealing.gap().nats < 1.0  # backward, a single chain an example


def test_the_harness_puts_on_tokens_what_the_contract_asks_decoders_for() -> None:
    for spec in (BITS, LEVELS, TOKENS):
        chosen = decoder_observation(spec, drawn(SymbolDecoder(spec), 50, 0))
        assert chosen.mean_shape(spec.event_shape) == decoded_shape(spec)
    assert isinstance(chosen, MixedCategorical)


def test_numbers_that_are_no_probabilities_are_refused() -> None:
    class Logits(SymbolDecoder):
        def decode(self, z: Tensor) -> Tensor:
            return super().decode(z).log()

    data = drawn(SymbolDecoder(TOKENS), 60, 0)
    with pytest.raises(PluginError, match="not probabilities"):
        DecoderAnnealing.prepare(Logits(TOKENS), data, data, AnnealingSettings(4, 2, 5), seed=0)


@pytest.mark.parametrize("scale", [1e-4, 0.3, 0.95])
def test_categorical_scores_are_the_derivatives_and_draws_have_the_probabilities(scale: float) -> None:
    observation = MixedCategorical(5)
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(6, 4, 3, 5, generator=generator).double().softmax(-1).requires_grad_()
    x = torch.randint(0, 5, (6, 1, 3), generator=generator)
    log_scale = torch.full((6, 1, 1), math.log(scale), dtype=torch.float64)
    value = observation.log_prob(x, mean, log_scale)
    assert value.shape == (6, 4, 3)
    (expected,) = torch.autograd.grad(value.sum(), mean)
    torch.testing.assert_close(observation.score(x, mean.detach(), log_scale), expected)

    one = mean.detach()[0, 0, 0]
    draws = observation.sample(one.expand(20_000, 1, 5), log_scale[0], generator)
    every = torch.arange(5).reshape(5, 1)
    probability = observation.log_prob(every, one.expand(5, 1, 5), log_scale[0]).exp()[:, 0]
    assert float(probability.sum()) == pytest.approx(1)
    shares = torch.bincount(draws.flatten(), minlength=5) / 20_000
    torch.testing.assert_close(shares.double(), probability, rtol=0, atol=0.015)
