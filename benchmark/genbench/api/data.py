"""Data as models see them: splits, batches, and the true density where it is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, NoReturn, Protocol, runtime_checkable

import torch
from torch import Tensor

from genbench.api.lengths import check_lengths, zero_padding
from genbench.api.spec import DataSpec, Modality
from genbench.errors import DataError
from genbench.util.mean_errors import Windows

__all__ = ["Batch", "DataSpec", "Dataset", "Modality", "Split", "Truth", "storage_dtype", "working_dtype"]


def storage_dtype(spec: DataSpec) -> torch.dtype:
    """The type of stored examples: float32, or the smallest integers that hold the levels."""
    if spec.levels is None:
        return torch.float32
    return torch.uint8 if spec.levels <= 256 else torch.int32


def working_dtype(spec: DataSpec) -> torch.dtype:
    """The type of the examples that models take and return: float32 or int64. Never uint8, whose arithmetic wraps
    silently."""
    return torch.float32 if spec.levels is None else torch.int64


class Batch(NamedTuple):
    """Some examples, in the working type."""

    x: Tensor
    """Examples, (B, *event_shape), float32 or int64. Pieces of different lengths end with the longest of the batch:
    (B, longest, *step_shape), with zeros beyond each piece."""
    y: Tensor | None
    """Labels, (B,) int64; None for data without labels."""
    lengths: Tensor | None = None
    """How many steps each example has, (B,) int64; None for data whose examples have one shape."""


@dataclass(frozen=True)
class Split:
    """The examples of one split, in the storage type. `take` and `tensor` return them in the working type.

    Raises DataError where shapes or types do not fit the spec.
    """

    spec: DataSpec
    """Domain of the examples."""
    x: Tensor
    """Examples, (N, *event_shape)."""
    y: Tensor | None = None
    """Labels, (N,) int64; None for data without labels."""
    grey: Tensor | None = None
    """Grey levels, (N, *event_shape) uint8, of binary data that are drawn anew in training: a pixel is 1 with
    probability grey / 255. `ComputeMeter.batches` draws them for each batch; all else uses `x`, which is one draw. None
    for other data."""
    starts: Tensor | None = None
    """The time step at which each example begins, (N,) int64, where examples are windows of longer series; None where
    examples are independent of each other. Standard errors are computed from it, since windows that are close in time
    depend on each other, and windows that overlap do so most of all. Windows of series that have nothing to do with
    each other begin at least four lengths of a window apart."""
    lengths: Tensor | None = None
    """How many steps each example has, (N,) int64, 1 to `event_shape[0]`, where the spec says `variable_length`: `x`
    is 0 beyond. None for data whose examples have one shape."""

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
        if self.starts is not None and (
            self.starts.shape != self.x.shape[:1] or self.starts.dtype != torch.int64
        ):
            raise DataError(
                f"{self.spec.name}: starts are {tuple(self.starts.shape)} {self.starts.dtype}, expected"
                f" ({len(self.x)},) torch.int64"
            )
        self._check_lengths()

    def _check_lengths(self) -> None:
        name = self.spec.name
        if (self.lengths is not None) != self.spec.variable_length:
            has, says = ("have", "not") if self.lengths is not None else ("have no", "so")
            raise DataError(
                f"{name}: the examples {has} lengths, though the spec says {says} variable_length"
            )
        if self.lengths is None:
            return
        check_lengths(self.lengths, len(self.x), self.spec.event_shape[0], name)
        if not torch.equal(self.x, zero_padding(self.x, self.lengths)):
            raise DataError(f"{name}: the padding of an example, beyond its length, is not 0")

    def __len__(self) -> int:
        return self.x.shape[0]

    def __getitem__(self, index: object) -> NoReturn:
        """Raises TypeError: a loop over examples, or a DataLoader, would train outside of the budget."""
        raise TypeError(
            "a Split has no examples by index and is no data set for a DataLoader: in fit, take batches with"
            " `for batch in meter.batches(train, batch_size=64)`; elsewhere use split.tensor() or split.take(indices)"
        )

    @property
    def windows(self) -> Windows | None:
        """Where in time the examples lie, if they are windows of longer series; None if they are independent."""
        return None if self.starts is None else Windows(self.starts, self.spec.event_shape[0])

    def take(self, indices: Tensor) -> Batch:
        """The examples at `indices` (B,) as a batch. Pieces of different lengths end with the longest of the batch."""
        y = None if self.y is None else self.y[indices]
        if self.lengths is None:
            return Batch(self.x[indices].to(working_dtype(self.spec)), y)
        lengths = self.lengths[indices]
        longest = int(lengths.max()) if len(lengths) else 0
        return Batch(self.x[indices, :longest].to(working_dtype(self.spec)), y, lengths)

    def tensor(self) -> Tensor:
        """All examples, (N, *event_shape), in the working dtype, padded where they have different lengths."""
        return self.x.to(working_dtype(self.spec))

    def subset(self, indices: Tensor) -> Split:
        """The split of the examples at `indices`."""
        return self._each(lambda tensor: tensor[indices])

    def random_subset(self, count: int, seed: int) -> Split:
        """`count` examples drawn without replacement; all, where there are fewer. They are never the first ones, since
        some published files are sorted by class."""
        if count >= len(self):
            return self
        generator = torch.Generator().manual_seed(seed)
        return self.subset(torch.randperm(len(self), generator=generator)[:count].to(self.x.device))

    def to(self, device: torch.device | str) -> Split:
        """The split on that device."""
        return self._each(lambda tensor: tensor.to(device))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Split:
        y, grey, starts, lengths = (
            None if part is None else change(part) for part in (self.y, self.grey, self.starts, self.lengths)
        )
        return replace(self, x=change(self.x), y=y, grey=grey, starts=starts, lengths=lengths)


@runtime_checkable
class Truth(Protocol):
    """A known density, against which samples, and the metrics themselves, can be checked."""

    @property
    def modes(self) -> Tensor | None:
        """Centres of the modes, (M, *event_shape); None where the density has no modes."""

    @property
    def mode_scale(self) -> float | None:
        """Standard deviation of a mode, the same in every direction; None where there are no modes."""

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-density: (N, *event_shape) -> (N,) nats."""

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draws: (count, *event_shape), in the data's domain."""


@dataclass(frozen=True)
class Dataset:
    """A data set in memory."""

    spec: DataSpec
    """Domain of the examples."""
    train: Split
    """What models are trained on."""
    valid: Split
    """What checkpoints and settings are chosen on."""
    test: Split
    """What finished models are judged on."""
    truth: Truth | None = None
    """The density that the examples were drawn from; None where it is not known."""
