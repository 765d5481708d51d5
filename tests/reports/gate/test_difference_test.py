"""The gate's tests and corrections, against scipy and closed forms; its thresholds as the user writes them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from genbench.errors import UnknownNameError, UsageError
from genbench_reports.gate.baseline import Measured, StoredValue
from genbench_reports.gate.difference_test import judge_difference
from genbench_reports.gate.thresholds import Threshold, Thresholds, parse_threshold, read_thresholds


def seeds(values: list[float], stderr: float | None = None, first: int = 0) -> dict[int, Measured]:
    return {seed: Measured(value, stderr) for seed, value in enumerate(values, first)}


def test_shared_seeds_are_tested_in_pairs_and_apart_and_the_smaller_p_is_doubled() -> None:
    one, two = [1.0, 2.0, 3.5, 4.0], [1.3, 2.2, 3.9, 4.2]
    paired, apart = stats.ttest_rel(one, two).pvalue, stats.ttest_ind(one, two).pvalue
    assert paired < apart
    found = judge_difference(seeds(one), seeds(two))
    assert found.p == pytest.approx(2 * paired)
    assert found.case == "paired over 4 seeds"
    # the other way round: pairing anew costs more freedom than it saves variance
    crossed = [4.2, 9.0, 6.0, 8.0]
    found = judge_difference(seeds(one), seeds(crossed))
    assert found.p == pytest.approx(
        2 * min(stats.ttest_rel(one, crossed).pvalue, stats.ttest_ind(one, crossed).pvalue)
    )


def test_seeds_that_are_not_shared_are_tested_with_both_variances_together() -> None:
    one, two = [1.0, 2.0, 3.0], [4.0, 6.0]
    found = judge_difference(seeds(one), seeds(two, first=10))
    assert found.p == pytest.approx(stats.ttest_ind(one, two).pvalue)
    assert found.case == "3 against 2 seeds"


def test_logarithms_make_factors_of_times() -> None:
    one, two = [1.0, 2.0, 4.0], [3.0, 6.0, 12.0]
    found = judge_difference(seeds(one), seeds(two, first=5), log=True)
    assert found.p == pytest.approx(stats.ttest_ind(np.log(one), np.log(two)).pvalue)


def test_one_seed_is_tested_by_its_own_errors_or_not_at_all() -> None:
    found = judge_difference(seeds([1.0], stderr=0.3), seeds([2.0], stderr=0.4))
    assert found.p == pytest.approx(math.erfc(1 / 0.5 / math.sqrt(2)))
    assert found.case == "own standard errors"
    assert judge_difference(seeds([1.0]), seeds([2.0], stderr=0.4)).p is None
    assert judge_difference(seeds([1.0], stderr=0.0), seeds([2.0], stderr=0.0)).p is None


def test_equal_values_that_come_in_steps_prove_little() -> None:
    """Three seeds with 8 modes, three with 7: without the step's own error p would be 0."""
    found = judge_difference(seeds([8.0] * 3), seeds([7.0] * 3, first=10), step=1.0)
    error = math.sqrt(1 / 12) * math.sqrt(2 / 3)
    assert found.p == pytest.approx(2 * stats.t.sf(1 / error, 4))
    assert found.p > 0.01
    assert judge_difference(seeds([0.5] * 3), seeds([0.7] * 3, first=10)).p == 0.0
    assert judge_difference(seeds([0.5] * 3), seeds([0.5] * 3, first=10)).p == 1.0


