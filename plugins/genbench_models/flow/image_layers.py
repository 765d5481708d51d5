"""Invertible layers of image flows: normalisation, couplings, 1x1 convolutions, squeezing, and what sets noise aside.

RealNVP: Dinh, Sohl-Dickstein & Bengio 2017, sections 3.4-3.6, https://arxiv.org/abs/1605.08803
Glow: Kingma & Dhariwal 2018, "Glow: Generative Flow with Invertible 1x1 Convolutions",
https://arxiv.org/abs/1807.03039

A layer maps images (N, C, H, W) to images of as many numbers, and gives the logarithm of the determinant of its
Jacobian, in nats, per example or as one number for all. An outlet maps images to smaller images and the rest to noise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

_MAX_LOG_SCALE = 2.0
"""A coupling scales by at most this, in nats: larger factors in an early step send the training astray."""
_LEAST_VARIANCE = 1e-4
"""What is added to the variance of the first batch, which may be 0."""


Shape = tuple[int, int, int]
"""Channels, height and width of an image."""


class Layer(nn.Module, ABC):
    """An invertible map of images."""

    @abstractmethod
    def forward(self, x: Float[Tensor, "batch c h w"]) -> tuple[Float[Tensor, "batch c2 h2 w2"], Tensor]:
        """y, and log |dy/dx|: (batch,) or a scalar."""

    @abstractmethod
    def inverse(self, y: Float[Tensor, "batch c2 h2 w2"]) -> Float[Tensor, "batch c h w"]:
        """The x of a y."""

    def initialise(self, x: Float[Tensor, "batch c h w"]) -> None:
        """Set what depends on the first batch. Most layers have nothing to set."""


class ActNorm(Layer):
    """A scale and a shift, after which the first batch has mean 0 and variance 1 (Glow, section 3.1). shape: that of
    the scale, (C, 1, 1) for one per channel as in the paper, or (C, H, W) for one per place."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(shape))
        self.log_scale = nn.Parameter(torch.zeros(shape))

    @torch.no_grad()
    def initialise(self, x: Float[Tensor, "batch c h w"]) -> None:
        shared = [0, *(axis + 1 for axis, size in enumerate(self.shift.shape) if size == 1)]
        self.shift.copy_(-x.mean(shared, keepdim=True)[0])
        variance = x.var(shared, correction=0, keepdim=True)[0]
        self.log_scale.copy_(-0.5 * (variance + _LEAST_VARIANCE).log())

    def forward(self, x: Float[Tensor, "batch c h w"]) -> tuple[Float[Tensor, "batch c h w"], Tensor]:
        places = x[0].numel() // self.shift.numel()  # that share a scale
        return (x + self.shift) * self.log_scale.exp(), self.log_scale.sum() * places

    def inverse(self, y: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
        return y * (-self.log_scale).exp() - self.shift


class InvertibleConvolution(Layer):
    """A 1x1 convolution W = P L (U + diag(s)), P a fixed permutation, L and U triangular (Glow, section 3.2). Starts as
    a random rotation; the signs of s are fixed."""

    permutation: Tensor
    signs: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        rotation, _ = torch.linalg.qr(torch.randn(channels, channels))
        permutation, lower, upper = torch.linalg.lu(rotation)
        scale = upper.diagonal()
        self.register_buffer("permutation", permutation)
        self.register_buffer("signs", scale.sign())
        self.log_scale = nn.Parameter(scale.abs().log())
        self.lower = nn.Parameter(lower.tril(-1))
        self.upper = nn.Parameter(upper.triu(1))

    def _weight(self) -> Float[Tensor, "channel channel"]:
        lower = self.lower.tril(-1) + torch.eye(len(self.signs), device=self.signs.device)
        upper = self.upper.triu(1) + torch.diag(self.signs * self.log_scale.exp())
        weight: Tensor = self.permutation @ lower @ upper
        return weight

    def forward(self, x: Float[Tensor, "batch c h w"]) -> tuple[Float[Tensor, "batch c h w"], Tensor]:
        y = F.conv2d(x, self._weight()[:, :, None, None])
        return y, self.log_scale.sum() * (x.shape[2] * x.shape[3])

    def inverse(self, y: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
        inverse = torch.linalg.inv(self._weight().double()).to(y.dtype)
        return F.conv2d(y, inverse[:, :, None, None])


def _zero(convolution: nn.Conv2d) -> nn.Conv2d:
    """The convolution, whose output is zero until it is trained."""
    nn.init.zeros_(convolution.weight)
    assert convolution.bias is not None
    nn.init.zeros_(convolution.bias)
    return convolution


def _network(inputs: int, width: int, outputs: int) -> nn.Sequential:
    """Three convolutions, the last of which is zero at first (Glow, section 3.3)."""
    return nn.Sequential(
        nn.Conv2d(inputs, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, width, 1),
        nn.ReLU(),
        _zero(nn.Conv2d(width, outputs, 3, padding=1)),
    )


def _log_scale(raw: Tensor) -> Tensor:
    """Within the bound, and near `raw` where that is small."""
    return _MAX_LOG_SCALE * torch.tanh(raw / _MAX_LOG_SCALE)


class ChannelCoupling(Layer):
    """Half of the channels are scaled and shifted by what a network reads in the other half."""

    def __init__(self, channels: int, width: int, *, reads_first_half: bool = True) -> None:
        super().__init__()
        first = channels // 2
        self.halves = [first, channels - first]
        self.reads_first_half = reads_first_half
        read, set_by_it = self.halves if reads_first_half else self.halves[::-1]
        self.network = _network(read, width, 2 * set_by_it)

    def _join(self, read: Tensor, other: Tensor) -> Tensor:
        return torch.cat([read, other] if self.reads_first_half else [other, read], 1)

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, second = x.split(self.halves, 1)
        return (first, second) if self.reads_first_half else (second, first)

    def _set(self, read: Tensor) -> tuple[Tensor, Tensor]:
        shift, raw = self.network(read).chunk(2, 1)
        return shift, _log_scale(raw)

    def forward(self, x: Float[Tensor, "batch c h w"]) -> tuple[Float[Tensor, "batch c h w"], Tensor]:
        read, other = self._split(x)
        shift, log_scale = self._set(read)
        return self._join(read, (other + shift) * log_scale.exp()), log_scale.flatten(1).sum(1)

    def inverse(self, y: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
        read, other = self._split(y)
        shift, log_scale = self._set(read)
        return self._join(read, other * (-log_scale).exp() - shift)


class CheckerboardCoupling(Layer):
    """The pixels of one colour of a checkerboard are scaled and shifted by what a network reads in those of the other
    (RealNVP, section 3.4)."""

    reads: Tensor

    def __init__(self, shape: Shape, width: int, *, reads_black: bool) -> None:
        super().__init__()
        channels, height, columns = shape
        colour = (torch.arange(height).unsqueeze(1) + torch.arange(columns)) % 2
        self.register_buffer("reads", (colour == int(reads_black)).float(), persistent=False)
        self.network = _network(channels, width, 2 * channels)

    def _set(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Shift and logarithm of the scale; both are zero where a pixel is read."""
        shift, raw = self.network(x * self.reads).chunk(2, 1)
        written = 1 - self.reads
        return shift * written, _log_scale(raw) * written

    def forward(self, x: Float[Tensor, "batch c h w"]) -> tuple[Float[Tensor, "batch c h w"], Tensor]:
        shift, log_scale = self._set(x)
        return (x + shift) * log_scale.exp(), log_scale.flatten(1).sum(1)

    def inverse(self, y: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
        shift, log_scale = self._set(y)
        return y * (-log_scale).exp() - shift


class Squeeze(Layer):
    """Squares of 2x2 pixels become four channels."""

    def forward(self, x: Float[Tensor, "batch c h w"]) -> tuple[Float[Tensor, "batch c4 h2 w2"], Tensor]:
        return F.pixel_unshuffle(x, 2), x.new_zeros(())

    def inverse(self, y: Float[Tensor, "batch c4 h2 w2"]) -> Float[Tensor, "batch c h w"]:
        return F.pixel_shuffle(y, 2)


class Outlet(nn.Module, ABC):
    """Part of an image leaves as noise: it is standardised by a mean and a scale that depend on the part that stays
    (RealNVP, section 3.6; the dependence on what stays is that of Glow's published code)."""

    @abstractmethod
    def forward(
        self, x: Float[Tensor, "batch c h w"]
    ) -> tuple[Float[Tensor, "batch kept h2 w2"], Float[Tensor, "batch noise"], Float[Tensor, " batch"]]:
        """What stays, the noise, and the logarithm of the determinant."""

    @abstractmethod
    def inverse(
        self, stays: Float[Tensor, "batch kept h2 w2"], noise: Float[Tensor, "batch noise"]
    ) -> Float[Tensor, "batch c h w"]:
        """The image of both."""


class ChannelOutlet(Outlet):
    """The second half of the channels leaves."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.halves = [channels // 2, channels - channels // 2]
        self.network = _zero(nn.Conv2d(self.halves[0], 2 * self.halves[1], 3, padding=1))

    def forward(
        self, x: Float[Tensor, "batch c h w"]
    ) -> tuple[Float[Tensor, "batch kept h w"], Float[Tensor, "batch noise"], Float[Tensor, " batch"]]:
        stays, leaves = x.split(self.halves, 1)
        shift, raw = self.network(stays).chunk(2, 1)
        log_scale = _log_scale(raw)
        return stays, ((leaves + shift) * log_scale.exp()).flatten(1), log_scale.flatten(1).sum(1)

    def inverse(
        self, stays: Float[Tensor, "batch kept h w"], noise: Float[Tensor, "batch noise"]
    ) -> Float[Tensor, "batch c h w"]:
        shift, raw = self.network(stays).chunk(2, 1)
        return torch.cat([stays, noise.reshape(shift.shape) * (-_log_scale(raw)).exp() - shift], 1)


class BorderOutlet(Outlet):
    """The last row of an odd height and the last column of an odd width leave, so that the rest can be squeezed. In
    the papers all sides are even."""

    leaves: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        channels, height, columns = shape
        self.odd = (height % 2, columns % 2)
        leaves = torch.zeros(height, columns, dtype=torch.bool)
        leaves[height - self.odd[0] :] = True
        leaves[:, columns - self.odd[1] :] = True
        self.register_buffer("leaves", leaves, persistent=False)
        self.network = _zero(nn.Conv2d(channels, 2 * channels, 5, padding=2))

    def _set(self, stays: Tensor) -> tuple[Tensor, Tensor]:
        """Shift and logarithm of the scale of the pixels that leave, (batch, channels, pixels)."""
        canvas = F.pad(stays, (0, self.odd[1], 0, self.odd[0]))
        shift, raw = self.network(canvas)[..., self.leaves].chunk(2, 1)
        return shift, _log_scale(raw)

    def forward(
        self, x: Float[Tensor, "batch c h w"]
    ) -> tuple[Float[Tensor, "batch c h2 w2"], Float[Tensor, "batch noise"], Float[Tensor, " batch"]]:
        stays = x[..., : x.shape[2] - self.odd[0], : x.shape[3] - self.odd[1]]
        shift, log_scale = self._set(stays)
        noise = (x[..., self.leaves] + shift) * log_scale.exp()
        return stays, noise.flatten(1), log_scale.flatten(1).sum(1)

    def inverse(
        self, stays: Float[Tensor, "batch c h2 w2"], noise: Float[Tensor, "batch noise"]
    ) -> Float[Tensor, "batch c h w"]:
        shift, log_scale = self._set(stays)
        x = F.pad(stays, (0, self.odd[1], 0, self.odd[0]))
        x[..., self.leaves] = noise.reshape(shift.shape) * (-log_scale).exp() - shift
        return x
