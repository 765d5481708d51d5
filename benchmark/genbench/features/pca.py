"""Principal components of the training examples as features.

They are not whitened, so that Euclidean distances between features are those between examples, apart from what lies
outside the components.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from genbench.api.data import Dataset, Split
from genbench.api.spec import DataSpec
from genbench.features.extractor import Extractor, recipe_hash
from genbench.features.pixels import flat_values

COMPONENTS = 64
_VERSION = 1
_CHUNK = 8192


@dataclass(frozen=True)
class PrincipalComponents:
    """K principal components, in float64."""

    mean: Float[Tensor, " dim"]
    """Mean of the examples."""
    directions: Float[Tensor, "components dim"]
    """Orthonormal directions, that of the largest variance first."""

    def project(self, flat: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch components"]:
        """Coordinates along the directions, (N, D) -> (N, K) float32."""
        return ((flat.double() - self.mean) @ self.directions.T).float()


def fit_principal_components(train: Split, components: int = COMPONENTS) -> PrincipalComponents:
    """The first `components` principal components; fewer where the data have fewer dimensions or examples.

    Eigenvectors have no definite sign: each direction's largest coordinate is made positive.
    """
    count, dim = len(train), train.spec.dimension
    chunks = range(0, count, _CHUNK)

    def chunk(start: int) -> Tensor:
        return flat_values(train.x[start : start + _CHUNK], train.spec).double()

    mean = torch.stack([chunk(start).sum(0) for start in chunks]).sum(0) / count
    scatter = torch.zeros(dim, dim, dtype=torch.float64)
    for start in chunks:
        centred = chunk(start) - mean
        scatter.addmm_(centred.T, centred)
    keep = max(1, min(components, dim, count - 1))
    directions = torch.linalg.eigh(scatter)[1].T.flip(0)[:keep]
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    return PrincipalComponents(mean, (directions * largest.sign()).contiguous())


def pca(dataset: Dataset) -> Extractor:
    """The extractor "pca", fitted to the training split."""
    spec, train = dataset.spec, dataset.train
    compute = partial(_project_values, fitted=fit_principal_components(train), spec=spec)
    identity = recipe_hash("pca", _VERSION, spec, fitted_on=train.x, components=COMPONENTS)
    return Extractor("pca", identity, compute)


def _project_values(
    x: Tensor, fitted: PrincipalComponents, spec: DataSpec
) -> Float[Tensor, "batch components"]:
    return fitted.project(flat_values(x, spec))
