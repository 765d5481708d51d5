"""What a reader makes of files: examples, shared out to splits and checked to be what models may be given."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped

from genbench import DataSpec
from genbench.api import Modality
from genbench.errors import DataError
from genbench_datasets.own_data.located import printable
from genbench_datasets.own_data.splitting import PARTS, Parts

Array = Shaped[np.ndarray, "..."]


def integer_type(levels: int) -> type[np.uint8] | type[np.int32]:
    """The integers that hold so many levels; the counterpart of `genbench.api.storage_dtype` without torch."""
    return np.uint8 if levels <= 256 else np.int32


def listed(names: Sequence[str]) -> str:
    """Names in one line: those of a user may contain anything, and there may be thousands."""
    shown = ", ".join(printable(name) for name in names[:12])
    return shown if len(names) <= 12 else f"{shown}, ... ({len(names):,} in all)"


@dataclass(frozen=True)
class OwnData:
    """Examples of the user's own. Raises DataError where a reader let through what no model may be given."""

    modality: Modality
    """As in `DataSpec`."""
    x: Array
    """(N, *event_shape) in the storage dtype."""
    parts: Parts
    """Which examples are in which split."""
    about: str
    """In words, what was read and what was left out."""
    levels: int | None = None
    """As in `DataSpec`."""
    y: Shaped[np.ndarray, " count"] | None = None
    """(N,) int64 class numbers, or None."""
    classes: tuple[str, ...] = ()
    """Names of the classes."""
    starts: Shaped[np.ndarray, " count"] | None = None
    """(N,) int64, where each example begins if it is a window of a longer text or piece; as in `genbench.Split`."""
    alphabet: tuple[str, ...] | None = None
    """The symbol of each code where tokens are text; as in `genbench.DatasetCard`."""
    source_steps: int | None = None
    """As in `DataSpec`."""
    step: str | None = None
    """What one step is, as in `genbench.DatasetCard`."""
    warnings: tuple[str, ...] = ()
    """What was left out or read otherwise than it was written, a line each; shown when the files are read."""

    def __post_init__(self) -> None:
        wanted = np.dtype(np.float32 if self.levels is None else integer_type(self.levels))
        if self.x.dtype != wanted:
            raise DataError(f"examples are {self.x.dtype}, expected {wanted}")
        if self.levels is None and not np.isfinite(self.x).all():
            raise DataError("values are not finite")
        if self.levels is not None and (self.x.min() < 0 or self.x.max() >= self.levels):
            raise DataError(f"values {self.x.min()}..{self.x.max()}, expected 0..{self.levels - 1}")

    def spec(self, name: str) -> DataSpec:
        return DataSpec(
            name=name,
            modality=self.modality,
            event_shape=tuple(self.x.shape[1:]),
            levels=self.levels,
            classes=None if self.y is None else len(self.classes),
            source_steps=self.source_steps,
        )

    def splits(self) -> Iterator[tuple[str, dict[str, Array]]]:
        """The name of each split, and its arrays by the names that `genbench.Split` gives them."""
        whole = {"x": self.x, "y": self.y, "starts": self.starts}
        for name in PARTS:
            chosen = getattr(self.parts, name)
            yield (
                name,
                {part: _typed(part, array[chosen]) for part, array in whole.items() if array is not None},
            )

    def version(self) -> str:
        """12 hexadecimal digits: a hash of all that models and metrics are given, which is the values and not the
        files."""
        digest = hashlib.sha256(repr((self.modality, self.levels, self.classes)).encode())
        arrays = (self.x, self.y, self.parts.train, self.parts.valid, self.parts.test, self.starts)
        for array in arrays:
            if array is not None:
                digest.update(f"{array.dtype.name}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:12]


def _typed(part: str, array: Array) -> Array:
    """The array in the type that a split stores it in."""
    return array if part == "x" else array.astype(np.int64)
