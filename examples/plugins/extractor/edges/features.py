"""Eight numbers for an image: the mean strength of horizontal and of vertical edges in each quarter."""

import torch
from torch.nn import functional as F

from edges import CARD
from genbench import Dataset
from genbench.features.extractor import Extractor, recipe_hash

VERSION = 1  # a new one whenever the features change: values of two versions do not compare


def edges(dataset: Dataset) -> Extractor:
    """Called in the worker. One that learns is fitted to `dataset.train`, and hashes what it was fitted to."""
    levels = dataset.spec.levels or 1

    def compute(x: torch.Tensor) -> torch.Tensor:
        """(N, channels, rows, columns) integers -> (N, 8) float32."""
        grey = x.float().mean(1, keepdim=True) / levels
        across = F.pad(grey.diff(dim=3).abs(), (0, 1))
        down = F.pad(grey.diff(dim=2).abs(), (0, 0, 0, 1))
        return F.adaptive_avg_pool2d(torch.cat([across, down], 1), 2).flatten(1)

    return Extractor(CARD.name, recipe_hash(CARD.name, VERSION, dataset.spec), compute)
