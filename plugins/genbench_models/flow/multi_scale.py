"""Multi-scale flows of images: an image becomes noise part by part, from fine to coarse.

RealNVP: Dinh, Sohl-Dickstein & Bengio 2017, https://arxiv.org/abs/1605.08803
Glow: Kingma & Dhariwal 2018, https://arxiv.org/abs/1807.03039
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genbench import DataSpec
from genbench_models.flow.image_layers import (
    ActNorm,
    BorderOutlet,
    ChannelCoupling,
    ChannelOutlet,
    CheckerboardCoupling,
    InvertibleConvolution,
    Layer,
    Outlet,
    Shape,
    Squeeze,
)
from genbench_models.flow.vector_flow import VectorFlow

ARCHITECTURES = ("auto", "flat", "multi-scale")
MIN_SIDE_PIXELS = 8
"""The least side of an image for which "auto" is multi-scale: that of the other families' convolutions."""
_MIN_SQUEEZED_PIXELS = 4
"""The least side that is squeezed: a 3x3 convolution of a side of one pixel sees one pixel."""

Layers = Callable[[Shape], list[Layer]]
"""Builds layers for images of a shape."""


def is_multi_scale(spec: DataSpec, architecture: str) -> bool:
    """ "auto": on images large enough. Raises ValueError where "multi-scale" is asked of anything else."""
    if architecture not in ARCHITECTURES:
        raise ValueError(f"architecture={architecture!r}: expected {', '.join(ARCHITECTURES)}")
    fits = spec.modality == "image" and min(spec.event_shape[1:]) >= MIN_SIDE_PIXELS
    if architecture == "multi-scale" and not fits:
        raise ValueError(
            f"multi-scale flows take images of {MIN_SIDE_PIXELS}x{MIN_SIDE_PIXELS} and more;"
            f" {spec.name} is {spec.modality} {spec.event_shape}"
        )
    return fits and architecture != "flat"


class MultiScale(VectorFlow):
    """An image to noise of as many numbers. Per scale: layers, squeezing, more layers, and half of the channels leave.
    There are `scales` scales, or as many as the sides allow.

    before, after: the layers before and after squeezing.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        scales: int,
        before: Layers,
        after: Layers,
    ) -> None:
        super().__init__()
        channels, height, columns = self.shape = shape
        steps: list[Layer | Outlet] = []
        sizes: list[int] = []
        for number in range(scales):
            if number and min(height, columns) < _MIN_SQUEEZED_PIXELS:
                break
            if number:  # the last scale keeps all of its channels
                steps.append(ChannelOutlet(channels))
                leaves = channels - channels // 2
                sizes.append(leaves * height * columns)
                channels -= leaves
            steps += before((channels, height, columns))
            if height % 2 or columns % 2:
                steps.append(BorderOutlet((channels, height, columns)))
                even = (height - height % 2, columns - columns % 2)
                sizes.append(channels * (height * columns - even[0] * even[1]))
                height, columns = even
            steps.append(Squeeze())
            channels, height, columns = 4 * channels, height // 2, columns // 2
            steps += after((channels, height, columns))
        self.coarsest = (channels, height, columns)
        steps.append(ActNorm(*self.coarsest))
        self.sizes = [*sizes, math.prod(self.coarsest)]
        self.steps = nn.ModuleList(steps)

    @torch.no_grad()
    def initialise(self, y: Float[Tensor, "batch dimension"]) -> None:
        """Set the normalisations by a batch."""
        x = y.unflatten(1, self.shape)
        for step in self.steps:
            if isinstance(step, Layer):
                step.initialise(x)
            x = step(x)[0]

    def forward(
        self, y: Float[Tensor, "batch dimension"]
    ) -> tuple[Float[Tensor, "batch dimension"], Float[Tensor, " batch"]]:
        """The noise of an image, and the logarithm of the determinant of the Jacobian."""
        x = y.unflatten(1, self.shape)
        total = y.new_zeros(len(y))
        noises = []
        for step in self.steps:
            if isinstance(step, Outlet):
                x, noise, log_determinant = step(x)
                noises.append(noise)
            else:
                x, log_determinant = step(x)
            total = total + log_determinant
        return torch.cat([*noises, x.flatten(1)], 1), total

    def log_prob(self, y: Float[Tensor, "batch dimension"]) -> Float[Tensor, " batch"]:
        z, log_determinant = self(y)
        log_density: Tensor = log_determinant - 0.5 * (z.square() + math.log(2 * math.pi)).sum(1)
        return log_density

    def inverse(self, z: Float[Tensor, "batch dimension"]) -> Float[Tensor, "batch dimension"]:
        *noises, last = z.split(self.sizes, 1)
        x = last.unflatten(1, self.coarsest)
        for step in reversed(self.steps):
            if isinstance(step, Outlet):
                x = step.inverse(x, noises.pop())
            else:
                assert isinstance(step, Layer)
                x = step.inverse(x)
        vectors: Tensor = x.flatten(1)
        return vectors


def realnvp_of_images(shape: tuple[int, ...], *, scales: int, couplings: int, width: int) -> MultiScale:
    """couplings: in all. Each scale has an equal part of them: the smaller half on checkerboards, before squeezing, the
    rest on channels, after it. The halves of pixels and of channels take turns."""
    each = max(1, couplings // scales)

    def on_boards(shape: Shape) -> list[Layer]:
        layers: list[Layer] = []
        for number in range(each // 2):
            board = CheckerboardCoupling(shape, width, reads_black=number % 2 == 0)
            layers += [ActNorm(*shape), board]
        return layers

    def on_channels(shape: Shape) -> list[Layer]:
        layers: list[Layer] = []
        for number in range(each - each // 2):
            coupling = ChannelCoupling(shape[0], width, reads_first_half=number % 2 == 0)
            layers += [ActNorm(*shape), coupling]
        return layers

    return MultiScale(shape, scales=scales, before=on_boards, after=on_channels)


def glow_of_images(shape: tuple[int, ...], *, scales: int, steps: int, width: int) -> MultiScale:
    """Steps of flow after each squeezing: normalisation, 1x1 convolution, coupling."""

    def steps_of_flow(shape: Shape) -> list[Layer]:
        layers: list[Layer] = []
        for _ in range(steps):
            layers += [
                ActNorm(shape[0], 1, 1),
                InvertibleConvolution(shape[0]),
                ChannelCoupling(shape[0], width),
            ]
        return layers

    return MultiScale(shape, scales=scales, before=lambda _: [], after=steps_of_flow)
