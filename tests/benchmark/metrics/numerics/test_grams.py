"""Counts and what compares them: against plain Python, scipy, and leaving out each example."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from genbench.metrics.numerics.grams import (
    Grams,
    jensen_shannon,
    share_distinct,
    share_known,
    share_known_of_reference,
    total_variation,
)

Examples = list[list[int]]
sets = st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=6), min_size=2, max_size=6)


def flat(examples: Examples) -> list[int]:
    return [kind for example in examples for kind in example]


def grams(examples: Examples) -> Grams:
    owners = [number for number, example in enumerate(examples) for _ in example]
    return Grams(torch.tensor(flat(examples)), torch.tensor(owners), len(examples))


def shares(examples: Examples) -> list[float]:
    together = flat(examples)
    return [Counter(together)[kind] / len(together) for kind in range(6)]


def known(x: Examples, y: Examples) -> float:
    here, there = flat(x), set(flat(y))
    return sum(kind in there for kind in here) / len(here)


def distinct(x: Examples) -> float:
    return len(set(flat(x))) / len(flat(x))


@settings(max_examples=50, deadline=None)
@given(sets, sets)
def test_values_are_those_of_plain_python(x: Examples, y: Examples) -> None:
    a, b = grams(x), grams(y)
    p, q = shares(x), shares(y)
    assert float(total_variation(a, b).value) == pytest.approx(
        sum(abs(of_x - of_y) for of_x, of_y in zip(p, q, strict=True)) / 2
    )
    assert float(jensen_shannon(a, b)[0]) == pytest.approx(float(jensenshannon(p, q)) ** 2, abs=1e-9)
    assert float(share_known(a, b).value) == pytest.approx(known(x, y))
    assert float(share_known_of_reference(a, b).value) == pytest.approx(known(y, x))
    assert float(share_distinct(a)[0]) == pytest.approx(distinct(x))


@settings(max_examples=50, deadline=None)
@given(sets, sets)
def test_the_jackknife_leaves_out_one_example_at_a_time(x: Examples, y: Examples) -> None:
    """The error is that of the shares without each example, computed here by leaving them out."""
    without_y = torch.tensor([known(x, y[:i] + y[i + 1 :]) for i in range(len(y))], dtype=torch.float64)
    of_y = float(((len(y) - 1) * without_y).std()) / math.sqrt(len(y))
    assert float(share_known(grams(x), grams(y)).test_stderr or 0) == pytest.approx(of_y, abs=1e-9)
    without_x = torch.tensor([distinct(x[:i] + x[i + 1 :]) for i in range(len(x))], dtype=torch.float64)
    influence = share_distinct(grams(x))[1]
    torch.testing.assert_close(influence, (len(x) - 1) * (distinct(x) - without_x))


@settings(max_examples=50, deadline=None)
@given(sets, sets)
def test_influences_are_derivatives(x: Examples, y: Examples) -> None:
    """More weight of one example, as a hundred thousand copies of the set and one more of the example."""
    value, of_x, _ = jensen_shannon(grams(x), grams(y))
    copies = 100_000

    def with_more_of(number: int) -> float:
        counts = torch.zeros(6, dtype=torch.float64)
        for i, example in enumerate(x):
            for kind in example:
                counts[kind] += copies + (i == number)
        p, q = (counts / counts.sum()).tolist(), shares(y)
        return float(jensenshannon(p, q)) ** 2

    for number in range(len(x)):
        slope = (with_more_of(number) - float(value)) * copies * len(x)
        assert slope == pytest.approx(float(of_x[number]), abs=2e-3)


def test_sole_owners() -> None:
    found = grams([[0, 0, 1], [1, 2], [4]]).sole_owners(6)
    assert found.tolist() == [0, -1, 1, -1, 2, -1]


def test_nothing_on_one_side() -> None:
    empty = Grams(torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64), 3)
    for function in (total_variation, jensen_shannon, share_known):
        with pytest.raises(ValueError, match="nothing occurs in the second"):
            function(grams([[1], [2]]), empty)
    with pytest.raises(ValueError, match="nothing occurs"):
        share_distinct(empty)
