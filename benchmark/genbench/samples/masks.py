"""Masks that say which pixels of an image are given. They depend on the data set, not on the model or the seed.

lower_half        the lower half is missing; the upper half is given, with the middle row if there is one
centre            a centred square of half the side is missing
random_half       each pixel is given with probability 1/2, independently in each image
super_resolution  every second row and column is given, from the first: a quarter of the pixels

Either all channels of a pixel are given, or none.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from jaxtyping import Bool
from torch import Tensor

from genbench.api.spec import DataSpec

MaskName = Literal["lower_half", "centre", "random_half", "super_resolution"]
MASK_NAMES: tuple[MaskName, ...] = get_args(MaskName)


def make_mask(name: MaskName, spec: DataSpec, count: int, seed: int) -> Bool[Tensor, "{count} *event"]:
    """A mask that is True where a pixel is given. seed: for random_half, which draws."""
    _, height, width = spec.event_shape
    given = torch.zeros(count, height, width, dtype=torch.bool)
    if name == "lower_half":
        given[:, : (height + 1) // 2] = True
    elif name == "centre":
        rows, columns = _middle_half(height), _middle_half(width)
        given[:] = True
        given[:, rows, columns] = False
    elif name == "random_half":
        given = torch.rand(given.shape, generator=torch.Generator().manual_seed(seed)) < 0.5
    else:
        given[:, ::2, ::2] = True
    return given.unsqueeze(1).expand(count, *spec.event_shape).contiguous()


def _middle_half(side: int) -> slice:
    start = (side - side // 2) // 2
    return slice(start, start + side // 2)
