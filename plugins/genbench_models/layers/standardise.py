"""The affine map between the data's own scale and the scale on which networks are trained."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genbench import DataSpec, Split
from genbench.api import step_mask

# A dimension whose standard deviation is below this share of its mean is constant in float32.
_RELATIVE_FLOOR = 1e-6


def _statistics_shape(spec: DataSpec) -> tuple[int, ...]:
    """Points: each dimension has a mean of its own. Images and the like: one mean per channel, the same at all
    places and times."""
    shape = spec.event_shape
    if spec.modality == "points":
        return shape
    if spec.modality == "image":
        return (shape[0], *(1 for _ in shape[1:]))
    return (*(1 for _ in shape[:-1]), shape[-1])


class Standardise(nn.Module):
    """y = (x - mean) / scale.

    Data with levels: 0..levels-1 goes to [-1, 1], whatever the data. Real data: to mean 0 and standard
    deviation 1 over the training set, by dimension (points) or by channel (images, series); a constant
    dimension is only shifted. `fit` measures; mean and scale are buffers.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        self.spec = spec
        shape = _statistics_shape(spec)
        half_range = 1.0 if spec.levels is None else (spec.levels - 1) / 2
        self.register_buffer("mean", torch.full(shape, 0.0 if spec.levels is None else half_range))
        self.register_buffer("scale", torch.full(shape, half_range))

    @torch.no_grad()
    def fit(self, train: Split) -> None:
        """Take mean and scale from the training set; nothing to do for data with levels."""
        if self.spec.levels is not None:
            return
        x = train.tensor().double()
        if train.lengths is not None:  # every step of a piece, and no padding
            x = x[step_mask(train.lengths, x.shape[1])].unsqueeze(1)
        shared = [0, *(axis + 1 for axis, size in enumerate(self.mean.shape) if size == 1)]
        mean = x.mean(shared, keepdim=True)[0]
        scale = x.std(shared, keepdim=True, correction=0)[0]
        constant = scale <= _RELATIVE_FLOOR * mean.abs().clamp(min=1e-6)
        self.mean.copy_(mean)
        self.scale.copy_(torch.where(constant, 1.0, scale))

    def forward(self, x: Tensor) -> Tensor:
        """(N, *event_shape), the data's working dtype -> (N, *event_shape) float."""
        return (x - self.mean) / self.scale

    def inverse(self, y: Tensor) -> Tensor:
        """(N, *event_shape) float -> (N, *event_shape) float, on the data's scale."""
        return y * self.scale + self.mean

    def log_abs_det_jacobian(self, lengths: Tensor | None = None) -> Tensor:
        """log |dy/dx| of one example, a scalar: log p(x) = log p(y) + this. lengths: of pieces, (N,); then (N,)."""
        if lengths is not None:
            return -lengths * self.scale.double().log().expand(1, *self.spec.step_shape).sum()
        return -self.scale.log().expand(self.spec.event_shape).sum()
