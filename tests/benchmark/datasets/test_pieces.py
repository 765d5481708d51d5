"""Windows that are cut from pieces of different lengths."""

from __future__ import annotations

import pytest
import torch

from genbench import Dataset, DatasetCard, DataSpec, Split
from genbench.datasets.pieces import Pieces, cut_windows, windows_of_dataset
from genbench.errors import DataError

SPEC = DataSpec(name="songs", modality="series", event_shape=(7, 2), variable_length=True)
CARD = DatasetCard(
    spec=SPEC,
    summary="",
    sizes=(3, 3, 3),
    splits="",
    source="",
    licence="",
    citation="",
    factory="a:b",
    window=2,
)


def songs(*lengths: int) -> Split:
    x = torch.zeros(len(lengths), 7, 2)
    for row, length in enumerate(lengths):
        x[row, :length] = 10.0 * (row + 1) + torch.arange(length)[:, None]
    return Split(SPEC, x, lengths=torch.tensor(lengths))


def test_windows_lie_side_by_side_from_the_beginning_of_each_piece() -> None:
    split = songs(5, 1, 4)
    assert split.lengths is not None
    x, starts = cut_windows(split.x, split.lengths, 2)
    assert x[..., 0].tolist() == [[10, 11], [12, 13], [30, 31], [32, 33]]
    # four windows lie between pieces, which therefore count as independent
    assert starts.tolist() == [0, 2, 20, 22]


def test_a_dataset_of_windows_has_one_shape() -> None:
    dataset = Dataset(SPEC, songs(5, 7, 4), songs(2, 3, 2), songs(6, 6, 6))
    cut = windows_of_dataset(dataset, CARD)
    assert cut.spec.event_shape == (2, 2)
    assert not cut.spec.variable_length
    assert [len(split) for split in (cut.train, cut.valid, cut.test)] == [7, 3, 9]
    assert cut.train.windows is not None
    with pytest.raises(DataError, match="no validation piece is as long as a window of 2 steps"):
        windows_of_dataset(Dataset(SPEC, songs(5, 7, 4), songs(1, 1, 1), songs(6, 6, 6)), CARD)


def test_pieces_are_given_without_their_padding() -> None:
    split = songs(5, 1)
    assert split.lengths is not None
    found = list(Pieces(split.x, split.lengths))
    assert [piece.shape[0] for piece in found] == [5, 1]
