"""Where values stand between a board's zero and real data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genbench_reports.leaderboard.board_scale import BoardScale
from genbench_reports.statistics.uncertain_means import UncertainMean


def scale(
    floor: UncertainMean | None,
    zero: UncertainMean | None,
    better: str = "lower",
    *,
    is_logarithmic: bool = False,
) -> BoardScale:
    yardsticks = {} if zero is None else {"marginals": zero}
    return BoardScale(better, is_logarithmic, floor, zero, "marginals", yardsticks)  # type: ignore[arg-type]


def value(mean: float, stderr: float = 0.0) -> UncertainMean:
    return UncertainMean(mean, known_stderr=stderr)


def test_a_score_is_the_logarithmic_share_of_the_way() -> None:
    board = scale(value(0.01), value(1.0))
    scores = [board.score(value(mean)) for mean in (1.0, 0.1, 0.01)]
    assert [score and score.value for score in scores] == pytest.approx([0.0, 0.5, 1.0])
    below = board.score(value(10.0))
    assert below is not None
    assert below.value == pytest.approx(-0.5)


def test_where_higher_is_better_and_where_values_are_logarithms() -> None:
    higher = scale(value(0.8), value(0.2), "higher").score(value(0.4))
    assert higher is not None
    assert higher.value == pytest.approx(0.5)
    nats = scale(value(-4.0), value(6.0), is_logarithmic=True).score(value(1.0, 0.5))
    assert nats is not None
    assert nats.value == pytest.approx(0.5)
    assert nats.stderr == pytest.approx(0.05)


@settings(deadline=None, max_examples=50)
@given(st.floats(0.02, 0.98), st.floats(1e-3, 1e3))
def test_a_score_does_not_depend_on_the_unit(share: float, unit: float) -> None:
    means = (0.01 * unit, unit, unit * math.exp(share * math.log(0.01)))
    found = scale(value(means[0]), value(means[1])).score(value(means[2]))
    assert found is not None
    assert found.value == pytest.approx(share, abs=1e-9)


def test_the_error_is_the_spread_over_new_values() -> None:
    generator = np.random.default_rng(0)
    means, errors = np.array([0.02, 1.0, 0.2]), np.array([0.002, 0.05, 0.02])
    drawn = generator.normal(means, errors, size=(4000, 3))
    scores = np.log(drawn[:, 1] / drawn[:, 2]) / np.log(drawn[:, 1] / drawn[:, 0])
    floor, zero, mean = (value(m, e) for m, e in zip(means, errors, strict=True))
    found = scale(floor, zero).score(mean)
    assert found is not None
    assert found.stderr == pytest.approx(scores.std(), rel=0.1)


@pytest.mark.parametrize(("floor", "zero"), [(None, 1.0), (0.1, None), (0.5, 0.5), (1.0, 0.5), (-0.1, 1.0)])
def test_no_score_without_a_way_from_zero_to_floor(floor: float | None, zero: float | None) -> None:
    board = scale(None if floor is None else value(floor), None if zero is None else value(zero))
    assert board.score(value(0.3)) is None


def test_beating_is_by_two_standard_errors_of_the_difference() -> None:
    board = scale(value(0.1, 0.01), value(1.0, 0.1))
    assert board.not_beaten(value(0.9, 0.05)) == ("marginals",)
    assert board.not_beaten(value(0.7, 0.05)) == ()
    assert board.reaches_floor(value(0.12, 0.005))
    assert not board.reaches_floor(value(0.13, 0.005))
    assert board.beats_floor(value(0.07, 0.005))
    assert not board.beats_floor(value(0.08, 0.005))
    assert not board.beats_floor(UncertainMean(0.0, is_known=False))
