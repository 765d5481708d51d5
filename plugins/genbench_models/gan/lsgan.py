"""LSGAN: the discriminator regresses on labels instead of classifying; samples far on the right side of the
boundary still have a gradient.

Mao et al. 2017, "Least Squares Generative Adversarial Networks", https://arxiv.org/abs/1611.04076

| part of the paper | here |
|---|---|
| least-squares losses with labels 0, 1 and 1 (eq. 9) | there |
| networks of VGG's depth for 112x112 pixels (figure 4) | changed: two strided layers, for images of 8x8 and more |
| batch normalisation in both networks | there on images; MLPs have none |
| Adam, beta1 0.5, learning rate 1e-3 and 2e-4 | there: 0.5 and 1e-3, with the schedule of all models here |
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from genbench import DataSpec
from genbench_models.gan.adversarial import AdversarialModel, Game
from genbench_models.layers.architectures import Sizes, build_discriminator, build_generator


def discriminator_loss(real: Float[Tensor, " n"], fake: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """L_D = 1/2 E[(D(x) - 1)²] + 1/2 E[D(G(z))²] (eq. 9)."""
    return 0.5 * ((real - 1).square().mean() + fake.square().mean())


def generator_loss(fake: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """L_G = 1/2 E[(D(G(z)) - 1)²] (eq. 9)."""
    return 0.5 * (fake - 1).square().mean()


class LSGAN(AdversarialModel):
    """Convolutional with batch normalisation on images, MLPs elsewhere (`architecture`)."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        architecture: str = "auto",
        latent_dim: int = 32,
        hidden: int = 128,
        layers: int = 2,
        width: int = 32,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        beta1: float = 0.5,
        ema: float = 0.0,
    ) -> None:
        super().__init__(spec, latent_dim, Game(batch_size, learning_rate, (beta1, 0.999), ema=ema))
        sizes = Sizes(hidden, layers, width)
        self.generator = build_generator(spec, architecture, latent_dim, sizes)
        self.discriminator = build_discriminator(spec, architecture, sizes, normalise=True)
        self.keep_average(ema)

    def discriminator_loss(
        self, real: Float[Tensor, "batch *event"], fake: Float[Tensor, "batch *event"]
    ) -> Float[Tensor, ""]:
        # two passes: batch normalisation must not mix the two
        return discriminator_loss(self.discriminator(real), self.discriminator(fake))

    def generator_loss(self, fake: Float[Tensor, "batch *event"]) -> Float[Tensor, ""]:
        return generator_loss(self.discriminator(fake))
