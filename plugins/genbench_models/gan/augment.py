"""Differentiable augmentations of images, each applied with a given probability (Karras et al. 2020, "Training
Generative Adversarial Networks with Limited Data", https://arxiv.org/abs/2006.06676).

Below a probability of about 0.8 a generator cannot mistake augmented images for the data (section 2.2). No flips
and no rotations: a mirrored digit is another symbol.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

_SHIFT = 1 / 8  # of the image's side
_BRIGHTNESS = 0.2  # standard deviation, in standardised units
_LOG_CONTRAST = 0.3
_CUT = 1 / 2  # side of the square that is cut out, as a share of the image's side


def augment(
    images: Float[Tensor, "batch channel height width"], share: float
) -> Float[Tensor, "batch channel height width"]:
    """Change contrast and brightness, translate and cut out, each for a `share` of the images. Random numbers come from
    torch's global generator."""
    if share <= 0:
        return images
    count, _, height, width = images.shape

    def chosen() -> Tensor:
        return (torch.rand(count, 1, 1, 1, device=images.device) < share).to(images.dtype)

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, device=images.device)

    # contrast and brightness
    images = images * (chosen() * _LOG_CONTRAST * torch.randn(count, 1, 1, 1, device=images.device)).exp()
    images = images + chosen() * _BRIGHTNESS * torch.randn(count, 1, 1, 1, device=images.device)
    # translation by whole pixels, edges repeated
    move = chosen()[:, 0, 0, 0]
    rows = _shifted(height, (move * uniform(-_SHIFT, _SHIFT) * height).round(), images.device)  # B, H
    columns = _shifted(width, (move * uniform(-_SHIFT, _SHIFT) * width).round(), images.device)  # B, W
    at = torch.arange(count, device=images.device)[:, None, None]
    images = images.permute(0, 2, 3, 1)[at, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    # a square of zeros, the middle of the scale
    top, left = uniform(-_CUT / 2, 1 - _CUT / 2) * height, uniform(-_CUT / 2, 1 - _CUT / 2) * width
    row, column = torch.arange(height, device=images.device), torch.arange(width, device=images.device)
    in_rows = (row >= top[:, None]) & (row < top[:, None] + _CUT * height)  # B, H
    in_columns = (column >= left[:, None]) & (column < left[:, None] + _CUT * width)  # B, W
    inside = (in_rows[:, :, None] & in_columns[:, None, :])[:, None]  # B, 1, H, W
    return images * (1 - inside.to(images.dtype) * chosen())


def _shifted(size: int, by: Tensor, device: torch.device) -> Tensor:
    """(B, size) indices moved by whole numbers (B,), held within the image."""
    return (torch.arange(size, device=device) + by[:, None].long()).clamp(0, size - 1)
