"""Groups of ranks: against statsmodels' correction, and against leaderboards whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_cases import slow_beyond
from statsmodels.stats.multitest import multipletests

from genbench_reports.statistics.letter_display import share_a_letter
from genbench_reports.statistics.rank_groups import (
    POWER,
    claim,
    means_of,
    row_letters,
    separable_effect,
)
from genbench_reports.statistics.seeds import SIGNIFICANCE, adjust_by_holm
from genbench_reports.statistics.simulate_ranks import (
    CONDITIONS,
    draw_equal,
    draw_shared,
    draw_uneven,
    false_alarm_rate,
    interval_coverage,
    power,
    simulation_tables,
)
from genbench_reports.statistics.uncertain_means import adjusted_p, difference_p


def welch_p(first: list[float], second: list[float]) -> float:
    """The test of reports for rows whose only error is their spread over seeds."""
    return difference_p(*means_of([by_seed(first), by_seed(second)]))


whole = st.integers(-1000, 1000).map(float)


def by_seed(values: list[float]) -> dict[int, float]:
    return dict(enumerate(values))


@settings(deadline=None, max_examples=15)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holms_correction_is_statsmodels(p_values: list[float]) -> None:
    assert adjust_by_holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_every_pair_is_corrected_for_all() -> None:
    generator = np.random.default_rng(0)
    rows = [by_seed(row) for row in generator.normal(size=(4, 5)).tolist()]
    adjusted = adjusted_p(means_of(rows))
    pairs = [(i, j) for i in range(4) for j in range(i + 1, 4)]
    raw = [
        scipy.stats.ttest_ind(list(rows[i].values()), list(rows[j].values()), equal_var=False).pvalue
        for i, j in pairs
    ]
    assert [adjusted[pair] for pair in pairs] == pytest.approx(multipletests(raw, method="holm")[1])


@settings(deadline=None)
@given(
    st.lists(st.tuples(whole, whole, whole), min_size=1, max_size=6).map(
        lambda rows: sorted((by_seed(list(row)) for row in rows), key=lambda row: sum(row.values()))
    )
)
def test_two_rows_share_a_letter_exactly_when_the_test_does_not_tell_them_apart(
    rows: list[dict[int, float]],
) -> None:
    letters = row_letters(means_of(rows))
    adjusted = adjusted_p(means_of(rows))
    for (i, j), p in adjusted.items():
        assert share_a_letter(letters[i], letters[j]) == (p >= SIGNIFICANCE)


def test_letters_do_not_contradict_the_test_where_spreads_differ() -> None:
    """Boards of spreads between 1 and 10, where letters by neighbours told rows apart whose own p was large."""
    generator = np.random.default_rng(0)
    mixed = 0
    for _ in range(200):
        values = draw_uneven(generator, 5, 5) + np.arange(5)[:, None]
        order = values.mean(axis=1).argsort()
        rows = [by_seed(values[model].tolist()) for model in order]
        letters, adjusted = row_letters(means_of(rows)), adjusted_p(means_of(rows))
        mixed += any(p < SIGNIFICANCE for p in adjusted.values()) and any(len(each) > 1 for each in letters)
        for (i, j), p in adjusted.items():
            assert share_a_letter(letters[i], letters[j]) == (p >= SIGNIFICANCE)
    assert mixed > 20  # the boards are of the kind that the test is about


def test_the_27th_group_has_two_letters() -> None:
    rows = [by_seed([100.0 * i, 100.0 * i, 100.0 * i]) for i in range(28)]
    letters = row_letters(means_of(rows))
    assert [letters[0], letters[25], letters[26], letters[27]] == ["a", "z", "aa.", "ab."]


def test_fewer_than_three_seeds_make_no_claim_about_seeds() -> None:
    assert "no claim is made" in claim(2, 5)
    assert claim(1, 5).startswith("1 seed per row")


def test_the_claim_says_what_is_corrected_and_what_could_be_found() -> None:
    text = claim(5, 4)
    assert "cannot be told apart" in text
    assert "Holm's correction for all 6 pairs" in text
    assert f"difference of {separable_effect(5, 6):.2g} standard deviations" in text
    assert "Holm" not in claim(3, 2)
    assert claim(3, 1).startswith("One row")


@pytest.mark.parametrize(("seeds", "pairs"), slow_beyond([(3, 10)], [(3, 1), (3, 10), (10, 45)]))
def test_the_separable_effect_is_found_as_often_as_it_says(seeds: int, pairs: int) -> None:
    generator = np.random.default_rng(seeds)
    trials = 1500
    draws = generator.normal(size=(trials, 2, seeds))
    draws[:, 1] += separable_effect(seeds, pairs)
    found = sum(welch_p(*pair) < SIGNIFICANCE / pairs for pair in draws.tolist()) / trials
    assert found == pytest.approx(POWER, abs=4 * math.sqrt(POWER * (1 - POWER) / trials))


@pytest.mark.parametrize("seeds", slow_beyond([3], [3, 5, 10]))
@pytest.mark.parametrize("condition", CONDITIONS)
def test_equal_models_are_rarely_told_apart(condition: str, seeds: int) -> None:
    """At most one leaderboard in twenty, give or take what so many leaderboards leave open."""
    leaderboards = 1000 if condition == "equal spread" else 300
    rate = false_alarm_rate(CONDITIONS[condition], 5, seeds, leaderboards)
    assert rate.value < SIGNIFICANCE + 3 * math.sqrt(SIGNIFICANCE * (1 - SIGNIFICANCE) / rate.count)


@pytest.mark.slow
def test_without_correction_false_alarms_would_be_common() -> None:
    """That the simulation can see them: five equal models, ten comparisons without correction."""
    generator = np.random.default_rng(0)
    alarms = sum(
        min(welch_p(rows[i], rows[j]) for i in range(5) for j in range(i)) < SIGNIFICANCE
        for rows in generator.normal(size=(300, 5, 10)).tolist()
    )
    assert alarms / 300 > 0.15


@pytest.mark.slow
def test_power_grows_with_seeds_and_with_the_effect() -> None:
    few, more, most = (power(5, seeds, leaderboards=300).value for seeds in (3, 5, 10))
    assert few < more < most
    assert most > 0.8
    assert power(5, 3, effect=16.0, leaderboards=200).value > 0.8
    assert power(5, 5, effect=0.0, leaderboards=300).value < SIGNIFICANCE


@pytest.mark.slow
def test_what_models_share_with_a_seed_costs_power_and_no_false_alarm() -> None:
    assert (
        false_alarm_rate(draw_shared, 5, 10, 300).value
        <= false_alarm_rate(draw_equal, 5, 10, 300).value + 0.02
    )
    assert power(5, 10, leaderboards=200, draw=draw_shared).value < power(5, 10, leaderboards=200).value


def test_bootstrap_intervals_of_few_values_are_too_short() -> None:
    """Why the reports say so."""
    assert interval_coverage(3, 150).value < 0.8
    assert interval_coverage(20, 150).value > 0.85


@pytest.mark.slow
def test_the_tables_print_and_repeat() -> None:
    tables = simulation_tables(3)
    assert tables.count("± ") >= 9 * 8 + 4 * 4 + 4
    assert tables == simulation_tables(3)
