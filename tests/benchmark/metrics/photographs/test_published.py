"""CMMD against its formula over all pairs; FLD against values of the authors' code, and what it is made for."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from genbench import DataSpec, ScoringInputs, Split
from genbench.features.extractor import Extractor
from genbench.metrics.cards import METRIC_CARDS
from genbench.metrics.photographs.cmmd import cmmd
from genbench.metrics.photographs.feature_likelihood import (
    _nats_per_feature,
    _standardised,
    feature_likelihood_divergence,
)
from genbench.metrics.scoring import score

DRAW = torch.Generator().manual_seed(0)
TRAIN, TEST, GOOD = (torch.randn(count, 6, generator=DRAW) for count in (400, 300, 300))
NEAR = TRAIN[:300] + 0.3 * torch.randn(300, 6, generator=DRAW)
NOISE = 3 * torch.randn(300, 6, generator=DRAW)


def divergence(samples: torch.Tensor) -> float:
    return float(feature_likelihood_divergence(TRAIN, TEST, samples, torch.Generator().manual_seed(1)).value)


@pytest.mark.parametrize(
    ("samples", "of_the_authors"),
    [(GOOD, 1.506598), (NEAR, 1.657311), (NOISE, 2.199408)],
    ids=["good", "near", "noise"],
)
def test_the_likelihood_is_that_of_the_authors_code(samples: torch.Tensor, of_the_authors: float) -> None:
    """Values of `MoG` in github.com/marcojira/fld at commit ffbbf20 for the same numbers."""
    train, test, centres = _standardised(TRAIN, TEST, samples)
    assert _nats_per_feature(centres, train, test).mean().item() == pytest.approx(of_the_authors, abs=1e-3)


def test_copies_are_worse_than_noise_and_noise_is_worse_than_real_data() -> None:
    assert abs(divergence(GOOD)) < 5
    assert divergence(NOISE) > 30
    assert divergence(TRAIN[:300]) > 1000


def test_cmmd_is_its_formula_over_all_pairs_and_its_error_what_it_varies_by() -> None:
    def mean_kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.exp(-torch.cdist(a.double(), b.double()).square() / 200).mean()

    x, y = F.normalize(TRAIN, dim=1), F.normalize(TEST + 0.2, dim=1)
    expected = 1000 * (mean_kernel(x, x) + mean_kernel(y, y) - 2 * mean_kernel(x, y))
    assert cmmd(x, y).value.item() == pytest.approx(expected.item(), rel=1e-6)
    draws = [
        cmmd(
            F.normalize(torch.randn(60, 6, generator=DRAW) + 1, dim=1),
            F.normalize(torch.randn(80, 6, generator=DRAW), dim=1),
        )
        for _ in range(100)
    ]
    spread = torch.stack([each.value for each in draws]).std().item()
    assert torch.stack([each.stderr for each in draws]).mean().item() == pytest.approx(spread, rel=0.25)


def test_a_metric_of_certain_extractors_is_left_out_with_another() -> None:
    spec = DataSpec(name="images", modality="image", event_shape=(1, 2, 3), levels=256)
    x = torch.randint(256, (40, 1, 2, 3), generator=DRAW)

    def scored(extractor: str) -> list[str]:
        inputs = ScoringInputs(
            spec=spec,
            samples=x[:20],
            reference=x[20:],
            train=Split(spec, x.to(torch.uint8)),
            extractor=Extractor(extractor, "0", lambda some: F.normalize(some.flatten(1).float(), dim=1)),
        )
        cards = [card for card in METRIC_CARDS if card.name in ("cmmd", "fld")]
        values = score(cards, inputs)
        assert all(value.value is not None for value in values), values
        return [value.name for value in values]

    assert scored("clip") == ["cmmd", "fld"]
    assert scored("dinov2") == ["fld"]
    assert scored("pca") == []
