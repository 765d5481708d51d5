"""The numbers of an example as features: pixels, coordinates, values of a series."""

from __future__ import annotations

from functools import partial

from jaxtyping import Float
from torch import Tensor

from genbench.api.data import Dataset
from genbench.api.spec import DataSpec
from genbench.features.extractor import Extractor, recipe_hash

_VERSION = 1


def flat_values(x: Tensor, spec: DataSpec) -> Float[Tensor, "batch dim"]:
    """Examples in the data's domain, (N, *event_shape) -> (N, D) float32. Integers 0..levels-1 are scaled to [0, 1]."""
    flat = x.reshape(len(x), -1).float()
    return flat if spec.levels is None else flat / (spec.levels - 1)


def values(dataset: Dataset) -> Extractor:
    """The extractor "values", which is not fitted to the data."""
    spec = dataset.spec
    return Extractor("values", recipe_hash("values", _VERSION, spec), partial(flat_values, spec=spec))
