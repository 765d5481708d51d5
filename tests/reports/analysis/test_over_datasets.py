"""Statistics over data sets: Friedman, Nemenyi, wins, profiles; against scipy, scikit-posthocs and enumeration."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from genbench_reports.analysis.pairs_of_models import all_wins
from genbench_reports.analysis.performance_profiles import can_have_ratios, performance_profiles, profiles_of
from genbench_reports.analysis.score_matrix import ScoreMatrix
from genbench_reports.statistics.friedman import friedman
from genbench_reports.statistics.uncertain_means import uncertain_mean

MODELS = ("a", "b", "c", "d")


def matrix(values: Mapping[str, Mapping[str, list[float]]], *more: str) -> ScoreMatrix:
    """values: by data set and model, a list over seeds; empty where the model failed. more: models that ran nowhere."""
    return ScoreMatrix(
        title="",
        models=tuple(dict.fromkeys([*(model for figures in values.values() for model in figures), *more])),
        datasets=tuple(values),
        left_out={},
        metric=dict.fromkeys(values, "frechet_distance"),
        higher_is_better=frozenset(),
        values={
            name: {model: dict(enumerate(row)) for model, row in figures.items() if row}
            for name, figures in values.items()
        },
        uncertain={
            name: {
                model: uncertain_mean(dict(enumerate(row)), {}, {}) for model, row in figures.items() if row
            }
            for name, figures in values.items()
        },
        run={name: frozenset(figures) for name, figures in values.items()},
    )


tables = st.integers(3, 6).flatmap(
    lambda blocks: st.lists(
        st.lists(st.integers(0, 6).map(float), min_size=4, max_size=4), min_size=blocks, max_size=blocks
    )
)


@settings(max_examples=15, deadline=None)
@given(tables)
def test_the_statistic_and_the_pairs_are_those_of_other_libraries(means: list[list[float]]) -> None:
    from scikit_posthocs import posthoc_nemenyi_friedman

    found = friedman(means, MODELS)
    array = np.array(means)
    if np.ptp(array, axis=1).any():
        assert found.statistic == pytest.approx(scipy.stats.friedmanchisquare(*array.T).statistic)
    else:
        assert found.p == 1.0
    expected = posthoc_nemenyi_friedman(pd.DataFrame(array, columns=list(MODELS)))
    for (first, second), p in found.p_values.items():
        assert p == pytest.approx(expected.loc[first, second], abs=1e-6)
    ranks = scipy.stats.rankdata(array, axis=1).mean(axis=0)
    assert found.mean_ranks == pytest.approx(dict(zip(MODELS, ranks, strict=True)))
    assert list(found.mean_ranks.values()) == sorted(ranks)


def test_p_is_that_of_all_permutations_within_data_sets() -> None:
    means = [[1.0, 2.0, 3.0], [1.0, 3.0, 2.0], [2.0, 1.0, 3.0], [1.0, 2.0, 3.0]]
    found = friedman(means, MODELS[:3])
    statistics = [
        scipy.stats.friedmanchisquare(*np.array(rows).T).statistic
        for rows in itertools.product(itertools.permutations((1.0, 2.0, 3.0)), repeat=4)
    ]
    assert found.exact
    assert found.p == pytest.approx(np.mean(np.array(statistics) >= found.statistic - 1e-9))


def test_the_critical_difference_is_demsars() -> None:
    """Table 5a of Demšar 2006: q = 2.569 of four models; his section 3.2.3 has 14 data sets and CD = 1.25."""
    means = np.random.default_rng(0).normal(size=(14, 4)).tolist()
    assert friedman(means, MODELS).critical_difference == pytest.approx(1.25, abs=0.005)


def test_clear_differences_make_groups() -> None:
    means = [[1.0 + 0.01 * (i % 2), 1.0 + 0.01 * ((i + 1) % 2), 5.0, 9.0] for i in range(12)]
    found = friedman(means, MODELS)
    assert found.differs
    assert set(found.groups[0]) == {"a", "b"}
    assert not found.separable("a", "b")
    assert found.separable("d", "a")
    covered = set().union(*map(set, found.groups))
    assert covered == set(MODELS)


def test_nothing_is_told_apart_where_friedman_finds_nothing() -> None:
    found = friedman([[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0]], MODELS)
    assert not found.differs
    assert [set(group) for group in found.groups] == [set(MODELS)]


def test_failures_share_the_last_rank() -> None:
    found = friedman([[1.0, math.inf, math.inf]] * 3, MODELS[:3])
    assert found.mean_ranks == {"a": 1.0, "b": 2.5, "c": 2.5}


def test_too_little_to_compare() -> None:
    with pytest.raises(ValueError, match="3 data sets and 3 models"):
        friedman([[1.0, 2.0, 3.0]] * 2, MODELS[:3])


def test_equal_models_over_few_data_sets_are_rarely_told_apart() -> None:
    generator = np.random.default_rng(0)
    trials = 150
    alarms = sum(
        len(friedman(generator.normal(size=(4, 4)).tolist(), MODELS).groups) > 1 for _ in range(trials)
    )
    assert alarms / trials < 0.05 + 3 * math.sqrt(0.05 * 0.95 / trials)


def test_wins_are_counted_within_data_sets() -> None:
    shown = matrix(
        {
            "x": {"a": [1.0, 1.0, 1.0], "b": [2.0, 2.0, 0.0]},
            "y": {"a": [1.0, 1.0], "b": [1.0, 3.0]},
            "z": {"a": [5.0], "b": []},
        }
    )
    wins = all_wins(shown, ("a", "b"))["a", "b"]
    assert wins.share == pytest.approx((2 / 3 + 3 / 4 + 1) / 3)
    assert all_wins(shown, ("b", "a"))["b", "a"].share == pytest.approx(1 - wins.share)
    # three data sets, all for a: 2 of 8 assignments; six seeds with signs + + - 0 + +
    assert wins.p_new_datasets == 0.25
    assert wins.p_new_seeds == pytest.approx(
        2 * np.mean([sum(signs) >= 3 for signs in itertools.product((1, -1), repeat=5)])
    )


def test_p_of_wins_are_corrected_for_the_pairs() -> None:
    values = {f"set{i}": {"a": [1.0], "b": [2.0], "c": [3.0]} for i in range(7)}
    wins = all_wins(matrix(values), ("a", "b", "c"))
    assert {found.p_new_datasets for found in wins.values()} == {3 * 2 / 2**7}
    assert all_wins(matrix(values), ("a",)) == {}


def test_profiles_are_shares_within_a_factor() -> None:
    profiles = performance_profiles(
        {
            "best": {"x": 1.0, "y": 4.0, "z": 2.0},
            "near": {"x": 1.5, "y": 2.0, "z": math.inf},
            "none": {"x": math.inf},
        }
    )
    assert profiles["best"].share(1.0) == pytest.approx(2 / 3)
    assert profiles["best"].share(2.0) == 1.0
    assert profiles["near"].share(1.0) == pytest.approx(1 / 3)
    assert profiles["near"].share(1e9) == pytest.approx(2 / 3)
    assert profiles["none"].share(1e9) == 0.0
    assert profiles["best"].steps() == [(1.0, pytest.approx(2 / 3)), (2.0, 1.0)]
    assert profiles["none"].steps() == []


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from("abc"),
        st.dictionaries(st.sampled_from("wxyz"), st.floats(0, 1e6) | st.just(math.inf), min_size=1),
        min_size=1,
    )
)
def test_profiles_grow_and_somebody_is_best(values: dict[str, dict[str, float]]) -> None:
    profiles = performance_profiles(values)
    solved = {name for row in values.values() for name, value in row.items() if math.isfinite(value)}
    if solved:
        assert sum(profile.share(1.0) for profile in profiles.values()) >= 1 - 1e-9
        for profile in profiles.values():
            assert profile.share(1.0) <= profile.share(2.0) <= profile.share(10.0) <= 1.0


def test_a_best_of_zero_is_reached_by_zero_alone() -> None:
    profiles = performance_profiles({"a": {"x": 0.0}, "b": {"x": 1e-9}})
    assert (profiles["a"].share(1.0), profiles["b"].share(1e9)) == (1.0, 0.0)


def test_figures_below_zero_have_no_ratio() -> None:
    with pytest.raises(ValueError, match="0 and more"):
        performance_profiles({"a": {"x": -1.0}})
    shown = matrix({"x": {"a": [-1.0], "b": [1.0]}, "y": {"a": [1.0], "b": [2.0]}}, "c")
    assert can_have_ratios(shown) == ["y"]
    assert {name: profile.share(1.0) for name, profile in profiles_of(shown).items()} == {
        "a": 1,
        "b": 0,
        "c": 0,
    }
