"""Glow: a multi-scale flow of images whose channels are mixed by invertible 1x1 convolutions.

Kingma & Dhariwal 2018, "Glow: Generative Flow with Invertible 1x1 Convolutions", https://arxiv.org/abs/1807.03039

| part of the paper | here |
|---|---|
| steps of flow: actnorm, invertible 1x1 convolution in LU form, affine coupling (section 3) | there |
| squeezing, and half of the channels leave after each scale; their prior depends on what stays | there |
| the coupling's network: convolutions of 3x3, 1x1 and 3x3, the last zero at first | there, without actnorm within |
| scale of a coupling: a sigmoid (published code) | changed: e^s with s within [-2, 2], since it scales both ways |
| learned prior of the coarsest noise | there, with a mean and a scale of each place |
| dequantised pixels | there; through a logit, as in RealNVP |
| images of odd height or width | added: the last row or column leaves before squeezing |
| temperature below 1 when sampling | left out: samples are of the model whose likelihood is reported |
"""

from __future__ import annotations

from genbench import DataSpec
from genbench_models.flow.multi_scale import glow_of_images, is_multi_scale
from genbench_models.flow.normalizing_flow import ComposedFlow
from genbench_models.layers.ranges import at_least


class Glow(ComposedFlow):
    """For images of 8x8 pixels and more. transforms: steps of flow per scale. width: channels within couplings."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        transforms: int = 4,
        width: int = 16,
        scales: int = 2,
        batch_size: int = 64,
        learning_rate: float = 1e-2,
    ) -> None:
        super().__init__(spec, batch_size=batch_size, learning_rate=learning_rate)
        at_least(1, transforms=transforms, width=width, scales=scales)
        is_multi_scale(spec, "multi-scale")  # refuses other data
        self.flow = glow_of_images(spec.event_shape, scales=scales, steps=transforms, width=width)
