"""n-grams against plain Python, and what their metrics tell apart."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import Tensor

from genbench.metrics.numerics.grams import share_distinct, share_known, share_known_of_reference
from genbench.metrics.text.ngrams import ngram_js_divergence, ngrams


def markov(count: int, length: int, seed: int, stay: float = 0.8) -> Tensor:
    """Five symbols; each is repeated with probability `stay`, else the next follows: (count, length)."""
    generator = torch.Generator().manual_seed(seed)
    first = torch.randint(5, (count, 1), generator=generator)
    moves = (torch.rand(count, length - 1, generator=generator) > stay).long()
    return (torch.cat([first, moves], 1).cumsum(1)) % 5


def test_ids_tell_apart_what_python_tells_apart() -> None:
    x, y = markov(4, 9, 0, 0.3), markov(3, 9, 1, 0.3)
    for n, (of_x, of_y) in enumerate(ngrams(x, y, 4), start=1):
        for tokens, found in ((x, of_x), (y, of_y)):
            expected = [tuple(row[i : i + n]) for row in tokens.tolist() for i in range(10 - n)]
            assert len(found) == len(expected)
            by_id: dict[int, set[tuple[int, ...]]] = {}
            for gram, name in zip(expected, found.ids.tolist(), strict=True):
                by_id.setdefault(name, set()).add(gram)
            assert all(len(names) == 1 for names in by_id.values())
            assert len(by_id) == len(Counter(expected))


def test_large_vocabularies_do_not_overflow() -> None:
    x = torch.tensor([[50_000, 49_999, 1, 2, 3]] * 2 + [[0, 0, 0, 0, 0]])
    (grams, _) = ngrams(x, x, 4)[-1]
    assert grams.ids[0] == grams.ids[2]
    assert len(set(grams.ids.tolist())) == 3


def test_sequences_shorter_than_four_tokens_have_shorter_ngrams() -> None:
    two_tokens = torch.zeros(3, 2, dtype=torch.int64)
    assert [len(x) for x, _ in ngrams(two_tokens, two_tokens, 4)] == [6, 3]


def test_what_is_known_of_copies_and_of_unlike_text() -> None:
    real, same, other = markov(200, 32, 0), markov(200, 32, 1), markov(200, 32, 2, stay=0.2)
    assert float(ngram_js_divergence(real, real).value) == pytest.approx(0, abs=1e-12)
    alike, unlike = ngram_js_divergence(same, real), ngram_js_divergence(other, real)
    assert float(unlike.value) > 10 * float(alike.value)
    one_symbol = torch.zeros_like(real)
    repeated, reference = ngrams(one_symbol, real, 4)[-1]
    assert float(share_known(repeated, reference).value) == 1  # one good sentence
    assert float(share_known_of_reference(repeated, reference).value) < 0.3
    assert float(share_distinct(repeated)[0]) == pytest.approx(1 / (200 * 29))


def test_disjoint_alphabets_are_as_far_apart_as_can_be() -> None:
    found = ngram_js_divergence(torch.zeros(5, 8, dtype=torch.int64), torch.ones(5, 8, dtype=torch.int64))
    assert float(found.value) == pytest.approx(0.6931471805599453)
