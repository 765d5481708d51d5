"""Pairs for translation whose right answers are known: an invented language, and two styles of English.

A pair is one example of tokens: the source, padded with symbol 0, then the target, padded too
(`DataSpec.source_steps`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genbench import Dataset, DataSpec, Split
from genbench.api import storage_dtype

END = "∎"
"""The symbol of code 0, which ends source and target."""
_SIZES = (4000, 1000, 1000)

# ---- an invented language

NOUNS = {
    "dog": ("mip", "o"),
    "cat": ("sefa", "a"),
    "bird": ("tilo", "o"),
    "child": ("nebi", "a"),
    "baker": ("karu", "o"),
    "teacher": ("vessa", "a"),
    "house": ("domo", "o"),
    "garden": ("hilva", "a"),
    "river": ("aquen", "o"),
    "bridge": ("ponta", "a"),
    "forest": ("silvo", "o"),
    "tower": ("turra", "a"),
}
"""English noun: the invented one, and its gender."""
ADJECTIVES = {"brown": "gam", "small": "pik", "happy": "lus", "quiet": "shen", "green": "vir", "tall": "alt"}
"""They follow their noun."""
VERBS = {
    "sees": "vidak",
    "likes": "amek",
    "finds": "trovik",
    "follows": "sekvok",
    "paints": "pintuk",
    "hears": "audak",
    "visits": "venik",
    "remembers": "memok",
}
"""They end the sentence."""
PREPOSITIONS = {"in": "en", "near": "apu", "behind": "retro", "with": "kun"}
"""They follow their noun, with its adjective."""
ARTICLES = {"the": {"o": "lo", "a": "la"}, "a": {"o": "uno", "a": "una"}}
"""They agree with the gender of their noun."""
_PLAIN_SHARE = 0.3
"""The share of nouns without an adjective."""


@dataclass(frozen=True)
class InventedLanguage:
    """English sentences of the form "the brown dog sees a bird near the tower", and their translations.

    Articles, nouns, verbs, prepositions and whether there is an adjective are independent of each other, and alike in
    their group. The translation is the one that the rules give: subject, object, place, verb; adjectives and
    prepositions after the noun; articles that agree with the noun. So the likelihood of a pair is exact: that of its
    source, or 0 where the translation is wrong.
    """

    modes: Tensor | None = None
    """There are none to count."""
    mode_scale: float | None = None
    steps: int = 11
    """Words of the longest source, and of the longest target."""

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The word of each code."""
        english = sorted({*NOUNS, *ADJECTIVES, *VERBS, *PREPOSITIONS, *ARTICLES})
        invented = {word for word, _ in NOUNS.values()}
        for words in (ADJECTIVES, VERBS, PREPOSITIONS):
            invented |= set(words.values())
        invented |= {word for by_gender in ARTICLES.values() for word in by_gender.values()}
        return (END, *english, *sorted(invented))

    @cached_property
    def _codes(self) -> Mapping[str, int]:
        return {word: code for code, word in enumerate(self.symbols)}

    def log_prob(self, x: Int[Tensor, "n steps"]) -> Float[Tensor, " n"]:
        """(N, T) -> (N,) nats, float64; -inf for what is no sentence with its right translation."""
        return torch.tensor([self._log_prob(row) for row in x.tolist()], dtype=torch.float64, device=x.device)

    def _log_prob(self, row: Sequence[int]) -> float:
        words = [self.symbols[code] for code in row[: self.steps]]
        end = words.index(END) if END in words else self.steps
        phrases = _parsed(words[:end])
        if phrases is None or self.pair(words[:end]) != list(row):
            return -math.inf
        nouns, adjectives = 3, sum(len(phrase) == 3 for phrase in phrases)
        return (
            nouns * -math.log(len(ARTICLES) * len(NOUNS))
            + adjectives * math.log((1 - _PLAIN_SHARE) / len(ADJECTIVES))
            + (nouns - adjectives) * math.log(_PLAIN_SHARE)
            - math.log(len(VERBS) * len(PREPOSITIONS))
        )

    def pair(self, source: Sequence[str]) -> list[int]:
        """The codes of a sentence and of its translation, each padded."""
        phrases = _parsed(source)
        if phrases is None:
            raise ValueError(f"{' '.join(source)!r} is no sentence of the language")
        return _padded([self._codes[word] for word in source], self.steps) + _padded(
            [self._codes[word] for word in translated(phrases, source)], self.steps
        )

    def sample(self, count: int, generator: torch.Generator) -> Int[Tensor, "count steps"]:
        """(count, T) int64."""
        rows = [self.pair(self._sentence(generator)) for _ in range(count)]
        return torch.tensor(rows, dtype=torch.int64, device=generator.device)

    def _sentence(self, generator: torch.Generator) -> list[str]:
        def noun() -> list[str]:
            plain = _uniform(generator) < _PLAIN_SHARE
            adjective = [] if plain else [_one_of(ADJECTIVES, generator)]
            return [_one_of(ARTICLES, generator), *adjective, _one_of(NOUNS, generator)]

        verb, preposition = _one_of(VERBS, generator), _one_of(PREPOSITIONS, generator)
        return [*noun(), verb, *noun(), preposition, *noun()]


