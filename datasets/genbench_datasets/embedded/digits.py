"""scikit-learn's optical digits."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from genbench import Dataset, DataSpec
from genbench_datasets.embedded.stratified_split import stratified_dataset


def digits() -> Dataset:
    """1,797 images (1, 8, 8) of integers 0..16."""
    source = load_digits()
    spec = DataSpec(name="digits", modality="image", event_shape=(1, 8, 8), levels=17, classes=10)
    return stratified_dataset(spec, source.images.astype(np.uint8), source.target, valid=360, test=360)
