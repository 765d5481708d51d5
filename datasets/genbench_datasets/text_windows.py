"""Texts as windows of characters that lie side by side."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import UInt8

from genbench import Dataset, DataSpec, Split


def text_dataset(spec: DataSpec, codes: UInt8[np.ndarray, " length"], train: int, valid: int) -> Dataset:
    """Codes up to `train` to train, up to `valid` to validate, the rest to test; windows that do not overlap."""
    (width,) = spec.event_shape

    def split(part: np.ndarray) -> Split:
        whole = len(part) // width * width
        x = torch.from_numpy(part[:whole].copy()).reshape(-1, width)
        return Split(spec, x, starts=torch.arange(0, whole, width))

    return Dataset(spec, split(codes[:train]), split(codes[train:valid]), split(codes[valid:]))
