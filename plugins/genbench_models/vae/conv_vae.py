"""Convolutional VAE: the VAE with networks that know an image's neighbourhoods.

Kingma & Welling 2014, https://arxiv.org/abs/1312.6114, with strided convolutions as in
Radford et al. 2016, https://arxiv.org/abs/1511.06434, in place of the paper's MLPs.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import DataSpec
from genbench_models.layers.ranges import at_least
from genbench_models.vae.vae import VAE


class Encoder(nn.Module):
    """Padded to a multiple of four, halved twice, one hidden layer, mean and log scale of the latents."""

    def __init__(self, spec: DataSpec, latent_dim: int, width: int, hidden: int) -> None:
        at_least(1, width=width, hidden=hidden)
        super().__init__()
        channels, height, columns = spec.event_shape
        self.padding = (0, -columns % 4, 0, -height % 4)
        cells = (-(-height // 4)) * (-(-columns // 4))
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 4, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(2 * width * cells, hidden),
            nn.SiLU(),
            nn.Linear(hidden, 2 * latent_dim),
        )

    def forward(self, x: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch latents"]:
        encoded: Tensor = self.layers(F.pad(x, self.padding))
        return encoded


class Decoder(nn.Module):
    """The encoder's mirror image, cropped to the image: (N, per_element, channels, height, width)."""

    def __init__(self, spec: DataSpec, latent_dim: int, width: int, hidden: int, per_element: int) -> None:
        super().__init__()
        channels, self.height, self.width = spec.event_shape
        quarter = (-(-self.height // 4), -(-self.width // 4))
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, hidden),
            nn.SiLU(),
            nn.Linear(hidden, 2 * width * quarter[0] * quarter[1]),
            nn.SiLU(),
            nn.Unflatten(1, (2 * width, *quarter)),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1),
            nn.SiLU(),
            nn.ConvTranspose2d(width, per_element * channels, 4, stride=2, padding=1),
            nn.Unflatten(1, (per_element, channels)),
        )

    def forward(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch per channel height width"]:
        outputs: Tensor = self.layers(z)[..., : self.height, : self.width]
        return outputs


class ConvVAE(VAE):
    """`VAE` with convolutional networks, for images of any size and number of channels."""

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
            latent_dim=latent_dim,
            batch_size=batch_size,
            learning_rate=learning_rate,
            warm_up=warm_up,
            beta=beta,
        )
        self.encoder = Encoder(spec, latent_dim, width, hidden)
        self.decoder = Decoder(spec, latent_dim, width, hidden, self.observation.per_element)
