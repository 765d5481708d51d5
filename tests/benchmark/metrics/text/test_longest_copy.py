"""The longest copy against the obvious search."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genbench.metrics.text.longest_copy import longest_copies


def plain(row: list[int], train: list[list[int]]) -> int:
    found = 0
    for begin in range(len(row)):
        while begin + found < len(row) and any(
            row[begin : begin + found + 1] == other[i : i + found + 1]
            for other in train
            for i in range(len(other))
        ):
            found += 1
    return found


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20), st.integers(2, 6), st.integers(0, 10_000))
def test_equals_the_obvious_search(length: int, levels: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(levels, (4, length), generator=generator)
    train = torch.randint(levels, (3, length), generator=generator)
    assert longest_copies(x, train).tolist() == [plain(row, train.tolist()) for row in x.tolist()]


@pytest.mark.parametrize("length", [63, 64, 65])
def test_a_copied_passage_is_measured_to_the_token(length: int) -> None:
    train = torch.arange(2 * 100).reshape(2, 100)
    x = torch.full((1, 100), 500)
    x[0, 7 : 7 + length] = train[1, 11 : 11 + length]
    assert longest_copies(x, train).tolist() == [length]
    assert longest_copies(train[:1], train).tolist() == [100]
    # a run that goes on into the next training example is no run of one example
    assert longest_copies(torch.arange(50, 150)[None], train).tolist() == [50]
