"""SNGAN: every layer of the discriminator has spectral norm 1, and the loss is the hinge.

Miyato, Kataoka, Koyama & Yoshida 2018, "Spectral Normalization for Generative Adversarial Networks",
https://arxiv.org/abs/1802.05957

| part of the paper | here |
|---|---|
| every layer of the discriminator divided by its spectral norm | there, one power iteration per step |
| hinge loss (eqs. 16 and 17) | there |
| Adam, beta1 0 or 0.5, beta2 0.9 or 0.999 (table 1) | there: 0 and 0.999 |
| one or five discriminator steps per generator step (table 1) | changed: two |
| ResNets, or a discriminator of seven convolutions | changed: the small networks of all GANs here |
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
    spectrally_normalised,
)


def hinge_loss(real: Float[Tensor, " n"], fake: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))] (eq. 16)."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


class SNGAN(AdversarialModel):
    """One power iteration per step (torch's parametrisation). The discriminator has no other normalisation, and no bias
    in its last layer: while no score passes a margin, the hinge loss has no gradient for it. There are two
    discriminator steps per generator step, without momentum: a discriminator of bounded slope falls behind otherwise,
    and the samples drift away."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        architecture: str = "auto",
        latent_dim: int = 32,
        hidden: int = 128,
        layers: int = 2,
        width: int = 32,
        n_critic: int = 2,
        batch_size: int = 32,
        learning_rate: float = 2e-3,
        beta1: float = 0.0,
        ema: float = 0.0,
    ) -> None:
        game = Game(batch_size, learning_rate, (beta1, 0.999), n_critic, ema)
        super().__init__(spec, latent_dim, game)
        sizes = Sizes(hidden, layers, width)
        self.generator = build_generator(spec, architecture, latent_dim, sizes)
        self.discriminator = spectrally_normalised(
            build_discriminator(spec, architecture, sizes, last_bias=False)
        )
        self.keep_average(ema)

    def discriminator_loss(
        self, real: Float[Tensor, "batch *event"], fake: Float[Tensor, "batch *event"]
    ) -> Float[Tensor, ""]:
        return hinge_loss(*self.discriminator(torch.cat([real, fake])).chunk(2))

    def generator_loss(self, fake: Float[Tensor, "batch *event"]) -> Float[Tensor, ""]:
        """-E[D(G(z))] (eq. 17)."""
        loss: Tensor = -self.discriminator(fake).mean()
        return loss
