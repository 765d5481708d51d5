"""Self-BLEU against a plain implementation."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch

from genbench.metrics.text.self_bleu import self_bleu


def plain(rows: list[list[int]], number: int) -> float:
    """BLEU-4 of one row with all others as references; 1 added to both counts from n = 2 on (Lin and Och 2004)."""
    logs = []
    for n in range(1, 5):

        def counts(row: list[int], n: int = n) -> Counter[tuple[int, ...]]:
            return Counter(tuple(row[i : i + n]) for i in range(len(row) - n + 1))

        mine = counts(rows[number])
        others = [counts(row) for i, row in enumerate(rows) if i != number]
        hits = sum(min(count, max(other[gram] for other in others)) for gram, count in mine.items())
        extra = 0 if n == 1 else 1
        logs.append(math.log((hits + extra) / (sum(mine.values()) + extra)) if hits + extra else -math.inf)
    return math.exp(sum(logs) / 4)


@pytest.mark.parametrize("levels", [2, 4, 30])
def test_equals_a_plain_implementation(levels: int) -> None:
    x = torch.randint(levels, (7, 12), generator=torch.Generator().manual_seed(levels))
    expected = [plain(x.tolist(), number) for number in range(len(x))]
    assert self_bleu(x).tolist() == pytest.approx(expected)


def test_equal_samples_get_1() -> None:
    assert self_bleu(torch.arange(10).repeat(3, 1)).tolist() == pytest.approx([1.0] * 3)


def test_one_sample() -> None:
    with pytest.raises(ValueError, match="needs at least 2"):
        self_bleu(torch.zeros(1, 5, dtype=torch.int64))
