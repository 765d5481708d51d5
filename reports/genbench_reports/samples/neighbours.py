"""Samples beside the training examples they are nearest to: what memorisation would look like.

Nearest by the Euclidean distance of the values themselves, so that a reader sees what was compared; the leaderboard's
figures of memorisation go by features.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from genbench.api import Dataset
from genbench.metrics.memorisation.nearest_training import mean_of, nearest_in_chunks
from genbench_reports.samples.image_grids import Tiles
from genbench_reports.samples.png import Picture

LOOKED_AT, SHOWN = 128, 8
"""Samples that are looked at, and of them the nearest that are shown."""


@dataclass(frozen=True)
class Neighbours:
    """picture: two rows, samples above, the training examples nearest to them below. ratio: the median distance of
    the samples that were looked at over that of as many held-out examples; None where the latter is 0."""

    picture: Picture
    ratio: float | None


class TrainingSet:
    """The training split, to ask for neighbours in."""

    def __init__(self, dataset: Dataset, reference: Tensor) -> None:
        levels = dataset.spec.levels
        # whole numbers up to 2048 are exact in half precision, and take half the memory
        dtype = torch.float16 if levels is not None and levels <= 2048 else torch.float32
        self._x = dataset.train.x.flatten(1).to(dtype)
        self._centre = mean_of(self._x)
        self._train = dataset.train
        _, distances = self._nearest(reference[:LOOKED_AT])
        self._typical = float(distances.sqrt().median())

    def neighbours(self, samples: Tensor, tiles: Tiles, most: int = SHOWN) -> Neighbours:
        """samples: (N, *event_shape). Those of the first 128 that are nearest to the training set, nearest first, at
        most eight."""
        looked_at = samples[:LOOKED_AT]
        index, distances = self._nearest(looked_at)
        order = distances.argsort(stable=True)[: min(SHOWN, most)]
        pairs = torch.cat([looked_at[order], self._train.take(index[order]).x])
        ratio = float(distances.sqrt().median()) / self._typical if self._typical > 0 else None
        return Neighbours(tiles.draw(pairs, len(order)), ratio)

    def _nearest(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return nearest_in_chunks(x.flatten(1).double(), self._x, self._centre)
