"""Means with an error of two parts: that of the seeds, and that of the test set."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from genbench_reports.statistics.rank_groups import row_letters
from genbench_reports.statistics.seeds import SIGNIFICANCE
from genbench_reports.statistics.uncertain_means import (
    UncertainMean,
    adjusted_p,
    difference_p,
    exceeds,
    rank_intervals,
    uncertain_mean,
)


def test_one_seed_has_the_error_of_its_value() -> None:
    mean = uncertain_mean({0: 3.0}, {0: 0.5}, {0: 0.4})
    assert (mean.value, mean.stderr, mean.is_known) == (3.0, 0.5, True)
    assert not uncertain_mean({0: 3.0}, {0: None}, {}).is_known


def test_several_seeds_have_their_spread_and_the_part_of_the_test_set() -> None:
    values = {0: 1.0, 1: 2.0, 2: 3.0}
    mean = uncertain_mean(values, {}, dict.fromkeys(values, 0.3))
    assert mean.value == 2.0
    assert mean.seeds_stderr == pytest.approx(1 / math.sqrt(3))
    assert mean.stderr == pytest.approx(math.hypot(1 / math.sqrt(3), 0.3))
    assert mean.freedom == 2.0


def test_a_model_without_randomness_still_has_the_error_of_the_test_set() -> None:
    """Three equal seeds are no proof: rows of 3.000 and 3.0001 are alike where the test set leaves 0.1 open."""
    rows = [
        uncertain_mean(dict.fromkeys(range(3), value), {}, dict.fromkeys(range(3), 0.1))
        for value in (3.000, 3.0001)
    ]
    assert difference_p(*rows) > 0.9
    assert row_letters(rows) == ["a", "a"]


def test_seeds_that_drew_the_same_samples_have_the_error_of_those() -> None:
    """Held-out data of which every seed draws all: the spread over seeds is 0, and says nothing."""
    same = uncertain_mean(
        dict.fromkeys(range(3), 0.004), dict.fromkeys(range(3), 0.0003), dict.fromkeys(range(3), 0.0)
    )
    assert same.stderr == pytest.approx(0.0003)
    assert uncertain_mean({0: 1.0, 1: 1.1}, {0: 0.05, 1: 0.05}, {0: 0.0, 1: 0.0}).stderr == pytest.approx(
        0.05
    )


@pytest.mark.parametrize(("seeds", "others"), [(2, 2), (4, 6), (3, 7), (10, 4)])
def test_without_a_known_part_it_is_welchs_test(seeds: int, others: int) -> None:
    generator = np.random.default_rng(seeds * others)
    first, second = generator.normal(size=seeds), generator.normal(1.0, 3.0, size=others)
    means = [uncertain_mean(dict(enumerate(row.tolist())), {}, {}) for row in (first, second)]
    expected = scipy.stats.ttest_ind(first, second, equal_var=False).pvalue
    assert difference_p(*means) == pytest.approx(expected)


def test_without_any_spread_a_difference_is_certain() -> None:
    rows = [uncertain_mean({0: value, 1: value}, {}, {}) for value in (1.0, 1.0, 2.0)]
    assert (difference_p(rows[0], rows[1]), difference_p(rows[0], rows[2])) == (1.0, 0.0)


def test_with_known_parts_alone_it_is_the_normal_test() -> None:
    first, second = UncertainMean(1.0, known_stderr=0.3), UncertainMean(2.0, known_stderr=0.4)
    assert difference_p(first, second) == pytest.approx(2 * scipy.stats.norm.sf(2.0))
    assert difference_p(first, UncertainMean(9.0, is_known=False)) == 1.0


def p_by_root_finding(first: UncertainMean, second: UncertainMean) -> float:
    """Cochran and Cox's p by Brent's method on the logarithm, from scipy's distributions."""
    parts = [first.seeds_stderr**2, second.seeds_stderr**2]
    seeds, known = sum(parts), first.known_stderr**2 + second.known_stderr**2
    freedom = seeds**2 / sum(
        part**2 / each.freedom for part, each in zip(parts, (first, second), strict=True)
    )
    score, weight = abs(first.value - second.value) / math.sqrt(seeds + known), seeds / (seeds + known)

    def excess(log_p: float) -> float:
        tail = math.exp(log_p) / 2
        student, normal = scipy.stats.t.isf(tail, freedom), scipy.stats.norm.isf(tail)
        return float(weight * student + (1 - weight) * normal - score)

    return math.exp(scipy.optimize.brentq(excess, -60.0, 0.0, xtol=1e-13))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (UncertainMean(0.0, 1.0, 2.0, 0.5), UncertainMean(3.0, 0.2, 4.0, 0.1)),
        (UncertainMean(0.0, 0.1, 1.0, 1.0), UncertainMean(9.0, 0.3, 2.0, 2.0)),
        # degrees of freedom next to a whole number, for which scipy has no quantile far in the tail
        (UncertainMean(-1.194, 1.6498e-4, 500.0, 0.3288), UncertainMean(-0.148, 6.679, 2.0, 0.6387)),
        (UncertainMean(238.9, 1.1118e-4, 500.0, 2.548), UncertainMean(-0.148, 6.679, 2.0, 0.6387)),
    ],
)
def test_p_of_both_parts_is_the_root(first: UncertainMean, second: UncertainMean) -> None:
    assert difference_p(first, second) == pytest.approx(p_by_root_finding(first, second), rel=1e-9)


