"""Metrics of translations against values that are known."""

from __future__ import annotations

import math

import pytest
import torch

from genbench import DataSpec, Split
from genbench.features import Extractor
from genbench.metrics.scoring import ScoringInputs
from genbench.metrics.text.translation import (
    corpus_bleu,
    corpus_chrf,
    exact_matches,
    score_translation,
    target_text,
)
from genbench.samples.translations import Translations

ALPHABET = ("∎", *"abcdefg")


def test_what_follows_the_end_does_not_count() -> None:
    right = torch.tensor([[1, 2, 0, 0], [1, 2, 3, 4], [1, 2, 0, 0]])
    answers = torch.tensor([[1, 2, 0, 5], [1, 2, 3, 4], [1, 2, 1, 0]])
    assert exact_matches(answers, right).tolist() == [True, True, False]
    assert target_text([1, 2, 0, 5], ALPHABET) == "ab"
    assert target_text([1, 2, 0, 5], None) == "1 2"


def test_bleu_and_chrf_are_those_of_their_definitions() -> None:
    # Papineni et al. 2002: matched n-grams 4/5, 3/4, 2/3, 1/2; no brevity penalty
    answer, right = "the cat sat down quickly", "the cat sat down slowly"
    precisions = (4 / 5, 3 / 4, 2 / 3, 1 / 2)
    assert corpus_bleu(words=True)([answer], [right]) == pytest.approx(100 * math.prod(precisions) ** (1 / 4))
    # Popović 2015: mean of n-gram precisions and recalls for n = 1..6, beta 2; "abcd" and "abce": 3/4, 2/3, 1/2, 0
    share = (3 / 4 + 2 / 3 + 1 / 2 + 0) / 4
    assert corpus_chrf(["abcd"], ["abce"]) == pytest.approx(100 * share)
    assert corpus_chrf(["abcd"], ["abcd"]) == pytest.approx(100)


def test_right_answers_have_the_best_values_and_none_gives_a_reason() -> None:
    spec = DataSpec(name="p", modality="tokens", event_shape=(7,), levels=8, source_steps=3)
    x = torch.randint(1, 8, (40, 7), generator=torch.Generator().manual_seed(0))
    split = Split(spec, x.to(torch.uint8))
    extractor = Extractor(name="none", hash="0", compute=lambda x: x.flatten(1).float())

    def values(translations: Translations | None) -> dict[str, float | None]:
        inputs = ScoringInputs(spec, x, x, split, extractor, translations=translations, alphabet=ALPHABET)
        return {each.name: each.value for each in score_translation(inputs)}

    assert values(Translations(x)) == pytest.approx({"exact_match": 1.0, "chrf": 100.0, "bleu": 100.0})
    half = x.clone()
    half[::2, 3:] = x[::2, 3:].roll(1, 0)
    assert values(Translations(half))["exact_match"] == pytest.approx(0.5)
    assert values(Translations(reason="it broke")) == {"exact_match": None, "chrf": None, "bleu": None}
    assert values(None) == {}
