"""Data sets for tests that run whole jobs."""

from __future__ import annotations

from genbench import Dataset, DataSpec
from genbench.testing import tiny_dataset

ROLLS = DataSpec(name="rolls", modality="pianoroll", event_shape=(12, 4), levels=2, variable_length=True)
"""Noisy waves that are cut to random lengths."""


def rolls() -> Dataset:
    return tiny_dataset(ROLLS)
