"""What one example of a data set looks like. Free of torch, so that cards can hold it."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

Modality = Literal["points", "image", "series", "tokens", "pianoroll"]
MODALITIES: tuple[Modality, ...] = ("points", "image", "series", "tokens", "pianoroll")
SEQUENCES: tuple[Modality, ...] = ("series", "tokens", "pianoroll")
"""The modalities whose examples are sequences of steps: the first axis of an example is time."""


class DataSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The domain of a data set. All data that a model takes or returns lie in it; a model that computes with values in
    [-1, 1] converts them itself."""

    name: str
    """Name of the data set."""
    modality: Modality
    """Kind of the examples."""
    event_shape: tuple[int, ...]
    """Shape of one example: points (D,), image (C, H, W), series (T, C), tokens (T,), pianoroll (T, K)."""
    levels: int | None = None
    """None for real values (float32); k for integers 0..k-1. Binary data have 2 levels, 8-bit data 256, and tokens as
    many as the vocabulary has symbols."""
    classes: int | None = None
    """Number of classes that labels tell apart; None for data without labels."""
    variable_length: bool = False
    """Whether examples are whole pieces of different lengths. `event_shape[0]` is then the length of the longest one,
    stored examples are padded with zeros to it, and each comes with its own length (`Split.lengths`). Only series,
    tokens and piano rolls can have it."""
    source_steps: int | None = None
    """How many steps at the beginning of an example are the source of a translation, where examples are pairs of
    tokens: the other steps are its target. Both are padded with symbol 0, which means the end. None for data that are
    no pairs."""

    def __post_init__(self) -> None:
        if not self.event_shape or any(size < 1 for size in self.event_shape):
            raise ValueError(f"{self.name}: event_shape {self.event_shape} needs sizes of 1 or more")
        if self.levels is not None and self.levels < 2:
            raise ValueError(f"{self.name}: levels={self.levels}, expected None or at least 2")
        if self.variable_length and self.modality not in SEQUENCES:
            raise ValueError(
                f"{self.name}: variable_length is for {', '.join(SEQUENCES)}, not for {self.modality}"
            )

        if self.source_steps is not None and (
            self.modality != "tokens"
            or self.variable_length
            or not 1 <= self.source_steps < self.event_shape[0]
        ):
            raise ValueError(
                f"{self.name}: source_steps={self.source_steps} needs tokens of one length, with at least one step"
                " before and one after"
            )

    @property
    def dimension(self) -> int:
        """How many numbers one example has; of pieces of different lengths, how many the longest has. Bits per
        dimension are bits per example over this."""
        return math.prod(self.event_shape)

    @property
    def is_sequence(self) -> bool:
        """Whether the first axis of an example is time."""
        return self.modality in SEQUENCES

    @property
    def step_shape(self) -> tuple[int, ...]:
        """Shape of one step of a sequence: series (C,), tokens (), pianoroll (K,)."""
        return self.event_shape[1:]

    @property
    def is_discrete(self) -> bool:
        """Whether the data are integers."""
        return self.levels is not None
