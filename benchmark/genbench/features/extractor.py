"""Feature extractors, and the hashes that identify them."""

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
    """A fixed map from examples to feature vectors. Calling it checks the features, since a plugin may compute them,
    and raises FeatureError where they are wrong."""

    name: str
    """Name on the card."""
    hash: str
    """Hash of everything that the map depends on. Values from extractors with different hashes cannot be compared."""
    compute: Callable[[Tensor], Tensor]
    """Examples, (N, *event_shape) in the working type -> features, (N, D) float32."""
    classify: Callable[[Tensor], Tensor] | None = None
    """Features, (N, D) -> logits of classes, (N, K) float32; None for an extractor without a classifier."""

    @property
    def identity(self) -> str:
        """The extractor's name in records: "name:hash"."""
        return f"{self.name}:{self.hash}"

    def __call__(self, x: Tensor) -> Tensor:
        """Features of the examples, (N, D) float32."""
        return self._checked(self.compute, x, "features")

    def logits(self, features: Tensor) -> Tensor | None:
        """Logits of features, (N, D) -> (N, K); None for an extractor without a classifier."""
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
    """The hash of an extractor's recipe and of the data that it was fitted to: 12 hexadecimal digits.

    The fitted numbers are not hashed, since their last bits depend on the linear algebra library. Levels and event
    shape of the data enter, but not the data set's name: one map on two data sets is one extractor.

    version: changes whenever the recipe changes. fitted_on: training examples, in the storage type. settings: of the
    recipe.
    """
    recipe = {"name": name, "version": version, "levels": spec.levels, "shape": spec.event_shape, **settings}
    digest = hashlib.sha256(msgspec.json.encode(recipe, order="deterministic"))
    if fitted_on is not None:
        digest.update(f"{fitted_on.dtype}{tuple(fitted_on.shape)}".encode())
        digest.update(fitted_on.cpu().contiguous().numpy().data)
    return digest.hexdigest()[:12]
