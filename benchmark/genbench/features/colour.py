"""Images in the form that extractors of photographs take."""

from __future__ import annotations

import torch
from jaxtyping import UInt8
from torch import Tensor

from genbench.api.spec import DataSpec
from genbench.errors import FeatureError


def eight_bit_colour(x: Tensor, spec: DataSpec) -> UInt8[Tensor, "batch 3 height width"]:
    """Images of integers 0..levels-1, (N, 1 or 3, H, W) -> (N, 3, H, W) of 0..255. Grey images become three equal
    channels. Images of 256 levels keep their values. Raises FeatureError for other data."""
    if spec.levels is None or len(spec.event_shape) != 3 or spec.event_shape[0] not in (1, 3):
        raise FeatureError(
            f"{spec.name} has shape {spec.event_shape}, expected images of levels, grey or colour"
        )
    scaled = (x.double() * (255 / (spec.levels - 1))).round().to(torch.uint8)
    return scaled.expand(-1, 3, -1, -1).contiguous()
