"""Encoders and decoders of VAEs: MLPs, or strided convolutions for images (`layers.architectures` has the rule)."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import DataSpec
from genbench_models.layers.architectures import Sizes, uses_convolutions
from genbench_models.layers.networks import mlp
from genbench_models.layers.ranges import at_least


class ConvEncoder(nn.Module):
    """Padded to a multiple of four, halved twice, one hidden layer."""

    def __init__(self, spec: DataSpec, outputs: int, width: int, hidden: int) -> None:
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
            nn.Linear(hidden, outputs),
        )

    def forward(self, x: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch outputs"]:
        encoded: Tensor = self.layers(F.pad(x, self.padding))
        return encoded


class ConvDecoder(nn.Module):
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


def build_encoder(spec: DataSpec, architecture: str, sizes: Sizes, dropout: float, outputs: int) -> nn.Module:
    """(N, *event_shape) -> (N, outputs). Dropout applies to the inputs, and not to points, which have too few."""
    drop = nn.Dropout(0.0 if spec.modality == "points" else dropout)
    if uses_convolutions(spec, architecture):
        return nn.Sequential(drop, ConvEncoder(spec, outputs, sizes.width, sizes.hidden))
    return nn.Sequential(
        nn.Flatten(), drop, mlp(spec.dimension, sizes.hidden, sizes.layers, outputs, nn.SiLU)
    )


def build_decoder(
    spec: DataSpec, architecture: str, sizes: Sizes, latent_dim: int, per_element: int
) -> nn.Module:
    """(N, latent_dim) -> (N, per_element, *event_shape)."""
    if uses_convolutions(spec, architecture):
        return ConvDecoder(spec, latent_dim, sizes.width, sizes.hidden, per_element)
    return nn.Sequential(
        mlp(latent_dim, sizes.hidden, sizes.layers, per_element * spec.dimension, nn.SiLU),
        nn.Unflatten(1, (per_element, *spec.event_shape)),
    )
