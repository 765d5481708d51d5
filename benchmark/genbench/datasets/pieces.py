"""Pieces of different lengths, and the windows that are cut from them.

Metrics that compare examples of one shape are computed from windows that are cut from the beginning of each piece on,
side by side; what is left over at the end is dropped. Real and generated pieces are cut alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import msgspec
import torch
from torch import Tensor

from genbench.api.cards import DatasetCard
from genbench.api.data import Dataset, Split
from genbench.api.spec import DataSpec
from genbench.errors import DataError

# Windows of different pieces have nothing to do with each other: they begin so many lengths of a window apart.
_APART = 4


@dataclass(frozen=True)
class Pieces:
    """Some pieces, in the working type. Iterating gives them one after the other, each without its padding."""

    x: Tensor
    """(N, T, *step_shape), padded with zeros."""
    lengths: Tensor
    """Their lengths in steps, (N,) int64."""

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[Tensor]:
        for piece, length in zip(self.x, self.lengths.tolist(), strict=True):
            yield piece[:length]


def window_spec(card: DatasetCard) -> DataSpec:
    """The spec of the windows of a data set; the spec itself for data whose examples have one shape."""
    spec = card.spec
    if card.window is None:
        return spec
    return msgspec.structs.replace(spec, event_shape=(card.window, *spec.step_shape), variable_length=False)


def cut_windows(x: Tensor, lengths: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """All windows, (M, window, *step_shape), and where they begin, (M,) int64, if all pieces were played one after the
    other, with a long pause between them. x: (N, T, *step_shape)."""
    counts = lengths // window
    number = torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts)
    first = counts.cumsum(0) - counts
    place = torch.arange(len(number), device=counts.device) - first[number]
    whole = x.shape[1] // window
    cut = x[:, : whole * window].unflatten(1, (whole, window))
    starts = (torch.arange(len(number), device=counts.device) + _APART * number) * window
    return cut[number, place], starts


def windows_of_split(split: Split, spec: DataSpec) -> Split:
    """The windows of a split's pieces; the split itself where its examples have one shape. spec: `window_spec`."""
    if split.lengths is None:
        return split
    x, starts = cut_windows(split.x, split.lengths, spec.event_shape[0])
    labels = None
    if split.y is not None:
        labels = split.y.repeat_interleave(split.lengths // spec.event_shape[0])
    return Split(spec, x, labels, starts=starts)


def windows_of_dataset(dataset: Dataset, card: DatasetCard) -> Dataset:
    """The data set with its pieces cut into windows, as metrics of examples of one shape see it; the data set itself
    where its examples have one shape. Raises DataError where no piece is as long as a window."""
    spec = window_spec(card)
    if spec == dataset.spec:
        return dataset
    train, valid, test = (
        windows_of_split(split, spec) for split in (dataset.train, dataset.valid, dataset.test)
    )
    for name, split, pieces in (("training", train, dataset.train), ("validation", valid, dataset.valid)):
        if len(pieces) and not len(split):
            raise DataError(f"{card.name}: no {name} piece is as long as a window of {card.window} steps")
    return replace(dataset, spec=spec, train=train, valid=valid, test=test)
