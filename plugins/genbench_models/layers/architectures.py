"""Networks from noise to data and from data to features: MLPs, or DCGAN's convolutions for images.

Convolutions use the neighbourhoods of pixels, and do better on images under any budget; points and series get MLPs.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from genbench import DataSpec
from genbench_models.layers.networks import mlp
from genbench_models.layers.ranges import at_least

ARCHITECTURES = ("auto", "mlp", "conv")
MIN_SIDE_PIXELS = 8
"""The least side of an image for two strided layers."""


@dataclass(frozen=True)
class Sizes:
    """The sizes of a network of either architecture."""

    hidden: int
    """Units per hidden layer of an MLP."""
    layers: int
    """Hidden layers of an MLP."""
    width: int
    """Channels of the convolution next to the image; the one after it has twice as many."""

    def __post_init__(self) -> None:
        at_least(1, hidden=self.hidden, layers=self.layers, width=self.width)


def uses_convolutions(spec: DataSpec, architecture: str) -> bool:
    """ "auto": on images large enough. Raises ValueError where "conv" is asked of anything else."""
    if architecture not in ARCHITECTURES:
        raise ValueError(f"architecture={architecture!r}: expected {', '.join(ARCHITECTURES)}")
    fits = spec.modality == "image" and min(spec.event_shape[1:]) >= MIN_SIDE_PIXELS
    if architecture == "conv" and not fits:
        raise ValueError(
            f"convolutions take images of {MIN_SIDE_PIXELS}x{MIN_SIDE_PIXELS} and more;"
            f" {spec.name} is {spec.modality} {spec.event_shape}"
        )
    return fits and architecture != "mlp"


def mlp_generator(spec: DataSpec, latent_dim: int, hidden: int, layers: int) -> nn.Sequential:
    """(N, latent_dim) -> (N, *event_shape)."""
    return nn.Sequential(
        mlp(latent_dim, hidden, layers, spec.dimension, nn.ReLU),
        nn.Identity() if spec.levels is None else nn.Tanh(),
        nn.Unflatten(1, spec.event_shape),
    )


def mlp_features(inputs: int, hidden: int, layers: int) -> nn.Sequential:
    """(N, ...) of `inputs` numbers -> (N, hidden)."""
    whole = mlp(inputs, hidden, layers, 1, lambda: nn.LeakyReLU(0.2))
    return nn.Sequential(nn.Flatten(), whole[:-1])


def discriminator_of(features: nn.Module, width: int, *, last_bias: bool = True) -> nn.Sequential:
    """Features (N, width) to a score, (N,). last_bias: False where only differences of scores count, since a bias would
    never be trained."""
    return nn.Sequential(features, nn.Linear(width, 1, bias=last_bias), nn.Flatten(0))


class ConvGenerator(nn.Module):
    """Noise to a map a quarter of the image's size (rounded up), doubled twice, cropped to the image."""

    def __init__(self, spec: DataSpec, latent_dim: int, width: int) -> None:
        super().__init__()
        channels, self.height, self.width = spec.event_shape
        quarter = (-(-self.height // 4), -(-self.width // 4))
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, 2 * width * quarter[0] * quarter[1], bias=False),
            nn.Unflatten(1, (2 * width, *quarter)),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1),
        )
        self.bounded = spec.levels is not None

    def forward(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch channel height width"]:
        image: Tensor = self.layers(z)[..., : self.height, : self.width]
        return image.tanh() if self.bounded else image


class ConvFeatures(nn.Module):
    """Padded to a multiple of four, halved twice, flattened to (N, `features`).

    normalise: whether the second layer has batch normalisation. A discriminator whose gradient is penalised, or
    whose weights are constrained, must not mix examples.
    """

    def __init__(self, event_shape: tuple[int, ...], width: int, *, normalise: bool) -> None:
        super().__init__()
        channels, height, columns = event_shape
        self.padding = (0, -columns % 4, 0, -height % 4)
        self.features = 2 * width * (-(-height // 4)) * (-(-columns // 4))
        norm: list[nn.Module] = [nn.BatchNorm2d(2 * width)] if normalise else []
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),  # no normalisation next to the data (Radford et al. 2016, section 3)
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=not normalise),
            *norm,
            nn.LeakyReLU(0.2),
            nn.Flatten(),
        )

    def forward(self, x: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch features"]:
        features: Tensor = self.layers(F.pad(x, self.padding))
        return features


def build_generator(spec: DataSpec, architecture: str, inputs: int, sizes: Sizes) -> nn.Module:
    """(N, inputs) -> (N, *event_shape)."""
    if not uses_convolutions(spec, architecture):
        return mlp_generator(spec, inputs, sizes.hidden, sizes.layers)
    return initialised(ConvGenerator(spec, inputs, sizes.width))


def build_features(
    spec: DataSpec, architecture: str, sizes: Sizes, *, normalise: bool = False
) -> tuple[nn.Module, int]:
    """All of a discriminator but its last layer, and how many features it gives."""
    if not uses_convolutions(spec, architecture):
        return mlp_features(spec.dimension, sizes.hidden, sizes.layers), sizes.hidden
    features = ConvFeatures(spec.event_shape, sizes.width, normalise=normalise)
    return features, features.features


def build_discriminator(
    spec: DataSpec,
    architecture: str,
    sizes: Sizes,
    *,
    normalise: bool = False,
    last_bias: bool = True,
) -> nn.Module:
    """(N, *event_shape) -> (N,)."""
    features, count = build_features(spec, architecture, sizes, normalise=normalise)
    discriminator = discriminator_of(features, count, last_bias=last_bias)
    # without batch normalisation such small weights would start with no signal at all
    return initialised(discriminator) if normalise and isinstance(features, ConvFeatures) else discriminator


def initialised(network: nn.Module) -> nn.Module:
    """Weights from N(0, 0.02²), gains of batch normalisation from N(1, 0.02²) (Radford et al. 2016)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
    return network


def spectrally_normalised(network: nn.Module) -> nn.Module:
    """Every weight matrix divided by its largest singular value, by one power iteration a step."""
    for module in list(network.modules()):
        if isinstance(module, nn.Conv2d | nn.Linear | nn.Embedding):
            spectral_norm(module)
    return network
