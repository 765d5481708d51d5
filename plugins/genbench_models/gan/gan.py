"""GAN: a generator learns to fool a discriminator that learns to tell its samples from data.

Goodfellow et al. 2014, "Generative Adversarial Nets", https://arxiv.org/abs/1406.2661

| part of the paper | here |
|---|---|
| minimax game of two networks (algorithm 1) | there, one step of each in turn (k = 1) |
| non-saturating loss of the generator (section 3) | there, for all of the training |
| maxout discriminator with dropout | changed: leaky ReLU without dropout, as since Radford et al. 2016 |
| MLPs, and a deconvolutional generator on CIFAR-10 | changed: convolutions on images, MLPs elsewhere (`architecture`) |
| SGD with momentum | changed: Adam with betas 0.5 and 0.99 (docs/models-at-their-best.md has the measurements) |
| Parzen-window likelihood | left out: the harness estimates likelihoods by annealed importance sampling |
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from genbench import DataSpec
from genbench_models.gan.adversarial import AdversarialModel, Game
from genbench_models.layers.architectures import (
    Sizes,
    build_discriminator,
    build_generator,
    uses_convolutions,
)


def discriminator_loss(real: Float[Tensor, " n"], fake: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """L_D = -[log D(x) + log(1 - D(G(z)))], from logits: D = sigmoid(logit)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def generator_loss(fake: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """L_G = -log D(G(z)), the non-saturating loss of section 3."""
    return F.softplus(-fake).mean()


class GAN(AdversarialModel):
    """The non-saturating GAN.

    batch_size and learning_rate: None means 64 and 0.006 for points, and 32 and 0.001, as in `dcgan`, for the rest. The
    discriminator of images has batch normalisation.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        architecture: str = "auto",
        latent_dim: int = 16,
        hidden: int = 128,
        layers: int = 2,
        width: int = 32,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        discriminator_ratio: float = 1.0,
        beta1: float = 0.5,
        beta2: float = 0.99,
        ema: float = 0.0,
    ) -> None:
        is_points = spec.modality == "points"
        game = Game(
            batch_size if batch_size is not None else (64 if is_points else 32),
            learning_rate if learning_rate is not None else (6e-3 if is_points else 1e-3),
            (beta1, beta2),
            ema=ema,
            discriminator_ratio=discriminator_ratio,
        )
        super().__init__(spec, latent_dim, game)
        sizes = Sizes(hidden, layers, width)
        self.generator = build_generator(spec, architecture, latent_dim, sizes)
        self.discriminator = build_discriminator(spec, architecture, sizes, normalise=True)
        self.in_one_pass = not uses_convolutions(spec, architecture)
        self.keep_average(ema)

    def discriminator_loss(
        self, real: Float[Tensor, "batch *event"], fake: Float[Tensor, "batch *event"]
    ) -> Float[Tensor, ""]:
        if self.in_one_pass:  # no layer mixes examples, so the logits are those of two passes
            return discriminator_loss(*self.discriminator(torch.cat([real, fake])).chunk(2))
        # in one pass, batch normalisation would let real and fake see each other's statistics
        return discriminator_loss(self.discriminator(real), self.discriminator(fake))

    def generator_loss(self, fake: Float[Tensor, "batch *event"]) -> Float[Tensor, ""]:
        return generator_loss(self.discriminator(fake))
