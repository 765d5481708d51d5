"""Pieces of different lengths: what a spec, a split and a card say of them, and how they are batched."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
import torch
from torch import Tensor

from genbench import Budget, ComputeMeter, DataSpec, ModelCard, Split
from genbench.api import Modality, check_prompt
from genbench.api.lengths import like_lengths
from genbench.datasets.versions import _LAYOUT, dataset_version
from genbench.errors import DataError
from genbench.plugin.discovery import load_registry
from genbench.util.source_hash import source_hash

SPEC = DataSpec(name="songs", modality="tokens", event_shape=(6,), levels=5, variable_length=True)


def pieces(*lengths: int) -> Split:
    x = torch.zeros(len(lengths), 6, dtype=torch.uint8)
    for row, length in enumerate(lengths):
        x[row, :length] = row % 4 + 1
    return Split(SPEC, x, lengths=torch.tensor(lengths))


# ---- what fits


@pytest.mark.parametrize("modality", ["points", "image"])
def test_only_sequences_have_lengths(modality: Modality) -> None:
    with pytest.raises(
        ValueError, match=f"variable_length is for series, tokens, pianoroll, not for {modality}"
    ):
        DataSpec(name="x", modality=modality, event_shape=(2,), variable_length=True)


@pytest.mark.parametrize(
    ("lengths", "reason"),
    [
        (None, "the examples have no lengths, though the spec says so variable_length"),
        (torch.tensor([6, 0]), r"lengths range over 0\.\.6, expected 1\.\.6"),
        (torch.tensor([7, 1]), r"lengths range over 1\.\.7, expected 1\.\.6"),
        (torch.tensor([6.0, 1.0]), "float32, expected \\(2,\\) torch.int64"),
        (torch.tensor([6]), "expected \\(2,\\) torch.int64"),
        (torch.tensor([6, 2]), "the padding of an example, beyond its length, is not 0"),
    ],
)
def test_lengths_that_do_not_fit_are_named(lengths: Tensor | None, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        Split(SPEC, torch.ones(2, 6, dtype=torch.uint8), lengths=lengths)


def test_a_card_of_pieces_needs_a_window_and_no_other_card_has_one() -> None:
    card = load_registry().datasets["jsb-chorales-pieces"]
    with pytest.raises(ValueError, match="needs `window` where examples have different lengths"):
        msgspec.structs.replace(card, window=None)
    with pytest.raises(ValueError, match=r"window=161, expected 1\.\.160 steps"):
        msgspec.structs.replace(card, window=161)
    with pytest.raises(ValueError, match="and only there"):
        msgspec.structs.replace(load_registry().datasets["sunspots"], window=4)


def test_a_model_without_lengths_refuses_pieces_in_one_line() -> None:
    card = ModelCard(name="model", family="gan", summary="", factory="a:B", modalities=("tokens",))
    assert card.refusal(SPEC) == (
        "model takes examples of one length; songs has whole pieces of different lengths"
    )
    assert msgspec.structs.replace(card, capabilities=("sample", "lengths")).refusal(SPEC) is None


def test_versions_and_records_of_other_data_are_as_before() -> None:
    class FormerSpec(msgspec.Struct):
        name: str
        modality: str
        event_shape: tuple[int, ...]
        levels: int | None
        classes: int | None

    card = load_registry().datasets["two-moons"]
    spec = FormerSpec(*(getattr(card.spec, field) for field in FormerSpec.__struct_fields__))
    sources = [source_hash(factory) for factory in (card.factory, card.truth) if factory]
    what = (_LAYOUT, card.version, spec, card.sizes, sources, [], card.argument)
    digest = hashlib.sha256(msgspec.json.encode(what)).hexdigest()[:8]
    assert dataset_version(card) == f"{card.version}+{digest}"
    assert msgspec.json.decode(msgspec.json.encode(spec), type=DataSpec) == card.spec


def test_a_step_has_a_name() -> None:
    names = {name: card.step_name for name, card in load_registry().datasets.items()}
    assert names["digits"] is names["ring8"] is None
    assert (names["jsb-chorales"], names["text8"]) == ("frame", "character")


# ---- prompts


@pytest.mark.parametrize(
    ("shape", "lengths", "reason"),
    [
        ((1, 6), [0], "songs: a prompt is empty; give at least one step, or use sample"),
        ((1, 7), [3], "songs: prompt and continuation have 7 steps, which is longer than the context of 6"),
        ((1, 4), [5], "songs: prompts: lengths range over 5..5, expected 1..4"),
        ((1, 4, 2), [1], "songs: a prompt has shape (1, 4, 2), expected (count, steps, *())"),
    ],
)
def test_bad_prompts_are_one_line(shape: tuple[int, ...], lengths: list[int], reason: str) -> None:
    with pytest.raises(DataError) as raised:
        check_prompt(torch.zeros(shape, dtype=torch.int64), torch.tensor(lengths), SPEC)
    assert str(raised.value) == reason


# ---- batches


def test_a_batch_ends_with_its_longest_piece() -> None:
    batch = pieces(6, 2, 3).take(torch.tensor([2, 1]))
    assert batch.x.tolist() == [[3, 3, 3], [2, 2, 0]]
    assert batch.x.dtype == torch.int64
    assert batch.lengths is not None
    assert batch.lengths.tolist() == [3, 2]


def test_the_meter_batches_pieces_of_like_lengths() -> None:
    split = pieces(*(1 + i % 6 for i in range(24)))
    meter = ComputeMeter(Budget(steps=12))
    seen, padding = [], 0
    for batch in meter.batches(split, 4):
        assert batch.lengths is not None
        assert batch.x.shape[1] == batch.lengths.max()
        padding += int((batch.x.shape[1] - batch.lengths).sum())
        seen.append(sorted(batch.lengths.tolist()))
    assert len(seen) == 12
    # two epochs: each has every piece once, in batches that are not sorted
    for epoch in (seen[:6], seen[6:]):
        assert sorted(length for batch in epoch for length in batch) == sorted(1 + i % 6 for i in range(24))
        assert epoch != sorted(epoch)
    assert padding == 0  # 24 pieces are one pool, and every length occurs four times


def test_calls_for_pieces_are_bounded_by_their_steps() -> None:
    lengths = torch.tensor([2, 9, 3, 9, 1, 4])
    batches = [lengths[indices].tolist() for indices in like_lengths(lengths, 12)]
    assert batches == [[9], [9], [4, 3, 2], [1]]
    assert [len(indices) for indices in like_lengths(lengths, 100, most=4)] == [4, 2]
