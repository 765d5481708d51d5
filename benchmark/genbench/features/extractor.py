"""What a feature extractor is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Extractor:
    """A fixed map. compute: (N, *event_shape) in the working dtype -> (N, D) float32.

    hash: of all that the map depends on; figures from extractors with different hashes do not compare.
    """

    name: str
    hash: str
    compute: Callable[[Tensor], Tensor]

    @property
    def identity(self) -> str:
        """As records have it: "name:hash"."""
        return f"{self.name}:{self.hash}"

    def __call__(self, x: Tensor) -> Tensor:
        return self.compute(x)
