"""Compact letter displays against their definition, over every relation of few rows and many of more."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genbench_reports.statistics.letter_display import letter_display, share_a_letter

Relation = tuple[int, frozenset[tuple[int, int]]]


def check(count: int, different: frozenset[tuple[int, int]]) -> list[str]:
    letters = letter_display(count, different)
    assert len(letters) == count
    assert all(letters)
    for i, j in combinations(range(count), 2):
        assert share_a_letter(letters[i], letters[j]) == ((i, j) not in different), (letters, different)
    return letters


@pytest.mark.parametrize("count", range(6))
def test_every_relation_of_few_rows(count: int) -> None:
    pairs = list(combinations(range(count), 2))
    for bits in range(2 ** len(pairs)):
        check(count, frozenset(pair for place, pair in enumerate(pairs) if bits >> place & 1))


@st.composite
def relations(draw: st.DrawFn) -> Relation:
    count = draw(st.integers(2, 14))
    pairs = list(combinations(range(count), 2))
    return count, frozenset(draw(st.sets(st.sampled_from(pairs))))


@settings(max_examples=150, deadline=None)
@given(relations())
def test_two_rows_share_a_letter_exactly_when_nothing_tells_them_apart(relation: Relation) -> None:
    check(*relation)


def test_rows_that_are_all_alike_have_one_letter_and_rows_all_different_one_each() -> None:
    assert letter_display(4, []) == ["a", "a", "a", "a"]
    assert letter_display(3, [(0, 1), (1, 2), (0, 2)]) == ["a", "b", "c"]


def test_a_chain_of_small_steps() -> None:
    assert letter_display(3, [(0, 2)]) == ["a", "ab", "b"]


def test_a_row_of_large_spread_may_be_alike_to_rows_that_differ() -> None:
    # rows 0 and 2 are precise and differ from each other; 1 is told from neither, 3 from 2 alone
    assert check(4, frozenset({(0, 2), (2, 3)})) == ["a", "ab", "b", "a"]


def test_the_order_of_a_pair_does_not_matter() -> None:
    assert letter_display(3, [(2, 0)]) == letter_display(3, [(0, 2)])


def test_past_z_letters_stay_apart() -> None:
    count = 30
    letters = check(count, frozenset(combinations(range(count), 2)))
    assert letters[25:28] == ["z", "aa.", "ab."]
    assert not share_a_letter("a", "aa.")
    assert share_a_letter("xaa.ab.", "ab.")
