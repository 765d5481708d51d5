"""Samples beside the training examples that are nearest to them, which shows what memorisation would look like.

The distance is the Euclidean one of the values themselves, so that readers see what was compared; the memorisation
metrics of the leaderboard compare features.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from genbench.api import Dataset
from genbench.metrics.memorisation.nearest_training import mean_of, nearest_in_chunks
from genbench_reports.samples.image_grids import Tiles
from genbench_reports.samples.png import Picture

MAX_COMPARED, MAX_SHOWN = 128, 8
"""How many samples are compared with the training set, and how many of them, the nearest, are shown."""


@dataclass(frozen=True)
class Neighbours:
    """Samples of one model beside the training examples nearest to them."""

    picture: Picture
    """Two rows: samples above, and below each the nearest training example."""
    ratio: float | None
    """Median distance of the samples to the training set over that of as many held-out examples; None where the
    latter is 0."""


class TrainingSet:
    """The training split, prepared for the search of neighbours."""

    def __init__(self, dataset: Dataset, reference: Tensor) -> None:
        levels = dataset.spec.levels
        # whole numbers up to 2048 are exact in half precision, and take half the memory
        dtype = torch.float16 if levels is not None and levels <= 2048 else torch.float32
        self._x = dataset.train.x.flatten(1).to(dtype)
        self._centre = mean_of(self._x)
        self._train = dataset.train
        _, distances = self._nearest(reference[:MAX_COMPARED])
        self._typical = float(distances.sqrt().median())

    def neighbours(self, samples: Tensor, tiles: Tiles, max_pairs: int = MAX_SHOWN) -> Neighbours:
        """samples: (N, *event_shape). Of the first `MAX_COMPARED`, those nearest to the training set are shown, nearest
        first, at most `MAX_SHOWN` and `max_pairs`."""
        compared = samples[:MAX_COMPARED]
        index, distances = self._nearest(compared)
        order = distances.argsort(stable=True)[: min(MAX_SHOWN, max_pairs)]
        pairs = torch.cat([compared[order], self._train.take(index[order]).x])
        ratio = float(distances.sqrt().median()) / self._typical if self._typical > 0 else None
        return Neighbours(tiles.draw(pairs, len(order)), ratio)

    def _nearest(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return nearest_in_chunks(x.flatten(1).double(), self._x, self._centre)
