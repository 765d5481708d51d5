"""How examples are shared out, against a plain computation and the promises of the card."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench.errors import DataError
from genbench_datasets.own_data.splitting import Parts, as_published, by_content, by_piece, in_order

RNG = np.random.default_rng(0)


def indices(parts: Parts) -> list[list[int]]:
    return [part.tolist() for part in (parts.train, parts.valid, parts.test)]


def test_the_first_fifth_by_sha256_is_the_test_split() -> None:
    x = RNG.normal(size=(50, 3)).astype(np.float32)
    ranked = sorted(range(50), key=lambda index: hashlib.sha256(x[index].tobytes()).digest())
    train, valid, test = indices(by_content(x))
    assert set(test) == set(ranked[:10])
    assert set(valid) == set(ranked[10:20])
    assert set(train) == set(ranked[20:])


ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=10, max_size=60)


def contents(x: np.ndarray, part: list[int]) -> Counter[bytes]:
    return Counter(map(bytes, x[part]))


@given(rows=ROWS, seed=st.integers(0, 1000))
def test_rows_are_shared_out_one_by_one_whatever_their_order(rows: list[tuple[int, int]], seed: int) -> None:
    x = np.array(rows, np.uint8)
    shuffled = x[np.random.default_rng(seed).permutation(len(x))]
    parts = indices(by_content(x, together=False))
    assert sorted(itertools.chain(*parts)) == list(range(len(x)))
    for part, other in zip(parts, indices(by_content(shuffled, together=False)), strict=True):
        assert contents(x, part) == contents(shuffled, other)
    fifth, two_fifths = math.ceil(len(x) / 5), math.ceil(len(x) * 2 / 5)
    assert [len(part) for part in parts] == [len(x) - two_fifths, two_fifths - fifth, fifth]


@given(rows=ROWS.filter(lambda rows: len(set(rows)) >= 10), seed=st.integers(0, 1000))
def test_equal_examples_share_a_split_whatever_their_order(rows: list[tuple[int, int]], seed: int) -> None:
    x = np.array(rows, np.uint8)
    shuffled = x[np.random.default_rng(seed).permutation(len(x))]
    parts = indices(by_content(x))
    assert sorted(itertools.chain(*parts)) == list(range(len(x)))
    for part, other in zip(parts, indices(by_content(shuffled)), strict=True):
        assert contents(x, part) == contents(shuffled, other)
    assert sum(len(contents(x, part)) for part in parts) == len(set(rows))


def test_atoms_of_a_distribution_are_in_every_split() -> None:
    """A thousand draws of four values: kept together, a split would have some values and not others."""
    x = RNG.integers(0, 2, (1000, 2), dtype=np.uint8)
    for part in indices(by_content(x, together=False)):
        assert len(np.unique(x[part], axis=0)) == 4


def test_each_class_is_shared_out_by_itself() -> None:
    x = RNG.normal(size=(60, 2)).astype(np.float32)
    y = np.repeat([0, 1, 2], [30, 25, 5])
    counts = [np.bincount(y[part]).tolist() for part in indices(by_content(x, y, ("a", "b", "c")))]
    assert counts == [[18, 15, 3], [6, 5, 1], [6, 5, 1]]


def test_the_fewest_that_will_do() -> None:
    x = RNG.normal(size=(10, 2)).astype(np.float32)
    assert [len(part) for part in indices(by_content(x))] == [6, 2, 2]
    with pytest.raises(DataError, match="9 examples; 10 are needed"):
        by_content(x[:9])
    y = np.array([0] * 7 + [1] * 3)
    assert all(set(y[part]) == {0, 1} for part in indices(by_content(x, y, ("a", "b"))))
    with pytest.raises(DataError, match="class 'c' has 0 examples"):
        by_content(x, y, ("a", "b", "c"))


def test_sequences_are_cut_in_order() -> None:
    assert indices(in_order(21)) == [list(range(16)), [16, 17], [18, 19, 20]]
    assert [len(part) for part in indices(in_order(20))] == [16, 2, 2]
    with pytest.raises(DataError, match="19 examples; 20 are needed"):
        in_order(19)


def test_windows_of_a_piece_share_its_split() -> None:
    pieces = [RNG.integers(0, 2, (8, 4), dtype=np.uint8) for _ in range(20)]
    pieces.append(pieces[3].copy())
    counts = [2 + index % 3 for index in range(21)]
    of_window = np.repeat(np.arange(21), counts)
    parts = indices(by_piece(pieces, counts))
    assert sorted(itertools.chain(*parts)) == list(range(sum(counts)))
    in_split = [set(of_window[part]) for part in parts]
    assert sum(map(len, in_split)) == 21
    assert [len(each - {20}) for each in in_split] == [12, 4, 4]
    assert any({3, 20} <= each for each in in_split)
    with pytest.raises(DataError, match=r"4 different pieces long enough; .* 5 are needed"):
        by_piece(pieces[:4], counts[:4])


def test_published_splits_stay_and_what_is_missing_is_taken_from_train() -> None:
    x = RNG.normal(size=(40, 2)).astype(np.float32)
    train, test = np.arange(25), np.arange(25, 40)
    parts = as_published(x, {"train": train, "test": test})
    assert parts.test.tolist() == test.tolist()
    assert len(parts.valid) == 5
    assert sorted([*parts.train, *parts.valid]) == train.tolist()
    ordered = as_published(x, {"train": train, "valid": test}, ordered=True)
    assert ordered.train.tolist() == list(range(22))
    assert ordered.test.tolist() == [22, 23, 24]
    assert "test is the last tenth of train" in ordered.words
    with pytest.raises(DataError, match="1 example in the test split; it needs 2"):
        as_published(x, {"train": train, "test": test[:1]})
