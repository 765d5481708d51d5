"""Convolutional VAE: the VAE with networks that know an image's neighbourhoods.

Kingma & Welling 2014, https://arxiv.org/abs/1312.6114, with strided convolutions as in
Radford et al. 2016, https://arxiv.org/abs/1511.06434, in place of the paper's MLPs.
"""

from __future__ import annotations

from genbench import DataSpec
from genbench_models.vae.networks import ConvDecoder, ConvEncoder
from genbench_models.vae.vae import VAE


class ConvVAE(VAE):
    """`VAE` with convolutional networks, for images of any size and number of channels: also for those that the rule of
    `architecture="auto"` leaves to MLPs."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent_dim: int = 16,
        width: int = 16,
        hidden: int = 128,
        batch_size: int = 32,
        learning_rate: float = 4e-3,
        warm_up: float = 0.1,
        beta: float = 1.0,
    ) -> None:
        super().__init__(
            spec,
            architecture="mlp",
            latent_dim=latent_dim,
            batch_size=batch_size,
            learning_rate=learning_rate,
            warm_up=warm_up,
            beta=beta,
        )
        self.encoder = ConvEncoder(spec, 2 * latent_dim, width, hidden)
        self.decoder = ConvDecoder(spec, latent_dim, width, hidden, self.observation.per_element)
