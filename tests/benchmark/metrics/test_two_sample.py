"""Two-sample tests: against scikit-learn, loops, and what each can and cannot tell apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

from genbench.api.data import Split
from genbench.api.spec import DataSpec
from genbench.features import Extractor
from genbench.metrics.scoring import ScoringInputs
from genbench.metrics.two_sample import (
    classifier_accuracy,
    fit_logistic_regression,
    nearest_neighbour_accuracy,
    score_two_sample,
)


def draw(count: int, dim: int, seed: int, scale: float = 1.0, shift: float = 0.0) -> Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed)) * scale + shift


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("dim", "shift"), [(1, 0.0), (2, 0.5), (20, 1.0)])
def test_nearest_neighbour_equals_scikit_learn(dim: int, shift: float) -> None:
    x, y = draw(60, dim, 0, shift=shift), draw(60, dim, 1)
    labels = np.repeat([1, 0], 60)
    expected = cross_val_score(
        KNeighborsClassifier(1), torch.cat([x, y]).double().numpy(), labels, cv=LeaveOneOut()
    )
    assert nearest_neighbour_accuracy(x, y).value.item() == pytest.approx(expected.mean())


def test_nearest_neighbour_of_copies_is_the_other_side() -> None:
    """Below a half: what copies of the reference look like. Half a hit where both are as near."""
    x = draw(50, 4, 0)
    assert nearest_neighbour_accuracy(x, x.flip(0)).value == 0.0
    assert nearest_neighbour_accuracy(x + 1e-3 * draw(50, 4, 1), x).value == 0.0
    assert nearest_neighbour_accuracy(x.repeat(2, 1), x.repeat(2, 1)).value == 0.5
    assert nearest_neighbour_accuracy(torch.zeros(20, 3), torch.zeros(20, 3)).value == 0.5


def test_collapse_is_told_apart() -> None:
    reference = draw(200, 2, 0)
    assert nearest_neighbour_accuracy(draw(200, 2, 1, 0.01), reference).value > 0.95
    assert nearest_neighbour_accuracy(draw(200, 2, 1, shift=100.0), reference).value == 1.0


def test_sets_of_unequal_size_are_made_equal() -> None:
    """Otherwise guessing the larger would beat a coin."""
    few, many = draw(100, 2, 0), draw(1000, 2, 1)
    assert abs(nearest_neighbour_accuracy(few, many).value - 0.5) < 0.2
    assert abs(classifier_accuracy(few, many, seeded()).value - 0.5) < 0.2


@pytest.mark.parametrize("penalty", [0.1, 1.0, 100.0])
def test_logistic_regression_equals_scikit_learn(penalty: float) -> None:
    x = draw(200, 6, 0).double()
    labels = (x @ torch.linspace(-2, 2, 6).double() + draw(200, 1, 1)[:, 0] > 0.3).double()
    peer = LogisticRegression(C=1 / penalty, fit_intercept=False, tol=1e-10, max_iter=1000)
    peer.fit(x.numpy(), labels.numpy())
    found = fit_logistic_regression(x, labels, penalty)
    np.testing.assert_allclose(found.numpy(), peer.coef_[0], rtol=1e-4, atol=1e-6)


def test_logistic_regression_of_separable_sets_stays_finite() -> None:
    x = torch.cat([draw(50, 3, 0, shift=10.0), draw(50, 3, 1, shift=-10.0)]).double()
    labels = torch.cat([torch.ones(50), torch.zeros(50)]).double()
    weights = fit_logistic_regression(x, labels, 1.0)
    assert weights.isfinite().all()
    assert (((x @ weights) > 0) == (labels > 0)).all()


def test_classifier_sees_means_and_spreads() -> None:
    """A linear one would not see the second."""
    reference = draw(400, 6, 0)
    assert classifier_accuracy(draw(400, 6, 1, shift=0.5), reference, seeded()).value > 0.65
    assert classifier_accuracy(draw(400, 6, 1, scale=2.0), reference, seeded()).value > 0.75
    alike = [classifier_accuracy(draw(200, 6, 2 * s), draw(200, 6, 2 * s + 1), seeded(s)) for s in range(20)]
    mean = torch.stack([estimate.value for estimate in alike]).mean()
    assert mean.item() == pytest.approx(0.5, abs=0.025)


def test_classifier_repeats_itself_and_takes_constant_features() -> None:
    x, y = draw(50, 3, 0, shift=0.3), draw(50, 3, 1)
    assert classifier_accuracy(x, y, seeded()) == classifier_accuracy(x, y, seeded())
    constant = torch.full((50, 1), 7.0)
    assert classifier_accuracy(constant, constant, seeded()).value == 0.5


def test_the_figure_says_on_which_side_of_a_coin_toss() -> None:
    x, far = draw(50, 2, 0), draw(50, 2, 1, shift=9.0)
    pairs = {"near": x + 1e-3 * draw(50, 2, 2), "far": far, "like": draw(50, 2, 3)}
    notes = {}
    for name, samples in pairs.items():
        extractor = Extractor("same", "1", lambda each: each)
        spec = DataSpec(name="toy", modality="points", event_shape=(2,))
        inputs = ScoringInputs(
            spec=spec, samples=samples, reference=x, train=Split(spec, x), extractor=extractor
        )
        notes[name] = score_two_sample(inputs)[0].note
    assert notes == {
        "near": "accuracy 0.00, below 1/2: the nearest neighbours are of the other set",
        "far": None,
        "like": None,
    }


def test_too_few() -> None:
    with pytest.raises(ValueError, match="1 and 9 examples: needs at least 2"):
        nearest_neighbour_accuracy(draw(1, 2, 0), draw(9, 2, 1))
    with pytest.raises(ValueError, match="9 and 4 examples: needs at least 5"):
        classifier_accuracy(draw(9, 2, 0), draw(4, 2, 1), seeded())