def translated(phrases: Sequence[Sequence[str]], source: Sequence[str]) -> list[str]:
    """The right translation of a sentence. phrases: its three nouns with article and adjective."""
    verb, preposition = (next(word for word in source if word in words) for words in (VERBS, PREPOSITIONS))
    subject, target, place = (_noun_phrase(phrase) for phrase in phrases)
    return [*subject, *target, *place, PREPOSITIONS[preposition], VERBS[verb]]


def _noun_phrase(phrase: Sequence[str]) -> list[str]:
    article, *adjectives, noun = phrase
    word, gender = NOUNS[noun]
    return [ARTICLES[article][gender], word, *(ADJECTIVES[adjective] for adjective in adjectives)]


def _parsed(words: Sequence[str]) -> list[list[str]] | None:
    """The three phrases of article, adjective and noun; None for what is no sentence."""
    phrases, at = [], 0
    for follows in (VERBS, PREPOSITIONS, None):
        size = 3 if at + 1 < len(words) and words[at + 1] in ADJECTIVES else 2
        phrase = list(words[at : at + size])
        if len(phrase) < size or phrase[0] not in ARTICLES or phrase[-1] not in NOUNS:
            return None
        phrases.append(phrase)
        at += size
        if follows is not None:
            if at >= len(words) or words[at] not in follows:
                return None
            at += 1
    return phrases if at == len(words) else None


# ---- two styles of English

_SUBJECTS = ("I", "we", "you", "they")
_PHRASES = {
    "will": "'ll",
    "will not": " won't",
    "would": "'d",
    "do not": " don't",
    "cannot": " can't",
    "should not": " shouldn't",
}
_ACTIONS = {
    "purchase": "buy",
    "require": "need",
    "commence": "start",
    "assist with": "help with",
    "terminate": "end",
    "examine": "look at",
    "discard": "throw out",
    "construct": "build",
    "locate": "find",
    "postpone": "put off",
    "demonstrate": "show",
    "repair": "fix",
}
_ATTRIBUTES = {
    "additional": "extra",
    "entire": "whole",
    "initial": "first",
    "final": "last",
    "substantial": "big",
    "adequate": "good",
    "previous": "old",
    "subsequent": "next",
}
_THINGS = {
    "residence": "home",
    "vehicle": "car",
    "document": "paper",
    "assignment": "task",
    "garment": "coat",
    "beverage": "drink",
    "apparatus": "tool",
    "establishment": "shop",
    "correspondence": "mail",
    "procedure": "way",
    "error": "slip",
    "meal": "meal",
    "plan": "plan",
    "letter": "letter",
    "bridge": "bridge",
    "garden": "garden",
}
_TIMES = {
    "this evening": "tonight",
    "at present": "now",
    "in the near future": "soon",
    "at a later time": "later",
    "prior to noon": "before noon",
    "on a daily basis": "every day",
    "without delay": "right away",
    "on that occasion": "then",
    "in the morning": "in the morning",
    "next week": "next week",
    "tomorrow": "tomorrow",
    "after work": "after work",
}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def plain(subject: str, phrase: str, action: str, attribute: str, thing: str, time: str) -> str:
    """The plain form of a sentence, by the rules of the tables above."""
    joined = f"{subject}{_PHRASES[phrase]} {_ACTIONS[action]}"
    return f"{joined} the {_ATTRIBUTES[attribute]} {_THINGS[thing]} {_TIMES[time]}"


