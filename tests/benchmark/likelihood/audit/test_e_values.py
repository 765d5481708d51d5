"""Bets and tests: exact where they say so, against simulation and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from genbench.likelihood.audit.e_values import (
    chi_square_p_value,
    log_e_value_of_mean_above_one,
    log_e_value_of_picks,
    p_value,
    pooled_log_e_value,
    rank_sum_p_value,
)

GENERATOR = np.random.default_rng(0)


def test_a_bet_on_ratios_of_mean_one_wins_nothing_on_average() -> None:
    """Exactly: the expectation over all outcomes of three ratios that are 0.5 or 3, with mean 1."""
    expectation = 0.0
    for picks in range(8):
        high = [bool(picks >> i & 1) for i in range(3)]
        probability = math.prod(0.2 if each else 0.8 for each in high)
        ratios = torch.tensor([3.0 if each else 0.5 for each in high], dtype=torch.float64).log()
        expectation += probability * math.exp(log_e_value_of_mean_above_one(ratios))
    assert expectation == pytest.approx(1.0, abs=1e-12)


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=6))
def test_a_bet_on_picks_wins_nothing_on_average(sizes: list[float]) -> None:
    """Exactly: over all signs that the log odds of given sizes may have, with the probabilities that they say."""
    size = torch.tensor(sizes, dtype=torch.float64).abs()
    expectation = 0.0
    for signs in range(2 ** len(sizes)):
        sign = torch.tensor([1.0 if signs >> i & 1 else -1.0 for i in range(len(sizes))], dtype=torch.float64)
        probability = float((sign * size).sigmoid().prod())
        if probability > 0:
            expectation += probability * math.exp(log_e_value_of_picks(sign * size))
    assert expectation == pytest.approx(1.0, abs=1e-6)


def test_bets_win_where_something_is_wrong() -> None:
    noise = torch.from_numpy(GENERATOR.normal(0, 0.2, 500))
    right = noise - 0.02  # lognormal with mean 1
    assert log_e_value_of_mean_above_one(right) < math.log(100)
    assert log_e_value_of_mean_above_one(right + 0.1) > math.log(1e5)
    assert log_e_value_of_mean_above_one(torch.tensor([math.inf], dtype=torch.float64)) == math.inf
    assert log_e_value_of_mean_above_one(torch.full((50,), -math.inf, dtype=torch.float64)) < 0
    # what is as good as impossible needs to happen once
    assert log_e_value_of_picks(torch.tensor([-40.0], dtype=torch.float64)) > math.log(1e5)


def test_evidence_is_pooled_by_its_average() -> None:
    assert pooled_log_e_value(math.log(3), math.log(1)) == pytest.approx(math.log(2))
    assert p_value(math.log(20)) == pytest.approx(0.05)
    assert p_value(-5.0) == 1.0


def test_chi_square_is_that_of_scipy_where_nothing_is_pooled() -> None:
    counts = torch.tensor([30.0, 14.0, 34.0, 45.0, 57.0, 20.0], dtype=torch.float64)
    probabilities = torch.tensor([0.15, 0.1, 0.2, 0.2, 0.25, 0.1], dtype=torch.float64)
    expected = stats.chisquare(counts.numpy(), float(counts.sum()) * probabilities.numpy())
    assert chi_square_p_value(counts, probabilities) == (pytest.approx(expected.pvalue), 6)


def test_rare_cells_are_pooled_and_a_single_cell_says_nothing() -> None:
    probabilities = torch.tensor([1 / 128] * 50 + [78 / 128], dtype=torch.float64)
    p, cells = chi_square_p_value(320 * probabilities, probabilities)
    # a rare cell expects 2.5: twelve of four of them each, and the frequent one with the two that are left
    assert (p, cells) == (pytest.approx(1.0), 13)
    assert chi_square_p_value(torch.tensor([3.0, 2.0]).double(), torch.tensor([0.5, 0.5]).double()) == (
        1.0,
        1,
    )


def test_chi_square_has_its_false_alarm_rate() -> None:
    """Skewed cells, many of them rare: shares of p below a level, over 2,000 right draws."""
    probabilities = 1 / np.arange(1, 201)
    probabilities /= probabilities.sum()
    drawn = GENERATOR.multinomial(3000, probabilities, size=2000)
    p = np.array(
        [chi_square_p_value(torch.tensor(row).double(), torch.tensor(probabilities))[0] for row in drawn]
    )
    for level in (0.3, 0.05, 0.01):
        share, error = (p < level).mean(), math.sqrt(level * (1 - level) / len(p))
        assert abs(share - level) < 4 * error + 0.1 * level


def test_errors_of_the_probabilities_widen_what_is_allowed() -> None:
    probabilities = np.full(40, 1 / 40)
    noisy = probabilities * (1 + 0.1 * GENERATOR.normal(size=40))
    noisy /= noisy.sum()
    counts = torch.tensor(GENERATOR.multinomial(40_000, probabilities)).double()
    assert chi_square_p_value(counts, torch.tensor(noisy))[0] < 1e-5
    assert chi_square_p_value(counts, torch.tensor(noisy), torch.tensor(0.1 * probabilities))[0] > 0.001


def test_rank_sums_are_those_of_mann_and_whitney() -> None:
    first, second = GENERATOR.normal(size=(1, 40)), GENERATOR.normal(0.7, 1, size=(1, 50))
    ours = rank_sum_p_value(*(torch.from_numpy(each) for each in (first, second)), torch.zeros(1).double())
    theirs = stats.mannwhitneyu(first[0], second[0], method="asymptotic", use_continuity=False).pvalue
    assert ours == pytest.approx(theirs)


def test_rank_sums_of_several_cases_are_on_the_safe_side() -> None:
    cases, count, below = 4, 24, 0
    for _ in range(1000):
        sides = torch.from_numpy(GENERATOR.lognormal(0, 2, size=(2, cases, count)))
        below += rank_sum_p_value(sides[0], sides[1], torch.zeros(cases).double()) < 0.05
    assert below <= 0.05 * 1000 + 4 * math.sqrt(0.05 * 0.95 * 1000)
    equal = torch.ones(2, 10).double()
    assert rank_sum_p_value(equal, equal + 0.01, torch.full((2,), 0.02).double()) == 1.0
    assert rank_sum_p_value(equal, equal + 0.03, torch.full((2,), 0.02).double()) < 1e-3