@pytest.mark.parametrize("known", [0.0, 1.0, 3.0])
def test_equal_rows_of_unequal_spread_are_rarely_told_apart(known: float) -> None:
    """Five rows with spreads from 1 to 10 and a common test set whose error every row feels in its own measure."""
    generator = np.random.default_rng(1)
    spreads, boards, seeds = np.geomspace(1.0, 10.0, 5), 400, 3
    alarms = 0
    for _ in range(boards):
        values = generator.normal(size=(5, seeds)) * spreads[:, None]
        values += known * generator.normal(size=(5, 1))
        rows = [
            uncertain_mean(dict(enumerate(row.tolist())), {}, dict.fromkeys(range(seeds), known))
            for row in values
        ]
        alarms += min(adjusted_p(rows).values()) < SIGNIFICANCE
    assert alarms / boards < SIGNIFICANCE + 3 * math.sqrt(SIGNIFICANCE * (1 - SIGNIFICANCE) / boards)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=6, unique=True), st.data())
def test_rank_intervals_are_what_the_pairs_leave_open(values: list[float], data: st.DataObject) -> None:
    pairs = [(i, j) for i in range(len(values)) for j in range(i + 1, len(values))]
    different = data.draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    for row, (low, high) in enumerate(rank_intervals(values, different)):
        place = 1 + sum(value < values[row] for value in values)
        assert 1 <= low <= place <= high <= len(values)
    assert rank_intervals(values, []) == [(1, len(values))] * len(values)
    order = [1 + sum(other < value for other in values) for value in values]
    assert rank_intervals(values, pairs) == [(place, place) for place in order]


def test_rank_intervals_hold_together() -> None:
    """The true ranks lie in all intervals of a board in at least 95 % of boards."""
    generator = np.random.default_rng(0)
    truth, errors = np.array([0.0, 0.5, 1.0, 3.0, 3.2]), np.array([0.2, 0.5, 0.1, 1.0, 0.2])
    boards, missed = 400, 0
    for _ in range(boards):
        values = (truth + errors * generator.normal(size=5)).tolist()
        rows = [UncertainMean(v, known_stderr=float(e)) for v, e in zip(values, errors, strict=True)]
        different = [pair for pair, p in adjusted_p(rows).items() if p < SIGNIFICANCE]
        intervals = rank_intervals(values, different)
        missed += any(not low <= place <= high for place, (low, high) in enumerate(intervals, 1))
    assert missed / boards < SIGNIFICANCE + 3 * math.sqrt(SIGNIFICANCE * (1 - SIGNIFICANCE) / boards)


def test_a_difference_exceeds_two_standard_errors_or_not() -> None:
    assert exceeds(UncertainMean(3.1, known_stderr=1.0), UncertainMean(0.0, known_stderr=1.0))
    assert not exceeds(UncertainMean(2.7, known_stderr=1.0), UncertainMean(0.0, known_stderr=1.0))
