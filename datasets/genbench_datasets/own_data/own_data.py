"""What a reader makes of files: examples, shared out to splits, and known to be what models may be given."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped

from genbench import DataSpec
from genbench.errors import DataError
from genbench.spec import Modality
from genbench_datasets.own_data.splitting import PARTS, Parts

Array = Shaped[np.ndarray, "..."]


def integer_type(levels: int) -> type[np.uint8] | type[np.int32]:
    """As `genbench.data.storage_dtype` has it."""
    return np.uint8 if levels <= 256 else np.int32


def listed(names: Sequence[str]) -> str:
    """In one line: a name of a user's may hold anything, and there may be thousands."""
    shown = ", ".join("".join(c if c.isprintable() else repr(c)[1:-1] for c in name) for name in names[:12])
    return shown if len(names) <= 12 else f"{shown}, ... ({len(names):,} in all)"


@dataclass(frozen=True)
class OwnData:
    """modality, levels: as in `DataSpec`. x: (N, *event_shape) in the storage dtype. y: (N,) int64 class numbers, or
    None; classes: their names. about: in words, what was read and what was left out.

    Raises DataError where a reader let through what no model may see.
    """

    modality: Modality
    x: Array
    parts: Parts
    about: str
    levels: int | None = None
    y: Shaped[np.ndarray, " count"] | None = None
    classes: tuple[str, ...] = ()

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
        )

    def splits(self) -> Iterator[tuple[str, Array, Array | None]]:
        """(name, x, y) of each."""
        for name in PARTS:
            chosen = getattr(self.parts, name)
            yield name, self.x[chosen], None if self.y is None else self.y[chosen].astype(np.int64)

    def version(self) -> str:
        """12 hexadecimal digits of all that models and scorers will see: the values, not the files they lay in."""
        digest = hashlib.sha256(repr((self.modality, self.levels, self.classes)).encode())
        arrays = (self.x, self.y, self.parts.train, self.parts.valid, self.parts.test)
        for array in arrays:
            if array is not None:
                digest.update(f"{array.dtype.name}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:12]
