"""Successive halving: which trials go on, against the rule of Optuna and against closed forms."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.pruners import _successive_halving as optunas

from genbench.tuning.halving import Ladder, expected_trainings, promotable, rung_shares

VALUES = st.lists(st.floats(-100, 100), min_size=1, max_size=40, unique=True)


@given(VALUES, st.integers(2, 5))
def test_the_rung_rule_is_optunas(values: list[float], reduction: int) -> None:
    """Optuna promotes the best of fewer trials than the reduction too, because it cannot go back to one later."""
    ended: dict[int, float | None] = dict(enumerate(values))
    found = set(promotable(ended, reduction))
    if len(values) < reduction:
        assert found == set()
        return
    theirs = {trial for trial, value in enumerate(values) if _optuna_promotes(value, list(values), reduction)}
    assert found == theirs
    assert len(found) == len(values) // reduction


def _optuna_promotes(value: float, rung: list[float], reduction: int) -> bool:
    from optuna.study import StudyDirection

    return bool(optunas._is_trial_promotable_to_next_rung(value, rung, reduction, StudyDirection.MINIMIZE))


def climb(
    ladder: Ladder, value_of: Callable[[int, int], float | None], at_once: int
) -> list[tuple[int, int]]:
    """Run a ladder to its end. Returns the trainings in their order."""
    steps: list[tuple[int, int]] = []
    while True:
        batch = []
        while len(batch) < at_once and (step := ladder.next_step()) is not None:
            ladder.start(*step)
            batch.append(step)
        if not batch:
            return steps
        for trial, rung in batch:
            ladder.end(trial, rung, value_of(trial, rung))
        steps += batch


@given(st.integers(1, 60), st.integers(1, 4), st.integers(2, 4), st.integers(1, 5))
def test_where_later_trials_are_worse_each_rung_has_its_share(
    trials: int, rungs: int, reduction: int, at_once: int
) -> None:
    """The best come first, so that none is promoted that would not be in the end: n, n // r, n // r // r, ..., and at
    least one trial gets the whole budget."""
    ladder = Ladder(trials, rungs, reduction)
    steps = climb(ladder, lambda trial, rung: float(trial), at_once)
    counts = [sum(rung == each for _, rung in steps) for each in range(rungs)]
    assert counts == expected_trainings(trials, rung_shares(rungs, reduction), reduction)
    assert ladder.winner == 0


@given(st.data(), st.integers(1, 30), st.integers(1, 4), st.integers(2, 4), st.integers(1, 5))
def test_whatever_the_values_no_step_is_made_twice_and_the_search_ends(
    data: st.DataObject, trials: int, rungs: int, reduction: int, at_once: int
) -> None:
    values: dict[tuple[int, int], float | None] = {}

    def value_of(trial: int, rung: int) -> float | None:
        found = values[trial, rung] = data.draw(st.none() | st.floats(-9, 9))
        return found

    ladder = Ladder(trials, rungs, reduction)
    steps = climb(ladder, value_of, at_once)
    assert len(set(steps)) == len(steps)
    assert [trial for trial, rung in steps if rung == 0] == list(range(trials))
    for trial, rung in steps:
        assert rung == 0 or values[trial, rung - 1] is not None  # only what succeeded goes on
    whole = {
        trial: value for (trial, rung), value in values.items() if rung == rungs - 1 and value is not None
    }
    assert (ladder.winner is None) == (not whole)
    if whole:
        assert whole[ladder.winner] == min(whole.values())  # type: ignore[index]
    else:  # only because every way up has failed
        tops = {trial: max(rung for t, rung in steps if t == trial) for trial in range(trials)}
        assert all(values[trial, rung] is None for trial, rung in tops.items())


def test_shares_are_powers_of_the_reduction() -> None:
    assert rung_shares(3, 3) == pytest.approx((1 / 9, 1 / 3, 1))
    assert rung_shares(1, 3) == (1.0,)
