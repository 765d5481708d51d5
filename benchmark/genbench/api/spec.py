"""What one example of a data set looks like. Free of torch, so that cards can hold it."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

Modality = Literal["points", "image", "series", "tokens", "pianoroll"]
MODALITIES: tuple[Modality, ...] = ("points", "image", "series", "tokens", "pianoroll")


class DataSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The domain of a data set: everything that goes into or comes out of a model lies in it.

    name: the data set's name.
    modality: what kind of thing an example is.
    event_shape: points (D,), image (C, H, W), series (T, C), tokens (T,), pianoroll (T, K).
    levels: None for real values (float32); k for integers 0..k-1 (2 is binary, 256 is 8-bit,
        a vocabulary is its size). A model that thinks in [-1, 1] converts inside.
    classes: how many labels there are, or None where examples have none.
    """

    name: str
    modality: Modality
    event_shape: tuple[int, ...]
    levels: int | None = None
    classes: int | None = None

    def __post_init__(self) -> None:
        if not self.event_shape or any(size < 1 for size in self.event_shape):
            raise ValueError(f"{self.name}: event_shape {self.event_shape} needs sizes of 1 or more")
        if self.levels is not None and self.levels < 2:
            raise ValueError(f"{self.name}: levels={self.levels}, expected None or at least 2")

    @property
    def dimension(self) -> int:
        """How many numbers one example has; bits/dim divides by it."""
        return math.prod(self.event_shape)

    @property
    def is_discrete(self) -> bool:
        return self.levels is not None
