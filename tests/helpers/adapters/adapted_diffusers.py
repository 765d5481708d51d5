"""A network and a scheduler of diffusers through their adapter, with random weights."""

from __future__ import annotations

from typing import Any, ClassVar

from diffusers import DDPMScheduler, UNet2DModel
from torch import nn

from genbench import DataSpec
from genbench.adapters import DiffusersModel


class SmallUnet(DiffusersModel):
    """A small U-Net under DDPM's schedule."""

    family = "diffusion"
    modalities: ClassVar[tuple[str, ...]] = ("image",)
    sampling_budgets: ClassVar[tuple[int, ...]] = (2, 4)

    def __init__(self, spec: DataSpec, *, inference_steps: int = 4) -> None:
        super().__init__(spec, inference_steps=inference_steps)

    def build_parts(self, spec: DataSpec) -> tuple[nn.Module, Any]:
        network = UNet2DModel(
            sample_size=spec.event_shape[1],
            in_channels=spec.event_shape[0],
            out_channels=spec.event_shape[0],
            block_out_channels=(8, 8),
            down_block_types=("DownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "UpBlock2D"),
            norm_num_groups=4,
            layers_per_block=1,
            add_attention=False,
        )
        return network, DDPMScheduler(num_train_timesteps=100)
