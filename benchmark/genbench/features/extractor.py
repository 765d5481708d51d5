"""What a feature extractor is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from genbench.errors import FeatureError


@dataclass(frozen=True)
class Extractor:
    """A fixed map. compute: (N, *event_shape) in the working dtype -> (N, D) float32.

    hash: of all that the map depends on; figures from extractors with different hashes do not compare.
    classify: features (N, D) -> logits (N, K), where the extractor has a classifier's head.

    Called, it checks what `compute` gave, which may be a plugin's. Raises FeatureError.
    """

    name: str
    hash: str
    compute: Callable[[Tensor], Tensor]
    classify: Callable[[Tensor], Tensor] | None = None

    @property
    def identity(self) -> str:
        """As records have it: "name:hash"."""
        return f"{self.name}:{self.hash}"

    def __call__(self, x: Tensor) -> Tensor:
        return self._checked(self.compute, x, "features")

    def logits(self, features: Tensor) -> Tensor | None:
        """(N, D) -> (N, K); None where there is no head."""
        if self.classify is None:
            return None
        return self._checked(self.classify, features, "logits")

    def _checked(self, compute: Callable[[Tensor], object], x: Tensor, what: str) -> Tensor:
        try:
            found = compute(x)
        except (FeatureError, MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # a plugin's
            reason = (str(error).strip().splitlines() or [""])[0]
            raise FeatureError(f"extractor {self.name}: {type(error).__name__}: {reason}") from error
        count = len(x)
        if not isinstance(found, Tensor):
            raise FeatureError(f"extractor {self.name}: {what} are {type(found).__name__}, expected a tensor")
        if found.ndim != 2 or len(found) != count or found.dtype != torch.float32:
            raise FeatureError(
                f"extractor {self.name}: {what} are {tuple(found.shape)} {found.dtype},"
                f" expected ({count}, any) torch.float32"
            )
        return found
