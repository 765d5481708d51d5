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
from genbench_models.layers.architectures import discriminator_of, mlp_features, mlp_generator
from genbench_models.layers.ranges import at_least


def discriminator_loss(real: Float[Tensor, " n"], fake: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """L_D = -[log D(x) + log(1 - D(G(z)))], from logits: D = sigmoid(logit)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def generator_loss(fake: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """L_G = -log D(G(z)), the non-saturating loss of section 3."""
    return F.softplus(-fake).mean()


class GAN(AdversarialModel):
    """The non-saturating GAN. Both networks are MLPs, which know nothing of the order of pixels or of time."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent_dim: int = 16,
        hidden: int = 128,
        layers: int = 2,
        batch_size: int = 64,
        learning_rate: float = 2e-3,
        beta1: float = 0.5,
        ema: float = 0.0,
    ) -> None:
        super().__init__(spec, latent_dim, Game(batch_size, learning_rate, (beta1, 0.999), ema=ema))
        at_least(1, hidden=hidden, layers=layers)
        self.generator = mlp_generator(spec, latent_dim, hidden, layers)
        self.discriminator = discriminator_of(mlp_features(spec.dimension, hidden, layers), hidden)
        self.keep_average(ema)

    def discriminator_loss(
        self, real: Float[Tensor, "batch *event"], fake: Float[Tensor, "batch *event"]
    ) -> Float[Tensor, ""]:
        # One pass over both halves: no layer mixes examples, so the logits are those of two passes.
        return discriminator_loss(*self.discriminator(torch.cat([real, fake])).chunk(2))

    def generator_loss(self, fake: Float[Tensor, "batch *event"]) -> Float[Tensor, ""]:
        return generator_loss(self.discriminator(fake))
