"""Pairs for translation have the right answers that their rules say."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch

from genbench_datasets.embedded.cards import CARDS
from genbench_datasets.embedded.translation import (
    FORMAL_STEPS,
    PLAIN_STEPS,
    STYLE_SYMBOLS,
    InventedLanguage,
    formal,
    plain,
)

LANGUAGE = InventedLanguage()
BY_NAME = {card.name: card for card in CARDS}


def in_words(codes: Sequence[int]) -> str:
    return " ".join(LANGUAGE.symbols[code] for code in codes if code)


def test_a_sentence_has_the_translation_of_the_rules() -> None:
    codes = LANGUAGE.pair(["the", "tall", "teacher", "sees", "a", "bird", "near", "the", "green", "river"])
    assert in_words(codes[LANGUAGE.steps :]) == "la vessa alt uno tilo lo aquen vir apu vidak"
    with pytest.raises(ValueError, match="is no sentence"):
        LANGUAGE.pair(["the", "teacher", "the", "bird"])


def test_the_likelihood_of_a_pair_is_that_of_its_source() -> None:
    codes = LANGUAGE.pair(["the", "tall", "teacher", "sees", "a", "bird", "near", "the", "green", "river"])
    # three articles of 2 and nouns of 12, two adjectives of 6, one noun without; verbs of 8, prepositions of 4
    expected = -3 * math.log(24) + 2 * math.log(0.7 / 6) + math.log(0.3) - math.log(32)
    wrong_answer, no_sentence = list(codes), list(codes)
    wrong_answer[LANGUAGE.steps] += 1
    no_sentence[0] = 0
    values = LANGUAGE.log_prob(torch.tensor([codes, wrong_answer, no_sentence])).tolist()
    assert values == [pytest.approx(expected), -math.inf, -math.inf]


def test_samples_cost_the_entropy_of_the_language() -> None:
    nouns = 3 * (math.log(24) + 0.7 * math.log(6 / 0.7) - 0.3 * math.log(0.3))
    x = LANGUAGE.sample(400, torch.Generator().manual_seed(0))
    values = -LANGUAGE.log_prob(x)
    error = float(values.std()) / 20
    assert float(values.mean()) == pytest.approx(nouns + math.log(32), abs=4 * error)


def test_the_plain_style_says_the_same_in_other_words() -> None:
    parts = ("they", "do not", "purchase", "entire", "residence", "this evening")
    assert formal(*parts) == "they do not purchase the entire residence this evening"
    assert plain(*parts) == "they don't buy the whole home tonight"


def test_cards_say_what_the_data_are() -> None:
    words = tuple(f"{symbol} " for symbol in LANGUAGE.symbols)
    assert BY_NAME["invented-language"].alphabet == words
    assert BY_NAME["formal-plain"].alphabet == STYLE_SYMBOLS
    spec = BY_NAME["formal-plain"].spec
    assert (spec.source_steps, spec.event_shape[0]) == (FORMAL_STEPS, FORMAL_STEPS + PLAIN_STEPS)
