"""What a feature extractor is, and the hash that tells two of them apart."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import torch
from torch import Tensor

from genbench.api.spec import DataSpec
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


def recipe_hash(
    name: str, version: int, spec: DataSpec, fitted_on: Tensor | None = None, **settings: int
) -> str:
    """The hash of an extractor: of its recipe and of the data it was fitted on, never of its fitted numbers, whose last
    bits depend on the linear algebra library. 12 hexadecimal digits.

    version: raised whenever the recipe changes. fitted_on: training examples, as
    stored. Only the domain's levels and event shape enter, not the data set's name: the same map on two
    data sets is the same extractor."""
    recipe = {"name": name, "version": version, "levels": spec.levels, "shape": spec.event_shape, **settings}
    digest = hashlib.sha256(msgspec.json.encode(recipe, order="deterministic"))
    if fitted_on is not None:
        digest.update(f"{fitted_on.dtype}{tuple(fitted_on.shape)}".encode())
        digest.update(fitted_on.cpu().contiguous().numpy().data)
    return digest.hexdigest()[:12]
