"""Frequencies of symbols as features of token sequences. They do not depend on the order."""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from genbench.api.data import Dataset
from genbench.errors import PluginError
from genbench.features.extractor import Extractor, recipe_hash

_VERSION = 1


def symbol_shares(x: Tensor, levels: int) -> Float[Tensor, "batch levels"]:
    """The share of each symbol: integers 0..levels-1, (N, *event_shape) -> (N, levels) float32."""
    flat = x.reshape(len(x), -1).long()
    counts = torch.zeros(len(x), levels, device=x.device)
    counts.scatter_add_(1, flat, torch.ones_like(flat, dtype=torch.float32))
    return counts / max(1, flat.shape[1])


def histogram(dataset: Dataset) -> Extractor:
    """The extractor "histogram", which is not fitted to the data. Raises PluginError for real values."""
    spec = dataset.spec
    if spec.levels is None:
        raise PluginError(f"{spec.name} has real values; a histogram of symbols needs levels")
    identity = recipe_hash("histogram", _VERSION, spec)
    return Extractor("histogram", identity, partial(symbol_shares, levels=spec.levels))
