"""Languages whose probabilities are known: of a hidden Markov chain, and of a probabilistic grammar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genbench import Dataset, DataSpec, Split, Truth
from genbench.api import storage_dtype

_SIZES = (4000, 1000, 1000)
_AT_ONCE = 1024  # sentences whose charts are held in memory

Rules = Mapping[str, Mapping[str, float]]
"""What each symbol is rewritten to, with probabilities that sum to 1: "NP VP" are two symbols, "dog" is a word if
nothing rewrites it."""


@dataclass(frozen=True)
class HiddenMarkovLanguage:
    """States in a ring: each stays with probability 0.6, or goes on to the next (0.3) or the one after it (0.1), and
    emits a letter: one of weight 1, its two neighbours in the alphabet's ring of 1/3, the next ones of 1/9, and so on.
    All states are equally likely at first, and so at all times."""

    steps: int = 32
    """Letters in a word."""
    states: int = 5
    levels: int = 10
    """Letters in the alphabet, twice as many as states."""
    modes: Tensor | None = None
    """There are none to count."""
    mode_scale: float | None = None

    @cached_property
    def transitions(self) -> Float[Tensor, "states states"]:
        """[i, j]: the probability that state j follows state i."""
        eye = torch.eye(self.states, dtype=torch.float64)
        return 0.6 * eye + 0.3 * eye.roll(1, 1) + 0.1 * eye.roll(2, 1)

    @cached_property
    def emissions(self) -> Float[Tensor, "states levels"]:
        """[i, v]: the probability that state i emits letter v."""
        apart = torch.arange(self.levels) - 2 * torch.arange(self.states).unsqueeze(1)
        around = torch.minimum(apart % self.levels, -apart % self.levels)
        weights = 3.0 ** -around.double()
        return weights / weights.sum(1, keepdim=True)

    def log_prob(self, x: Int[Tensor, "n time"]) -> Float[Tensor, " n"]:
        """(N, T) -> (N,) nats, float64, by the forward algorithm."""
        ahead = torch.full((len(x), self.states), 1 / self.states, dtype=torch.float64, device=x.device)
        emissions, transitions = self.emissions.to(x.device), self.transitions.to(x.device)
        total = torch.zeros(len(x), dtype=torch.float64, device=x.device)
        for t in range(x.shape[1]):
            joint = ahead * emissions[:, x[:, t]].T
            norm = joint.sum(1, keepdim=True)
            total += norm[:, 0].log()
            ahead = joint / norm @ transitions
        return total

    def sample(self, count: int, generator: torch.Generator) -> Int[Tensor, "count time"]:
        """(count, T) int64."""
        device = generator.device
        state = torch.randint(self.states, (count,), generator=generator, device=device)
        letters = []
        for _ in range(self.steps):
            letters.append(_chosen(self.emissions.to(device)[state], generator))
            state = _chosen(self.transitions.to(device)[state], generator)
        return torch.stack(letters, 1)


class Grammar:
    """A probabilistic context-free grammar, given the number of words.

    A symbol becomes two symbols or one word. p(x) is the sum over all derivations of the sentence (the inside
    algorithm, Baker 1979) over the probability that a sentence has so many words.
    """

    modes: Tensor | None = None
    mode_scale: float | None = None

    def __init__(self, rules: Rules, words: Sequence[str], start: str, steps: int) -> None:
        self.steps = steps
        self.words = tuple(words)
        self._symbols = list(rules)
        self._start = self._symbols.index(start)
        size = len(rules)
        emitted = torch.zeros(size, len(words), dtype=torch.float64)
        pairs: list[tuple[int, int, int, float]] = []
        for parent, options in enumerate(rules.values()):
            for option, probability in options.items():
                parts = option.split()
                if len(parts) == 2:
                    left, right = (self._symbols.index(part) for part in parts)
                    pairs.append((parent, left, right, probability))
                else:
                    emitted[parent, self.words.index(option)] = probability
        self._emitted = emitted  # [A, w]: of rewriting A to word w
        self._pairs = pairs
        # [A, n]: the probability that A becomes n words
        self._sizes = torch.zeros(size, steps + 1, dtype=torch.float64)
        self._sizes[:, 1] = emitted.sum(1)
        for length in range(2, steps + 1):
            for parent, left, right, probability in pairs:
                self._sizes[parent, length] += probability * (
                    self._sizes[left, 1:length] @ self._sizes[right, 1:length].flip(0)
                )

    def log_prob(self, x: Int[Tensor, "n time"]) -> Float[Tensor, " n"]:
        """(N, T) -> (N,) nats, float64; -inf for what is no sentence."""
        inside = torch.cat([self._inside(some) for some in x.split(_AT_ONCE)])
        return (inside / self._sizes[self._start, self.steps].to(x.device)).log()

    def _inside(self, x: Int[Tensor, "n time"]) -> Float[Tensor, " n"]:
        """The sum over derivations."""
        # [length]: (N, places, symbols), the probability that a symbol becomes the words from a place on
        charts = [torch.empty(0), self._emitted.to(x.device).T[x]]
        for length in range(2, self.steps + 1):
            places = self.steps - length + 1
            chart = torch.zeros(len(x), places, len(self._symbols), dtype=torch.float64, device=x.device)
            for first in range(1, length):
                left, right = charts[first][:, :places], charts[length - first][:, first : first + places]
                for parent, a, b, probability in self._pairs:
                    chart[..., parent] += probability * left[..., a] * right[..., b]
            charts.append(chart)
        return charts[self.steps][:, 0, self._start]

    def sample(self, count: int, generator: torch.Generator) -> Int[Tensor, "count time"]:
        """(count, T) int64: symbols are rewritten from the whole sentence down to words, all sentences together."""
        device = generator.device
        nothing = -1
        # [length][:, place]: the symbol that becomes so many words from that place on
        charts = [
            torch.full((count, self.steps - length + 1), nothing, device=device)
            for length in range(self.steps + 1)
        ]
        charts[self.steps][:, 0] = self._start
        for length in range(self.steps, 1, -1):
            for parent in range(len(self._symbols)):
                options = self._options(parent, length)
                at, place = (charts[length] == parent).nonzero(as_tuple=True)
                if len(at) == 0:
                    continue
                weights = torch.tensor([weight for *_, weight in options], dtype=torch.float64, device=device)
                chosen = _chosen((weights / weights.sum()).expand(len(at), -1), generator)
                for number, (left, right, first, _) in enumerate(options):
                    of_these = chosen == number
                    rows, places = at[of_these], place[of_these]
                    charts[first][rows, places] = left
                    charts[length - first][rows, places + first] = right
        emitted = self._emitted.to(device)
        of_word = emitted / emitted.sum(1, keepdim=True).clamp(min=1e-300)
        return _chosen(of_word[charts[1].flatten()], generator).reshape(count, self.steps)

    def _options(self, parent: int, length: int) -> list[tuple[int, int, int, float]]:
        """The ways to rewrite a symbol that becomes so many words: two symbols, the words of the first, the weight."""
        return [
            (left, right, first, weight)
            for symbol, left, right, probability in self._pairs
            if symbol == parent
            for first in range(1, length)
            if (weight := probability * float(self._sizes[left, first] * self._sizes[right, length - first]))
            > 0
        ]


SENTENCES: Rules = {
    "S": {"NP VP": 0.8, "S AND": 0.2},
    "AND": {"C S": 1.0},
    "NP": {"D N": 0.5, "NP PP": 0.2, "she": 0.15, "he": 0.15},
    "N": {"J N": 0.3, "dog": 0.2, "bird": 0.15, "child": 0.15, "house": 0.1, "garden": 0.1},
    "VP": {"V NP": 0.6, "VP PP": 0.2, "sleeps": 0.1, "sings": 0.1},
    "PP": {"P NP": 1.0},
    "D": {"the": 0.6, "a": 0.4},
    "J": {"old": 0.4, "small": 0.4, "happy": 0.2},
    "V": {"sees": 0.4, "likes": 0.3, "finds": 0.3},
    "P": {"in": 0.4, "near": 0.4, "with": 0.2},
    "C": {"and": 0.6, "while": 0.4},
}
"""Symbols in capitals; the others are words."""
WORDS = tuple(sorted({option for options in SENTENCES.values() for option in options if " " not in option}))
"""The word of each code."""
_WORDS_PER_SENTENCE = 24


def hidden_markov_language_truth() -> HiddenMarkovLanguage:
    return HiddenMarkovLanguage()


def hidden_markov_language() -> Dataset:
    truth = hidden_markov_language_truth()
    return _drawn("hmm-language", truth, truth.steps, truth.levels)


def grammar_truth() -> Grammar:
    return Grammar(SENTENCES, WORDS, "S", _WORDS_PER_SENTENCE)


def grammar() -> Dataset:
    return _drawn("grammar", grammar_truth(), _WORDS_PER_SENTENCE, len(WORDS))


def _chosen(probabilities: Float[Tensor, "n options"], generator: torch.Generator) -> Int[Tensor, " n"]:
    """One option for each row."""
    uniform = torch.rand(
        len(probabilities), 1, generator=generator, device=generator.device, dtype=torch.float64
    )
    return (probabilities.cumsum(1)[:, :-1] <= uniform).sum(1)


def _drawn(name: str, truth: Truth, steps: int, levels: int) -> Dataset:
    """Splits of independent draws, with seeds 0, 1 and 2."""
    spec = DataSpec(name=name, modality="tokens", event_shape=(steps,), levels=levels)
    train, valid, test = (
        Split(spec, truth.sample(size, torch.Generator().manual_seed(seed)).to(storage_dtype(spec)))
        for seed, size in enumerate(_SIZES)
    )
    return Dataset(spec, train, valid, test, truth)
