"""Networks that take the time of a diffusion or of a flow as an input. MLPs for vectors, a small U-Net for images."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import DataSpec
from genbench_models.layers.coordinates import read_coordinates

_FREQUENCIES = 16
_GROUPS = 4


def time_features(t: Float[Tensor, " batch"]) -> Float[Tensor, "batch features"]:
    """Sines and cosines of times in [0, 1], from a quarter of a period to a thousand of them."""
    frequency = torch.logspace(0, 3, _FREQUENCIES, device=t.device) * (math.pi / 2)
    angle = t.unsqueeze(1) * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=1)


class TimeMLP(nn.Module):
    """(N, *event) and times (N,) to (N, *event); the time is an input of every hidden layer."""

    def __init__(self, dimension: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.read, inputs = read_coordinates(dimension)
        self.first = nn.Linear(inputs, hidden)
        self.time = nn.Linear(2 * _FREQUENCIES, hidden)
        self.hidden = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(layers))
        self.times = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(layers))
        self.last = nn.Linear(hidden, dimension)
        nn.init.zeros_(self.last.weight)

    def forward(
        self, x: Float[Tensor, "batch *event"], t: Float[Tensor, " batch"]
    ) -> Float[Tensor, "batch *event"]:
        time = F.silu(self.time(time_features(t)))
        h = self.first(self.read(x.flatten(1)))
        for layer, from_time in zip(self.hidden, self.times, strict=True):
            h = h + layer(F.silu(h + from_time(time)))
        out: Tensor = self.last(F.silu(h)).reshape(x.shape)
        return out


class TimeBlock(nn.Module):
    """Two convolutions with normalisation, with the time as an input in between; residual."""

    def __init__(self, inputs: int, outputs: int, time: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.normalise = nn.ModuleList([nn.GroupNorm(_GROUPS, outputs), nn.GroupNorm(_GROUPS, outputs)])
        self.time = nn.Linear(time, outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Float[Tensor, "batch c h w"], time: Float[Tensor, "batch time"]) -> Tensor:
        h = F.silu(self.normalise[0](self.first(x)) + self.time(time)[:, :, None, None])
        out: Tensor = self.skip(x) + F.silu(self.normalise[1](self.second(h)))
        return out


class TimeUNet(nn.Module):
    """Down twice and up again with skips, on images padded to a multiple of four (Ronneberger et al. 2015)."""

    def __init__(self, event_shape: tuple[int, ...], width: int) -> None:
        super().__init__()
        channels, self.height, self.columns = event_shape
        width = -(-width // _GROUPS) * _GROUPS
        self.padding = (0, -self.columns % 4, 0, -self.height % 4)
        time = 2 * width
        self.time = nn.Sequential(
            nn.Linear(2 * _FREQUENCIES, time), nn.SiLU(), nn.Linear(time, time), nn.SiLU()
        )
        self.read = nn.Conv2d(channels, width, 3, padding=1)
        self.down = nn.ModuleList([TimeBlock(width, width, time), TimeBlock(width, 2 * width, time)])
        self.middle = TimeBlock(2 * width, 2 * width, time)
        self.up = nn.ModuleList([TimeBlock(4 * width, width, time), TimeBlock(2 * width, width, time)])
        self.write = nn.Conv2d(width, channels, 3, padding=1)
        nn.init.zeros_(self.write.weight)

    def forward(
        self, x: Float[Tensor, "batch c h w"], t: Float[Tensor, " batch"]
    ) -> Float[Tensor, "batch c h w"]:
        time = self.time(time_features(t))
        fine = self.down[0](self.read(F.pad(x, self.padding)), time)  # width, full size
        middle = self.down[1](F.avg_pool2d(fine, 2), time)  # 2 width, half
        coarse = self.middle(F.avg_pool2d(middle, 2), time)  # 2 width, quarter
        h = self.up[0](torch.cat([F.interpolate(coarse, scale_factor=2.0), middle], 1), time)
        h = self.up[1](torch.cat([F.interpolate(h, scale_factor=2.0), fine], 1), time)
        out: Tensor = self.write(h)[..., : self.height, : self.columns]
        return out


def time_network(spec: DataSpec, *, hidden: int, layers: int, width: int) -> nn.Module:
    """A U-Net of `width` for images of 8x8 and more, else an MLP."""
    if spec.modality == "image" and min(spec.event_shape[1:]) >= 8:
        return TimeUNet(spec.event_shape, width)
    return TimeMLP(spec.dimension, hidden, layers)
