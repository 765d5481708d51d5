"""GAN: a generator learns to fool a discriminator that learns to tell its samples from data.

Goodfellow et al. 2014, "Generative Adversarial Nets", https://arxiv.org/abs/1406.2661
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from genbench import DataSpec
from genbench_models.gan.adversarial import AdversarialModel, Game
from genbench_models.layers.architectures import Sizes, build_discriminator, build_generator


def discriminator_loss(real: Float[Tensor, " n"], fake: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """L_D = -[log D(x) + log(1 - D(G(z)))], from logits: D = sigmoid(logit)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def generator_loss(fake: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """L_G = -log D(G(z)), the non-saturating loss of section 3."""
    return F.softplus(-fake).mean()


class GAN(AdversarialModel):
    """The non-saturating GAN."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        architecture: str = "auto",
        latent_dim: int = 16,
        hidden: int = 128,
        layers: int = 2,
        width: int = 32,
        batch_size: int = 128,
        learning_rate: float = 4e-3,
        discriminator_ratio: float = 1.0,
        beta1: float = 0.5,
        beta2: float = 0.99,
        ema: float = 0.0,
    ) -> None:
        game = Game(
            batch_size, learning_rate, (beta1, beta2), ema=ema, discriminator_ratio=discriminator_ratio
        )
        super().__init__(spec, latent_dim, game)
        sizes = Sizes(hidden, layers, width)
        self.generator = build_generator(spec, architecture, latent_dim, sizes)
        self.discriminator = build_discriminator(spec, architecture, sizes)
        self.keep_average(ema)

    def discriminator_loss(
        self, real: Float[Tensor, "batch *event"], fake: Float[Tensor, "batch *event"]
    ) -> Float[Tensor, ""]:
        # One pass over both halves: no layer mixes examples, so the logits are those of two passes.
        return discriminator_loss(*self.discriminator(torch.cat([real, fake])).chunk(2))

    def generator_loss(self, fake: Float[Tensor, "batch *event"]) -> Float[Tensor, ""]:
        return generator_loss(self.discriminator(fake))
