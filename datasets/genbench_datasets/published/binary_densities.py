"""The binary data sets on which tractable density models are compared, with their published splits."""

from __future__ import annotations

import torch

from genbench import Dataset, Split
from genbench.datasets import fetch
from genbench_datasets.published.binary_text import read_binary_text
from genbench_datasets.published.files import BINARY_DENSITY
from genbench_datasets.published.specs import SPECS


def binary_density(name: str) -> Dataset:
    """(variables,) of 0 and 1. name: "nltcs", "mushrooms", "dna" or "plants"."""
    spec = SPECS[name]
    (width,) = spec.event_shape
    train, valid, test = (
        Split(spec, torch.from_numpy(read_binary_text(fetch(file), width, ",")))
        for file in BINARY_DENSITY[name]
    )
    return Dataset(spec, train, valid, test)
