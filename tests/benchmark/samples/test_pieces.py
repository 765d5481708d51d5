"""Samples of different lengths: drawn, checked, stored and read again."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.errors import DataError, PluginError
from genbench.samples.draw import draw_lengths, draw_samples
from genbench.samples.stored import load_samples_and_lengths, save_samples
from genbench.testing.tiny_data import tiny_dataset

SPEC = DataSpec(name="songs", modality="tokens", event_shape=(6,), levels=9, variable_length=True)


class Says(GenerativeModel):
    """Each sample is its own length, written in every step."""

    beyond = 0

    def fit(self, train: Split, meter: ComputeMeter) -> None: ...

    def sample(self, count: int, generator: torch.Generator, *, lengths: Tensor | None = None) -> Tensor:
        assert lengths is not None
        inside = torch.arange(int(lengths.max())) < lengths[:, None]
        return torch.where(inside, lengths[:, None], self.beyond)


def test_samples_come_in_the_order_of_their_lengths_and_are_padded() -> None:
    lengths = torch.tensor([2, 6, 1, 4])
    drawn = draw_samples(Says(SPEC), 4, torch.Generator(), SPEC, math.inf, lengths=lengths)
    assert drawn.shape == (4, 6)
    assert drawn[:, 0].tolist() == [2, 6, 1, 4]
    assert (drawn > 0).sum(1).tolist() == [2, 6, 1, 4]


def test_values_beyond_the_lengths_are_refused() -> None:
    model = Says(SPEC)
    model.beyond = 7
    with pytest.raises(PluginError, match="other than 0 beyond the lengths"):
        draw_samples(model, 2, torch.Generator(), SPEC, math.inf, lengths=torch.tensor([2, 6]))


def test_lengths_are_those_of_training_pieces_and_depend_on_the_seed_alone() -> None:
    train = tiny_dataset(SPEC).train
    first, again, other = (draw_lengths(train, 300, seed) for seed in (0, 0, 1))
    assert first is not None
    assert again is not None
    assert other is not None
    assert train.lengths is not None
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert set(first.tolist()) == set(train.lengths.tolist())


def test_lengths_are_stored_with_the_samples(tmp_path: Path) -> None:
    path = tmp_path / "samples.safetensors"
    samples, lengths = torch.tensor([[1, 2, 0, 0, 0, 0], [3, 0, 0, 0, 0, 0]]), torch.tensor([2, 1])
    save_samples(path, samples, SPEC, lengths)
    found, found_lengths = load_samples_and_lengths(path, SPEC, 2)
    assert torch.equal(found, samples)
    assert found_lengths is not None
    assert torch.equal(found_lengths, lengths)
    save_samples(path, samples, SPEC)
    with pytest.raises(DataError, match="holds no samples with lengths"):
        load_samples_and_lengths(path, SPEC, 2)
