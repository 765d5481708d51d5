"""Models that translate, and how the harness asks any model of tokens for a translation."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from genbench import Budget, ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.api import HasAttention
from genbench.errors import UnsupportedMask
from genbench.samples.translations import (
    Translations,
    as_tensor_file,
    from_tensor_file,
    translate_all,
)
from genbench_models.autoregressive.sequences.encoder_decoder import EncoderDecoder
from genbench_models.baselines.copier import Copier
from genbench_models.baselines.marginals import Marginals
from genbench_models.baselines.word_by_word import WordByWord

SPEC = DataSpec(name="reversed", modality="tokens", event_shape=(6,), levels=5, source_steps=3)


def reversed_pairs(count: int = 400) -> Split:
    """The target is the source backwards."""
    source = torch.randint(1, 5, (count, 3), generator=torch.Generator().manual_seed(0))
    return Split(SPEC, torch.cat([source, source.flip(1)], 1).to(torch.uint8))


def fitted(model: GenerativeModel, steps: int = 1) -> GenerativeModel:
    split = reversed_pairs()
    model.fit(split, ComputeMeter(Budget(steps=steps), device="cpu", seed=0))
    return model.eval()


def test_the_encoder_decoder_learns_to_reverse_and_looks_where_it_has_to() -> None:
    torch.manual_seed(0)
    model = fitted(EncoderDecoder(SPEC, width=32, layers=1, dropout=0.0, learning_rate=1e-2), steps=250)
    x = reversed_pairs().tensor()
    found = translate_all(model, x, 60.0, 0, torch.device("cpu"))
    assert found is not None
    assert found.x is not None
    assert float((found.x == x).all(1).double().mean()) > 0.95
    assert isinstance(model, HasAttention)
    looked = model.attention(x)[:, 3:, :3]
    assert looked.sum(2).allclose(torch.ones(len(x), 3))
    assert looked.mean(0).argmax(1).tolist() == [2, 1, 0]


def test_the_probabilities_of_all_pairs_sum_to_one() -> None:
    spec = DataSpec(name="small", modality="tokens", event_shape=(4,), levels=3, source_steps=2)
    every = torch.tensor(list(itertools.product(range(3), repeat=4)))
    for model in (EncoderDecoder(spec, width=8, heads=2, layers=1).eval(), WordByWord(spec)):
        with torch.no_grad():
            total = float(model.log_prob(every).exp().sum())
        assert total == pytest.approx(1.0, abs=1e-5)


def test_word_by_word_answers_with_the_most_frequent_symbol_beside() -> None:
    x = torch.tensor([[1, 2, 2, 3, 4, 4], [1, 2, 1, 3, 3, 3], [1, 1, 2, 3, 3, 4]])
    model = WordByWord(SPEC)
    model.fit(Split(SPEC, x.to(torch.uint8)), ComputeMeter(Budget(steps=1), device="cpu", seed=0))
    assert model.translate(torch.tensor([[2, 1, 1, 0, 0, 0]]))[0, 3:].tolist() == [4, 3, 3]


def test_models_without_pairs_of_their_own_complete_the_source() -> None:
    split = reversed_pairs()
    x = split.tensor()[:20]
    found = translate_all(fitted(Copier(SPEC)), x, 60.0, 0, torch.device("cpu"))
    assert found is not None
    assert found.x is not None
    assert torch.equal(found.x, x)  # it has seen them
    plain = DataSpec(name="no pairs", modality="tokens", event_shape=(6,), levels=5)
    assert translate_all(Marginals(plain), x, 60.0, 0, torch.device("cpu")) is None


class Faulty(Marginals):
    """Asked for a completion, it does what `fault` says."""

    fault: Exception | None = None

    def complete(self, x: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        assert not x[:, 3:].any(), "the target was shown"
        if self.fault is not None:
            raise self.fault
        return torch.ones_like(x)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (None, Translations(reason="PluginError: the translation changed the source")),
        (RuntimeError("broke"), Translations(reason="RuntimeError: broke")),
        (UnsupportedMask("no"), None),
    ],
)
def test_a_plugin_that_fails_has_a_reason(fault: Exception | None, expected: Translations | None) -> None:
    model = Faulty(SPEC)
    model.fault = fault
    x = reversed_pairs().tensor()[:4]
    assert translate_all(model, x, 60.0, 0, torch.device("cpu")) == expected


def test_what_is_stored_is_read_again() -> None:
    x = reversed_pairs().tensor()[:4]
    read = from_tensor_file(as_tensor_file(Translations(x), SPEC), SPEC)
    assert read is not None
    assert read.x is not None
    assert torch.equal(read.x, x)
    reason = Translations(reason="why")
    assert from_tensor_file(as_tensor_file(reason, SPEC), SPEC) == reason
