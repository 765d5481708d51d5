"""Kernel density: right about densities, and wrong about models, as its label says."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn.neighbors import KernelDensity
from torch import Tensor

from genbench.api.data import DataSpec, Split
from genbench.features import Extractor
from genbench.metrics.cards import METRIC_CARDS
from genbench.metrics.parzen import KIND, UNSOUND, choose_bandwidth, parzen_log_likelihood, score_parzen
from genbench.metrics.scoring import ScoringInputs


def normal(count: int, dimension: int, seed: int, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(count, dimension, generator=torch.Generator().manual_seed(seed))


def test_it_is_scikit_learn_s() -> None:
    x, samples = normal(1300, 3, 0), normal(1500, 3, 1)  # more than one tile
    for bandwidth in (0.4, 3.0):  # below, theirs gives up in the tails
        expected = KernelDensity(bandwidth=bandwidth, rtol=1e-8).fit(samples.numpy()).score_samples(x.numpy())
        found = parzen_log_likelihood(x, samples, bandwidth)
        torch.testing.assert_close(found, torch.from_numpy(expected), rtol=1e-5, atol=1e-4)


def test_the_bandwidth_is_the_best_of_a_fine_grid() -> None:
    valid, samples = normal(300, 2, 0), normal(400, 2, 1)
    chosen = choose_bandwidth(valid, samples)
    grid = torch.logspace(-2, 1, 301).tolist()
    best = max(grid, key=lambda bandwidth: float(parzen_log_likelihood(valid, samples, bandwidth).mean()))
    assert chosen == pytest.approx(best, rel=0.03)


def test_it_never_ranks_and_its_label_says_unsound() -> None:
    (card,) = (card for card in METRIC_CARDS if card.name == "parzen_log_likelihood")
    assert card.better == "neither"
    assert "unsound: orders models wrongly" in card.summary
    spec = DataSpec(name="points", modality="points", event_shape=(2,))
    valid = Split(spec, normal(50, 2, 3))

    def scored(samples: Tensor, chosen: Split | None) -> ScoringInputs:
        extractor = Extractor("values", "0", lambda x: x.flatten(1).float())
        train = Split(spec, normal(60, 2, 4))
        return ScoringInputs(spec, samples, normal(60, 2, 2), train, extractor, valid=chosen)

    (figure,) = score_parzen(scored(normal(60, 2, 1), valid))
    assert figure.value is not None
    assert -4 < figure.value < -2
    assert figure.stderr is not None
    assert (figure.kind, figure.note, figure.better) == (KIND, UNSOUND, "neither")
    for samples, chosen, why in (
        (normal(1, 2, 1), valid, "1 samples, needs at least 2"),
        (normal(60, 2, 1), None, "no validation examples"),
        (torch.full((60, 2), torch.nan), valid, "not all finite"),
    ):
        (figure,) = score_parzen(scored(samples, chosen))
        assert figure.value is None
        assert why in (figure.note or "")


def test_it_reverses_the_order_of_two_models() -> None:
    """The truth is N(0, I) in 60 dimensions. A model that *is* the truth loses to one that has collapsed to a
    third of its spread, whose true log-likelihood is worse by hundreds of nats."""
    dimension, count = 60, 1000
    valid, test = normal(400, dimension, 0), normal(400, dimension, 1)

    def parzen(samples: Tensor) -> float:
        return float(parzen_log_likelihood(test, samples, choose_bandwidth(valid, samples)).mean())

    def exact(scale: float) -> float:
        return float(torch.distributions.Normal(0.0, scale).log_prob(test).sum(1).mean())

    truth, collapsed = normal(count, dimension, 2), normal(count, dimension, 3, scale=0.3)
    assert exact(1.0) > exact(0.3) + 200
    assert parzen(collapsed) > parzen(truth) + 2
    assert math.isfinite(parzen(truth))
