"""Data as models see it: splits, batches, and the truth where it is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from genbench.api.spec import DataSpec, Modality
from genbench.errors import DataError

__all__ = ["Batch", "DataSpec", "Dataset", "Modality", "Split", "Truth", "storage_dtype", "working_dtype"]


def storage_dtype(spec: DataSpec) -> torch.dtype:
    """How examples lie in memory and on disk: float32, or the smallest integers that hold the levels."""
    if spec.levels is None:
        return torch.float32
    return torch.uint8 if spec.levels <= 256 else torch.int32


def working_dtype(spec: DataSpec) -> torch.dtype:
    """How models meet examples: float32 or int64. Never uint8, whose arithmetic wraps in silence."""
    return torch.float32 if spec.levels is None else torch.int64


class Batch(NamedTuple):
    """x: (B, *event_shape), float32 or int64. y: labels (B,) int64, or None."""

    x: Tensor
    y: Tensor | None


@dataclass(frozen=True)
class Split:
    """Examples of one split. x: (N, *event_shape) in the storage dtype; y: (N,) int64 or None.

    grey: (N, *event_shape) uint8, for binary data whose `x` is one draw of many: a pixel is 1 with probability
    grey / 255. `ComputeMeter.batches` draws anew each time; everything else sees `x`.

    Take examples through `take` or `tensor`, which return the working dtype.
    """

    spec: DataSpec
    x: Tensor
    y: Tensor | None = None
    grey: Tensor | None = None

    def __post_init__(self) -> None:
        if tuple(self.x.shape[1:]) != self.spec.event_shape:
            raise DataError(
                f"{self.spec.name}: examples have shape {tuple(self.x.shape[1:])},"
                f" expected {self.spec.event_shape}"
            )
        if self.x.dtype != storage_dtype(self.spec):
            raise DataError(
                f"{self.spec.name}: examples are {self.x.dtype}, expected {storage_dtype(self.spec)}"
            )
        if self.y is not None and self.y.shape != self.x.shape[:1]:
            raise DataError(f"{self.spec.name}: {len(self.x)} examples but {len(self.y)} labels")
        if self.grey is not None and (
            self.spec.levels != 2 or self.grey.shape != self.x.shape or self.grey.dtype != torch.uint8
        ):
            raise DataError(
                f"{self.spec.name}: grey levels are {tuple(self.grey.shape)} {self.grey.dtype}, expected"
                f" {tuple(self.x.shape)} torch.uint8 beside binary data"
            )

    def __len__(self) -> int:
        return self.x.shape[0]

    def take(self, indices: Tensor) -> Batch:
        """The examples at `indices` (B,) as a batch in the working dtype."""
        x = self.x[indices].to(working_dtype(self.spec))
        return Batch(x, None if self.y is None else self.y[indices])

    def tensor(self) -> Tensor:
        """All examples, (N, *event_shape), in the working dtype."""
        return self.x.to(working_dtype(self.spec))

    def subset(self, indices: Tensor) -> Split:
        """The split of the examples at `indices`."""
        return self._each(lambda tensor: tensor[indices])

    def random_subset(self, count: int, seed: int) -> Split:
        """`count` examples drawn without replacement (all, if there are fewer), never a prefix:
        some published files are sorted by class."""
        if count >= len(self):
            return self
        generator = torch.Generator().manual_seed(seed)
        return self.subset(torch.randperm(len(self), generator=generator)[:count].to(self.x.device))

    def to(self, device: torch.device | str) -> Split:
        return self._each(lambda tensor: tensor.to(device))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Split:
        y, grey = (None if part is None else change(part) for part in (self.y, self.grey))
        return replace(self, x=change(self.x), y=y, grey=grey)


@runtime_checkable
class Truth(Protocol):
    """A known density, by which the metrics themselves can be checked."""

    @property
    def modes(self) -> Tensor | None:
        """Centres of the modes (M, *event_shape), or None where the density has none."""

    @property
    def mode_scale(self) -> float | None:
        """Standard deviation of a mode, the same in every direction; None where there are no modes."""

    def log_prob(self, x: Tensor) -> Tensor:
        """(N, *event_shape) -> (N,) nats."""

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape), in the data's domain."""


@dataclass(frozen=True)
class Dataset:
    """The three splits, and the truth where the density is known."""

    spec: DataSpec
    train: Split
    valid: Split
    test: Split
    truth: Truth | None = None