def formal(subject: str, phrase: str, action: str, attribute: str, thing: str, time: str) -> str:
    """The formal form of the same sentence."""
    return f"{subject} {phrase} {action} the {attribute} {thing} {time}"


_PARTS: tuple[Sequence[str], ...] = tuple(
    tuple(part) for part in (_SUBJECTS, _PHRASES, _ACTIONS, _ATTRIBUTES, _THINGS, _TIMES)
)
STYLE_SYMBOLS: tuple[str, ...] = (END, " ", "'", "I", *_LETTERS)
"""The character of each code."""


def _longest(style: Callable[..., str]) -> int:
    """Characters of the longest sentence in that style; each part is as long as it can be."""
    alone = style(*(part[0] for part in _PARTS))
    return len(alone) + sum(
        max(
            len(style(*(part if at == place else each[0] for at, each in enumerate(_PARTS))))
            for part in _PARTS[place]
        )
        - len(alone)
        for place in range(len(_PARTS))
    )


FORMAL_STEPS, PLAIN_STEPS = _longest(formal), _longest(plain)
"""Characters of the longest formal and of the longest plain sentence."""


# ---- data sets


def invented_language_truth() -> InventedLanguage:
    return InventedLanguage()


def invented_language() -> Dataset:
    """Splits of independent draws, with seeds 0, 1 and 2."""
    truth = invented_language_truth()
    splits = [
        truth.sample(size, torch.Generator().manual_seed(seed)).tolist() for seed, size in enumerate(_SIZES)
    ]
    return _dataset("invented-language", splits, truth.steps, truth.symbols, truth)


def formal_plain() -> Dataset:
    """Different sentences, drawn with seed 0."""
    generator = torch.Generator().manual_seed(0)
    codes = {symbol: code for code, symbol in enumerate(STYLE_SYMBOLS)}
    rows: dict[tuple[str, ...], list[int]] = {}
    while len(rows) < sum(_SIZES):
        parts = tuple(_one_of(part, generator) for part in _PARTS)
        sides = (formal(*parts), FORMAL_STEPS), (plain(*parts), PLAIN_STEPS)
        rows[parts] = [
            code for text, steps in sides for code in _padded([codes[symbol] for symbol in text], steps)
        ]
    found = list(rows.values())
    first, second = _SIZES[0], _SIZES[0] + _SIZES[1]
    return _dataset(
        "formal-plain", [found[:first], found[first:second], found[second:]], FORMAL_STEPS, STYLE_SYMBOLS
    )


def _dataset(
    name: str,
    splits: Sequence[Sequence[Sequence[int]]],
    source: int,
    symbols: Sequence[str],
    truth: InventedLanguage | None = None,
) -> Dataset:
    spec = DataSpec(
        name=name,
        modality="tokens",
        event_shape=(len(splits[0][0]),),
        levels=len(symbols),
        source_steps=source,
    )
    train, valid, test = (Split(spec, torch.tensor(rows).to(storage_dtype(spec))) for rows in splits)
    return Dataset(spec, train, valid, test, truth)


def _padded(codes: Sequence[int], steps: int) -> list[int]:
    return [*codes, *[0] * (steps - len(codes))]


def _uniform(generator: torch.Generator) -> float:
    return float(torch.rand((), generator=generator, device=generator.device, dtype=torch.float64))


def _one_of(words: Sequence[str] | Mapping[str, object], generator: torch.Generator) -> str:
    return list(words)[int(_uniform(generator) * len(words))]
