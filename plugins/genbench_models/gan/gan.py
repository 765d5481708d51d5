"""GAN: a generator learns to fool a discriminator that learns to tell its samples from data.

Goodfellow et al. 2014, "Generative Adversarial Nets", https://arxiv.org/abs/1406.2661
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import ComputeMeter, DataSpec, Split
from genbench_models.gan.latent_generator import LatentGenerator
from genbench_models.layers.networks import adam, mlp, set_learning_rate


def discriminator_loss(real: Float[Tensor, " n"], fake: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """L_D = -[log D(x) + log(1 - D(G(z)))], from logits: D = sigmoid(logit)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def generator_loss(fake: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """L_G = -log D(G(z)), the non-saturating loss of section 3."""
    return F.softplus(-fake).mean()


class GAN(LatentGenerator):
    """The non-saturating GAN, both networks MLPs; the order of pixels or of time is not known to them."""

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
    ) -> None:
        super().__init__(spec, latent_dim)
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.beta1 = beta1
        self.generator = nn.Sequential(
            mlp(latent_dim, hidden, layers, spec.dimension, nn.ReLU),
            nn.Identity() if spec.levels is None else nn.Tanh(),
            nn.Unflatten(1, spec.event_shape),
        )
        self.discriminator = nn.Sequential(
            nn.Flatten(), mlp(spec.dimension, hidden, layers, 1, lambda: nn.LeakyReLU(0.2)), nn.Flatten(0)
        )

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        betas = (self.beta1, 0.999)
        discriminator_steps = adam(self.discriminator.parameters(), self.learning_rate, betas)
        generator_steps = adam(self.generator.parameters(), self.learning_rate, betas)
        generator_parameters = list(self.generator.parameters())

        for batch in meter.batches(train, self.batch_size):
            real = self.standardise(batch.x)  # B, *event
            fake = self.generator(self.noise(len(real)))  # B, *event
            for optimiser in (discriminator_steps, generator_steps):
                set_learning_rate(optimiser, self.learning_rate, meter.fraction)

            # One pass over both halves: no layer mixes examples, so the logits are those of two passes.
            logits = self.discriminator(torch.cat([real, fake.detach()]))  # 2B
            loss_d = discriminator_loss(*logits.chunk(2))
            discriminator_steps.zero_grad()
            loss_d.backward()
            discriminator_steps.step()

            loss_g = generator_loss(self.discriminator(fake))
            generator_steps.zero_grad()
            loss_g.backward(inputs=generator_parameters)
            generator_steps.step()
            meter.log(generator=loss_g, discriminator=loss_d)
