"""The hash of an extractor: of its recipe and of the data it was fitted on, never of its fitted numbers,
whose last bits depend on the linear algebra library."""

from __future__ import annotations

import hashlib

import msgspec
from torch import Tensor

from genbench.spec import DataSpec


def recipe_hash(
    name: str, version: int, spec: DataSpec, fitted_on: Tensor | None = None, **settings: int
) -> str:
    """12 hexadecimal digits. version: raised whenever the recipe changes. fitted_on: training examples, as
    stored. Only the domain's levels and event shape enter, not the data set's name: the same map on two
    data sets is the same extractor."""
    recipe = {"name": name, "version": version, "levels": spec.levels, "shape": spec.event_shape, **settings}
    digest = hashlib.sha256(msgspec.json.encode(recipe, order="deterministic"))
    if fitted_on is not None:
        digest.update(f"{fitted_on.dtype}{tuple(fitted_on.shape)}".encode())
        digest.update(fitted_on.cpu().contiguous().numpy().data)
    return digest.hexdigest()[:12]