def test_a_known_variance_between_runs_is_added_and_brings_its_freedom() -> None:
    """Seeds that agree leave the known variance alone, and its normal law; seeds that do not, Satterthwaite's sum."""
    one, two = [math.exp(3.0)] * 3, [math.exp(3.4)] * 3
    found = judge_difference(seeds(one), seeds(two, first=10), log=True, run_noise=0.1)
    assert found.p == pytest.approx(2 * stats.norm.sf(0.4 / (0.1 * math.sqrt(2))))
    first, second = [1.0, 2.0, 3.0], [4.0, 6.0, 9.0]
    found = judge_difference(seeds(first), seeds(second, first=10), run_noise=0.5)
    estimated = (stats.tvar(first) + stats.tvar(second)) / 2 * 2 / 3
    freedom = (estimated + 0.5) ** 2 / (estimated**2 / 4)
    assert found.p == pytest.approx(2 * stats.t.sf((19 / 3 - 2) / math.sqrt(estimated + 0.5), freedom))


def test_false_alarms_of_the_test_under_equal_normal_seeds() -> None:
    """Shared seeds, correlated or not: never above its level by more than chance (2,000 comparisons)."""
    chance = np.random.default_rng(3)
    for correlation in (0.0, 0.9):
        alarms = 0
        for _ in range(2000):
            shared = chance.standard_normal(5) * math.sqrt(correlation)
            one, two = (shared + chance.standard_normal(5) * math.sqrt(1 - correlation) for _ in range(2))
            p = judge_difference(seeds([*map(float, one)]), seeds([*map(float, two)])).p
            assert p is not None
            alarms += p < 0.05
        assert alarms <= stats.binom.ppf(0.999, 2000, 0.05)
        assert alarms >= 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5%", Threshold(0.05, 0.0)),
        ("0.02", Threshold(0.0, 0.02)),
        ("5%, 0.02", Threshold(0.05, 0.02)),
        ("0", Threshold()),
    ],
)
def test_thresholds_are_read(text: str, expected: Threshold) -> None:
    assert parse_threshold(text, "here") == expected


@pytest.mark.parametrize("text", ["", "five", "-1", "nan", "inf", "5%%", "1,,2", "%"])
def test_thresholds_that_are_none_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError, match="here: expected a share as in 5%"):
        parse_threshold(text, "here")


def stored(name: str, group: str, unit: str) -> StoredValue:
    return StoredValue(name=name, group=group, unit=unit, better="lower")


def test_a_metric_before_its_group_before_the_default(tmp_path: Path) -> None:
    file = tmp_path / "gate.toml"
    file.write_text('alpha = 0.01\n[thresholds]\nspeed = "40%"\nbits_per_dim = 0.03\nrecall = 0.5\n')
    known = {"bits_per_dim", "recall", "frechet_distance"}
    found = read_thresholds(file, ["recall=0.1"], None, known)
    assert found.alpha == 0.01
    assert found.of(stored("sample_latency_seconds", "speed", "s")) == Threshold(0.4)
    assert found.of(stored("bits_per_dim", "likelihood", "bits/dim")) == Threshold(0.0, 0.03)
    assert found.of(stored("recall", "diversity", "share")) == Threshold(0.0, 0.1)
    assert found.of(stored("precision", "quality", "share")) == Threshold(0.1, 0.03)
    assert read_thresholds(file, [], 0.2, known).alpha == 0.2
    assert Thresholds().of(stored("nll", "likelihood", "nats")).size(-2.0) == 0.05


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("alpha = 0.01\nthreshold = 1", "unknown field `threshold`"),
        ("alpha = 2", "alpha 2.0: expected a number between 0 and 1"),
        ('[thresholds]\nspeed = "fast"', "speed = 'fast': expected a share"),
        ("[[[", "thresholds .*gate.toml"),
    ],
)
def test_files_that_are_wrong_are_refused(content: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "gate.toml"
    file.write_text(content)
    with pytest.raises(UsageError, match=message):
        read_thresholds(file, [], None, ())


def test_unknown_metrics_are_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'frechet_distance'"):
        read_thresholds(None, ["frechet_distanc=5%"], None, ["frechet_distance"])
    with pytest.raises(UsageError, match="expected METRIC=VALUE"):
        read_thresholds(None, ["frechet_distance"], None, ["frechet_distance"])
