"""Statistics of a few seeds, against scipy.stats."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from genbench_reports.statistics.seeds import Estimate, adjust_by_holm, competition_ranks

finite = st.floats(-1e6, 1e6, allow_nan=False)
whole = st.integers(-1000, 1000).map(float)


def by_seed(values: list[float] | np.ndarray) -> dict[int, float]:
    return {seed: float(value) for seed, value in enumerate(values)}


@given(st.lists(whole, min_size=2, max_size=12))
def test_mean_and_standard_error_are_scipys(values: list[float]) -> None:
    estimate = Estimate(by_seed(values))
    assert estimate.mean == pytest.approx(np.mean(values), abs=1e-9)
    assert estimate.stderr == pytest.approx(scipy.stats.sem(values), rel=1e-9, abs=1e-9)


def test_one_seed_has_no_standard_error() -> None:
    assert Estimate({7: 1.5}).stderr is None


def test_equal_values_have_an_error_of_exactly_zero() -> None:
    assert Estimate(by_seed([0.1] * 3)).stderr == 0.0


def test_values_near_the_largest_float_do_not_overflow() -> None:
    assert Estimate(by_seed([1.7e308, 1.6e308, 1.5e308])).mean == pytest.approx(1.6e308)


@given(st.lists(finite, min_size=1, max_size=20))
def test_ranks_are_competition_ranks(values: list[float]) -> None:
    assert competition_ranks(values) == scipy.stats.rankdata(values, method="min").astype(int).tolist()


def test_holms_correction_by_hand() -> None:
    assert adjust_by_holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjust_by_holm([]) == []
    assert adjust_by_holm([0.9, 0.8]) == [1.0, 1.0]
