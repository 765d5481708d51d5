"""Class balance and entropies against scipy, enumeration and resampling."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch
from scipy.stats import entropy
from torch import Tensor

from genbench.api.data import Split
from genbench.api.spec import DataSpec
from genbench.features import Extractor
from genbench.metrics.cards import METRIC_CARDS
from genbench.metrics.conditional.class_balance import (
    class_balance,
    class_counts,
    class_entropies,
    expected_balance,
    score_class_balance,
)
from genbench.metrics.scoring import ScoringInputs

SPEC = DataSpec(name="toy", modality="image", event_shape=(1, 1, 4), levels=256)
NAMES = ["class_balance", "class_entropy", "predictive_entropy", "class_information"]


def logits(count: int, seed: int = 0, classes: int = 4) -> Tensor:
    return 3 * torch.randn(count, classes, generator=torch.Generator().manual_seed(seed))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def one_hot(*labels: int) -> Tensor:
    return 100.0 * torch.eye(4)[list(labels)]


def test_balance_of_counted_classes() -> None:
    found = class_balance(one_hot(0, 0, 1, 2), one_hot(0, 1, 2, 3), generator())
    assert float(found.value) == pytest.approx(0.25)  # a quarter too many zeros, no threes
    assert float(class_balance(one_hot(0, 0), one_hot(3), generator()).value) == 1.0
    assert class_counts(one_hot(3, 3, 0)).tolist() == [1, 0, 0, 2]


def test_entropies_equal_scipys() -> None:
    x = logits(200)
    p = np.exp(x.double().numpy())
    p /= p.sum(1, keepdims=True)
    found = class_entropies(x)
    whole, own = entropy(p.mean(0)), entropy(p, axis=1).mean()
    assert float(found.class_entropy.value) == pytest.approx(whole, rel=1e-9)
    assert float(found.predictive_entropy.value) == pytest.approx(own, rel=1e-9)
    assert float(found.class_information.value) == pytest.approx(whole - own, rel=1e-9)
    # Salimans et al.: the mean divergence from the mean, whose exponential is the score
    divergence = entropy(p, np.broadcast_to(p.mean(0), p.shape), axis=1).mean()
    assert float(found.class_information.value) == pytest.approx(divergence, rel=1e-9)


def test_certain_and_balanced_classes_have_all_the_information() -> None:
    found = class_entropies(one_hot(0, 1, 2, 3))
    assert float(found.class_information.value) == pytest.approx(np.log(4))
    assert float(found.predictive_entropy.value) == pytest.approx(0.0, abs=1e-9)
    collapsed = class_entropies(one_hot(2, 2, 2))
    assert float(collapsed.class_information.value) == pytest.approx(0.0, abs=1e-9)


def test_standard_errors_equal_the_spread_over_fresh_samples() -> None:
    fresh = [logits(100, seed) for seed in range(300)]
    all_of = [class_entropies(x) for x in fresh]
    for name in NAMES[1:]:
        values = torch.stack([getattr(found, name).value for found in all_of])
        claimed = torch.stack([getattr(found, name).stderr for found in all_of]).mean()
        # of the uniform classes' entropy only second-order terms are left: no more than an upper bound there
        assert float(claimed) == pytest.approx(
            float(values.std()), rel=0.25 if name != "class_entropy" else 0.6
        )
    balances = [class_balance(a, b, generator()) for a, b in zip(fresh[::2], fresh[1::2], strict=True)]
    values = torch.stack([found.value for found in balances])
    assert float(balances[0].stderr) == pytest.approx(float(values.std()), rel=0.35)
    floor = expected_balance(torch.tensor([25, 25, 25, 25]), 100, generator())
    assert float(floor) == pytest.approx(float(values.mean()), rel=0.1)


def inputs(extractor: Extractor, count: int = 50) -> ScoringInputs:
    x = torch.randint(256, (2, count, 1, 1, 4), generator=generator())
    return ScoringInputs(
        spec=SPEC, samples=x[0], reference=x[1], train=Split(SPEC, x[1].to(torch.uint8)), extractor=extractor
    )


def flat(x: Tensor) -> Tensor:
    return x.flatten(1).float() / 50


def test_records_have_reference_error_and_extractor() -> None:
    extractor = Extractor("mine", "1", flat, lambda f: f)
    found = score_class_balance(inputs(extractor))
    cards = {card.name: card for card in METRIC_CARDS}
    assert [figure.name for figure in found] == NAMES
    for figure in found:
        assert figure.value is not None
        assert figure.stderr is not None
        assert figure.real is not None
        assert figure.extractor == "mine:1"
        assert (figure.unit, figure.better) == (cards[figure.name].unit, cards[figure.name].better)
    assert found == score_class_balance(inputs(extractor))
    msgspec.json.encode(found)


def test_without_a_head_nothing_is_said() -> None:
    assert score_class_balance(inputs(Extractor("mine", "1", flat))) == []


@pytest.mark.parametrize(
    ("extractor", "count", "note"),
    [
        (Extractor("mine", "1", flat, lambda f: f), 1, "1 samples, needs at least 2"),
        (Extractor("mine", "1", flat, lambda f: f * torch.nan), 50, "logits are not all finite"),
        (
            Extractor("mine", "1", lambda x: flat(x) / 0, lambda f: f),
            50,
            "features of the samples are not all",
        ),
    ],
)
def test_what_cannot_be_had_is_a_note(extractor: Extractor, count: int, note: str) -> None:
    found = score_class_balance(inputs(extractor, count))
    assert [figure.value for figure in found] == [None] * 4
    assert all(note in (figure.note or "") for figure in found)
