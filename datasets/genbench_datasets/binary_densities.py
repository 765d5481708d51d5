"""The binary data sets on which tractable density models are compared, with the splits they came with."""

from __future__ import annotations

import torch

from genbench.data import Dataset, Split
from genbench.fetching import fetch
from genbench_datasets.binary_text import read_binary_text
from genbench_datasets.published_files import BINARY_DENSITY
from genbench_datasets.published_specs import SPECS


def binary_density(name: str) -> Dataset:
    """(variables,) of 0 and 1. name: "nltcs", "mushrooms", "dna" or "plants"."""
    spec = SPECS[name]
    (width,) = spec.event_shape
    train, valid, test = (
        Split(spec, torch.from_numpy(read_binary_text(fetch(file), width, ",")))
        for file in BINARY_DENSITY[name]
    )
    return Dataset(spec, train, valid, test)
