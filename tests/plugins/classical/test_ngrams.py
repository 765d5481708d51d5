"""N-grams against the formulas written out, published text, enumeration and their own samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from every_example import every_example
from mirror import MIRROR, needs_mirror_of

from genbench import ComputeMeter, DataSpec, Split
from genbench.api.budget import Budget
from genbench.errors import DataError
from genbench.plugin.discovery import load_registry
from genbench_models.classical.kneser_ney import KneserNey
from genbench_models.classical.ngram_model import NGramModel
from genbench_models.classical.witten_bell import WittenBell

LEVELS = 3
SPEC = DataSpec(name="tokens", modality="tokens", event_shape=(6,), levels=LEVELS)


def text_of(length: int, seed: int = 0) -> torch.Tensor:
    """Symbols 0, 1, 2, of which each tends to repeat the one two before."""
    generator = torch.Generator().manual_seed(seed)
    text = torch.randint(LEVELS, (length,), generator=generator)
    for i in range(2, length):
        if torch.rand((), generator=generator) < 0.6:
            text[i] = text[i - 2]
    return text


def windows_of(text: torch.Tensor, stride: int) -> Split:
    starts = torch.arange(0, len(text) - 5, stride)
    return Split(SPEC, text.unfold(0, 6, stride).to(torch.uint8), starts=starts)


def pieces_of(count: int, seed: int = 0) -> Split:
    return Split(SPEC, text_of(6 * count, seed).reshape(count, 6).to(torch.uint8))


def fitted(kind: type[NGramModel], train: Split, valid: Split | None = None, context: int = 2) -> NGramModel:
    model = kind(train.spec, max_context=context)
    meter = ComputeMeter(Budget.parse("1steps"), valid=valid or train)
    model.fit(train, meter)
    meter.finish()
    return model


# ---- the formulas, written out


def grams_of(text: torch.Tensor, size: int) -> Counter[tuple[int, ...]]:
    return Counter(tuple(gram) for gram in text.unfold(0, size, 1).tolist())


def kneser_ney(
    text: torch.Tensor, context: tuple[int, ...], symbol: int, *, is_longest: bool = True
) -> float:
    """p(symbol | context): occurrences of the longest context, ways of extending shorter ones to the left."""
    size = len(context) + 1
    longer = grams_of(text, size + 1)
    grams = grams_of(text, size) if is_longest else Counter(gram[1:] for gram in longer)
    once, twice = (sum(n == times for n in grams.values()) for times in (1, 2))
    discount = max(once, 0.5) / (max(once, 0.5) + 2 * twice)
    below = kneser_ney(text, context[1:], symbol, is_longest=False) if context else 1 / LEVELS
    following = [n for gram, n in grams.items() if gram[:-1] == context]
    if not following:
        return below
    seen = max(grams[(*context, symbol)] - discount, 0)
    return (seen + discount * len(following) * below) / sum(following)


def witten_bell(text: Sequence[int], context: tuple[int, ...], symbol: int) -> float:
    size = len(context)
    following = [text[i + size] for i in range(len(text) - size) if tuple(text[i : i + size]) == context]
    below = witten_bell(text, context[1:], symbol) if context else 1 / LEVELS
    if not following:
        return below
    different = len(set(following))
    return (following.count(symbol) + different * below) / (len(following) + different)


@pytest.mark.parametrize("kind", [KneserNey, WittenBell])
def test_probabilities_are_the_formulas(kind: type[NGramModel]) -> None:
    text = text_of(40)
    model = kind(SPEC)
    model.tables.count(text, torch.arange(40), 2, model.smoothed)
    model.context.fill_(2)
    example = text_of(30, seed=1)
    found = model.log_prob_each(example.unsqueeze(0))[0].exp()
    for i in range(30):
        context = tuple(example[max(0, i - 2) : i].tolist())
        if kind is KneserNey:
            wanted = kneser_ney(text, context, int(example[i]))
        else:
            wanted = witten_bell(text.tolist(), context, int(example[i]))
        assert found[i].item() == pytest.approx(wanted, rel=1e-12)


def test_tiny_shakespeare_has_the_known_values() -> None:
    """Continuous text, 1,003,854 characters to count and 111,540 to predict; nats a character."""
    (name,) = needs_mirror_of([load_registry().datasets["tiny-shakespeare"]])
    _, codes = np.unique(np.fromfile(MIRROR / name, np.uint8), return_inverse=True)
    train, test = torch.from_numpy(codes).split([1_003_854, 111_540])
    spec = DataSpec(name="text", modality="tokens", event_shape=(len(test),), levels=65)

    def nats(kind: type[NGramModel], longest: int, contexts: Sequence[int]) -> list[float]:
        model = kind(spec)
        model.tables.count(train, torch.arange(len(train)), longest, model.smoothed)
        values = []
        for context in contexts:
            model.context.fill_(context)
            values.append(-model.log_prob_each(test.unsqueeze(0)).mean().item())
        return values

    assert nats(KneserNey, 5, (3, 4, 5)) == pytest.approx([1.729, 1.579, 1.558], abs=5e-4)
    assert nats(WittenBell, 6, range(7)) == pytest.approx(
        [3.347, 2.486, 2.049, 1.774, 1.669, 1.698, 1.779], abs=5e-4
    )


# ---- windows and pieces


@pytest.mark.parametrize("kind", [KneserNey, WittenBell])
def test_windows_of_a_text_count_every_symbol_once(kind: type[NGramModel]) -> None:
    text = text_of(60)
    overlapping, side_by_side = (fitted(kind, windows_of(text, stride)) for stride in (1, 6))
    x = pieces_of(20, seed=1).tensor()
    assert torch.equal(overlapping.log_prob(x), side_by_side.log_prob(x))
    whole = kind(SPEC)
    whole.tables.count(text, torch.arange(60), 2, whole.smoothed)
    whole.context.copy_(overlapping.context)
    torch.testing.assert_close(whole.log_prob(x), overlapping.log_prob(x), rtol=1e-12, atol=0)


def test_windows_with_a_gap_between_them_are_not_joined() -> None:
    text = text_of(12)
    apart = Split(SPEC, text.view(2, 6).to(torch.uint8), starts=torch.tensor([0, 7]))
    joined = Split(SPEC, text.view(2, 6).to(torch.uint8), starts=torch.tensor([0, 6]))
    counted = [fitted(WittenBell, split, context=1).tables.contexts for split in (apart, joined)]
    pairs = [fitted(WittenBell, split, context=1) for split in (apart, joined)]
    assert len(counted[0]) <= len(counted[1])
    assert not torch.equal(pairs[0].log_prob(joined.tensor()), pairs[1].log_prob(joined.tensor()))


def test_whole_pieces_have_first_symbols_of_their_own() -> None:
    x = pieces_of(200).x.clone()
    x[:, 0] = 2
    model = fitted(KneserNey, Split(SPEC, x))
    first = model.log_prob_each(x[:1].long())[0, 0].exp()
    assert first > 0.95  # 2 is a third of all symbols


@pytest.mark.parametrize("kind", [KneserNey, WittenBell])
@pytest.mark.parametrize("train", [windows_of(text_of(60), 6), pieces_of(10)], ids=["windows", "pieces"])
def test_samples_are_as_frequent_as_they_are_likely(kind: type[NGramModel], train: Split) -> None:
    """And probabilities sum to 1."""
    spec = DataSpec(name="tokens", modality="tokens", event_shape=(3,), levels=LEVELS)
    model = kind(spec, max_context=2)
    model.tables.count(*_counted(train), 2, model.smoothed)
    model.begins.fill_(train.starts is None)
    model.context.fill_(2)
    probabilities = model.log_prob(every_example(spec)).exp()
    assert probabilities.sum().item() == pytest.approx(1, abs=1e-12)
    count = 20_000
    drawn = model.sample(count, torch.Generator().manual_seed(0))
    codes = (drawn * torch.tensor([9, 3, 1])).sum(1)
    frequencies = torch.bincount(codes, minlength=27) / count
    error = (probabilities * (1 - probabilities) / count).sqrt()
    assert ((frequencies - probabilities).abs() / error.clamp(min=1e-5)).max() < 4.5


def _counted(train: Split) -> tuple[torch.Tensor, torch.Tensor]:
    if train.starts is not None:
        return train.tensor().flatten(), torch.arange(train.x.numel())
    marks = torch.full((len(train), 1), LEVELS)
    return torch.cat([marks, train.tensor()], 1).flatten(), torch.arange(7).repeat(len(train))


# ---- choices and bad input


def test_the_context_is_chosen_on_the_validation_split() -> None:
    train, noise = windows_of(text_of(400), 6), torch.randint(LEVELS, (50, 6)).to(torch.uint8)
    assert int(fitted(WittenBell, train, windows_of(text_of(400, seed=1), 6), context=4).context) >= 2
    assert int(fitted(WittenBell, train, Split(SPEC, noise), context=4).context) == 0


def test_of_a_long_text_the_last_symbols_are_counted() -> None:
    text = text_of(60)
    model = WittenBell(SPEC, max_context=1, max_symbols=18)
    meter = ComputeMeter(Budget.parse("1steps"), valid=pieces_of(5))
    model.fit(windows_of(text, 6), meter)
    short = fitted(WittenBell, windows_of(text[-18:], 6), pieces_of(5), context=1)
    x = pieces_of(9, seed=2).tensor()
    assert torch.equal(model.log_prob(x), short.log_prob(x))


def test_contexts_longer_than_the_examples_are_left_out() -> None:
    assert fitted(KneserNey, windows_of(text_of(6), 6), context=20).tables.longest <= 5


def test_an_unknown_symbol_is_named_with_its_place() -> None:
    model = fitted(KneserNey, pieces_of(5))
    x = pieces_of(2).tensor()
    x[1, 4] = LEVELS
    with pytest.raises(DataError, match="symbol 3 of example 1 at place 4: expected 0 to 2"):
        model.log_prob(x)
