"""How a meter's batches are made of a split: pieces of about one length together, and grey levels drawn anew."""

from __future__ import annotations

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

_POOL_BATCHES = 8
"""Pieces of different lengths are sorted by length within so many batches."""


def binarised(grey: UInt8[Tensor, "batch *event"], generator: torch.Generator) -> Tensor:
    """A fresh draw: 1 with probability grey / 255 (Salakhutdinov & Murray 2008)."""
    noise = torch.rand(grey.shape, generator=generator)
    return noise.to(grey.device) * 255 < grey


def of_like_lengths(
    order: Int64[Tensor, " examples"],
    lengths: Int64[Tensor, " split"],
    size: int,
    generator: torch.Generator,
) -> Int64[Tensor, " whole"]:
    """The examples of whole batches, at random: each pool of some batches of `order` is sorted by length and cut into
    batches of `size`, and the batches are shuffled. Examples that fill no batch are left out."""
    whole = order[: len(order) // size * size]
    pools = whole.split(_POOL_BATCHES * size)
    batches = [part for pool in pools for part in pool[lengths[pool].argsort(stable=True)].split(size)]
    shuffled = torch.randperm(len(batches), generator=generator).tolist()
    return torch.cat([batches[i] for i in shuffled])
