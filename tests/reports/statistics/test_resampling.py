"""Bootstrap intervals and permutation tests, against enumeration, closed forms and scipy's other tests."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genbench_reports.statistics.resampling import (
    bootstrap_interval,
    few_pairs,
    paired_test,
    sign_flip_test,
    smallest_p,
)

whole = st.integers(-50, 50).map(float)


def flipped_p(differences: list[float]) -> float:
    """By going through all signs: twice the smaller tail."""
    sums = [
        math.fsum(sign * value for sign, value in zip(signs, differences, strict=True))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    seen = math.fsum(differences)
    tails = [np.mean([total >= seen for total in sums]), np.mean([total <= seen for total in sums])]
    return min(1.0, 2 * min(tails))


@settings(max_examples=40, deadline=None)
@given(st.lists(whole, min_size=1, max_size=8))
@example([3.0, -39.0, 3.0, 33.0])  # their scaled sum is 0 but for rounding
def test_the_sign_flip_test_is_the_enumeration(differences: list[float]) -> None:
    found = sign_flip_test(differences)
    assert found.exact
    assert found.p == pytest.approx(flipped_p(differences))
    assert found.p >= found.smallest_p
    assert found.difference == pytest.approx(np.mean(differences))


@pytest.mark.parametrize(("n", "least"), [(1, 1.0), (3, 0.25), (5, 0.0625), (6, 0.03125)])
def test_the_smallest_p_is_reached_by_differences_of_one_sign(n: int, least: float) -> None:
    found = sign_flip_test([1.0 + 0.1 * index for index in range(n)])
    assert found.p == found.smallest_p == smallest_p(n) == least


def test_few_pairs_say_what_cannot_be_shown() -> None:
    sentence = few_pairs(3, "seed")
    assert sentence is not None
    assert "3 seeds" in sentence
    assert "0.25" in sentence
    assert "takes 6" in sentence
    assert few_pairs(5) is not None
    assert few_pairs(6) is None
    corrected = few_pairs(6, "seed", comparisons=10)
    assert corrected is not None
    assert "0.31 after Holm's correction for 10 comparisons" in corrected
    assert "takes 9 seeds" in corrected
    assert few_pairs(9, comparisons=10) is None
    assert paired_test({0: 1.0, 1: 2.0}, {0: 0.0, 1: 0.0}).limit == few_pairs(2)


def test_many_pairs_are_sampled_and_agree_with_the_t_test() -> None:
    generator = np.random.default_rng(3)
    differences = generator.normal(0.35, 1.0, size=40)
    found = sign_flip_test(differences.tolist())
    assert not found.exact
    assert found.p == pytest.approx(scipy.stats.ttest_1samp(differences, 0).pvalue, abs=0.01)
    assert sign_flip_test(differences.tolist()) == found


def test_pairs_are_those_that_both_have() -> None:
    found = paired_test({0: 1.0, 1: 2.0, 2: 4.0, 7: 100.0}, {0: 0.5, 1: 1.0, 2: 1.0, 8: -100.0})
    assert (found.n, found.difference) == (3, pytest.approx(1.5))
    assert found.p == 0.25
    with pytest.raises(ValueError, match="in common"):
        paired_test({0: 1.0}, {1: 1.0})


def test_equal_values_have_p_1() -> None:
    assert sign_flip_test([0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).p == 1.0


def test_false_alarms_of_the_permutation_test_are_bounded() -> None:
    generator = np.random.default_rng(0)
    first, second = generator.exponential(size=(2, 400, 6))
    p = np.array([sign_flip_test(row).p for row in (first - second).tolist()])
    assert (p <= 0.05).mean() < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)
    assert (p <= 0.05).any()


@settings(max_examples=25, deadline=None)
@given(st.lists(whole, min_size=1, max_size=8))
def test_an_interval_holds_the_mean_and_stays_within_the_values(values: list[float]) -> None:
    found = bootstrap_interval(values)
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
    if len(values) > 2:
        assert found.low - 1e-9 <= np.mean(values) <= found.high + 1e-9
    assert (found.method == "none") == (len(set(values)) == 1)
    assert bootstrap_interval(values) == found


def test_intervals_of_many_normal_values_are_students() -> None:
    values = np.random.default_rng(1).normal(5.0, 2.0, size=200)
    found = bootstrap_interval(values.tolist())
    expected = scipy.stats.t.interval(0.95, 199, values.mean(), scipy.stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected, abs=0.02)
    assert found.method == "BCa"


def test_skewed_values_shift_the_interval_as_bca_should() -> None:
    """Percentiles would lie about evenly around the mean; BCa reaches further into the long tail."""
    values = np.random.default_rng(2).exponential(size=40)
    found = bootstrap_interval(values.tolist())
    assert found.high - values.mean() > values.mean() - found.low


def test_scale_does_not_matter() -> None:
    values = [1.0, 1.5, 2.5, 2.75]
    small = bootstrap_interval(values)
    large = bootstrap_interval([value * 2.0**1020 for value in values])
    assert large.low / 2.0**1020 == small.low
    assert large.high / 2.0**1020 == small.high


def test_no_values_have_no_interval() -> None:
    with pytest.raises(ValueError, match="no values"):
        bootstrap_interval([])
