"""Which pixels of an image are given. Fixed for a data set: the same for every model and seed.

lower_half        the upper half is given (of an odd number of rows, the middle one too)
centre            all but a centred square of half the side
random_half       each pixel with probability 1/2, other ones for each image
super_resolution  every second row and column, from the first: a quarter of the pixels, to be doubled

All channels of a pixel are given, or none.
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
    """True where a pixel is given. seed: of random_half."""
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
