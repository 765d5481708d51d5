"""An autoencoder of pythae through its adapter."""

from __future__ import annotations

from typing import ClassVar

from pythae.models import VAE, VAEConfig
from torch import nn

from genbench import DataSpec
from genbench.adapters import PythaeModel


class SmallVae(PythaeModel):
    """A variational autoencoder with pythae's default networks."""

    family = "vae"
    modalities: ClassVar[tuple[str, ...]] = ("image",)
    discrete = True  # the default decoder ends in a sigmoid

    def build_autoencoder(self, spec: DataSpec) -> nn.Module:
        return VAE(VAEConfig(input_dim=spec.event_shape, latent_dim=4))
