"""Adversarial autoencoder: an autoencoder whose codes a discriminator cannot tell from the prior.

Makhzani, Shlens, Jaitly, Goodfellow & Frey 2016, "Adversarial Autoencoders", https://arxiv.org/abs/1511.05644
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from genbench import ComputeMeter, DataSpec, Split
from genbench_models.gan.gan import discriminator_loss, generator_loss
from genbench_models.gan.latent_generator import LatentGenerator
from genbench_models.layers.architectures import (
    Sizes,
    build_features,
    build_generator,
    discriminator_of,
    mlp_features,
)
from genbench_models.layers.code_size import code_size
from genbench_models.layers.networks import adam, evaluation_mode, set_learning_rate
from genbench_models.layers.ranges import at_least, positive


class AdversarialAutoencoder(LatentGenerator):
    """Two phases per batch (section 2): reconstruction, then the game between encoder and discriminator of codes.

    The encoder is deterministic; there is no observation model, and so no bound on a likelihood.

    latent_dim: for None see `code_size`.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        architecture: str = "auto",
        latent_dim: int | None = None,
        hidden: int = 128,
        layers: int = 2,
        width: int = 32,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        adversarial_rate: float = 2e-3,
        beta1: float = 0.5,
    ) -> None:
        latent_dim = code_size(spec, latent_dim)
        super().__init__(spec, latent_dim)
        at_least(1, batch_size=batch_size)
        positive(learning_rate=learning_rate)
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.adversarial_rate = adversarial_rate
        self.beta1 = beta1
        sizes = Sizes(hidden, layers, width)
        features, count = build_features(spec, architecture, sizes, normalise=True)
        self.encoder = nn.Sequential(features, nn.Linear(count, latent_dim))
        self.generator = build_generator(spec, architecture, latent_dim, sizes)
        self.discriminator = discriminator_of(mlp_features(latent_dim, hidden, layers), hidden)

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        encoder_parameters = list(self.encoder.parameters())
        betas = (self.beta1, 0.999)
        autoencoder_steps = adam([*encoder_parameters, *self.generator.parameters()], self.learning_rate)
        encoder_steps = adam(encoder_parameters, self.adversarial_rate, betas)
        discriminator_steps = adam(self.discriminator.parameters(), self.adversarial_rate, betas)

        for batch in meter.batches(train, self.batch_size):
            set_learning_rate(autoencoder_steps, self.learning_rate, meter.fraction)
            for optimiser in (encoder_steps, discriminator_steps):
                set_learning_rate(optimiser, self.adversarial_rate, meter.fraction)
            y = self.standardise(batch.x)  # B, *event

            error = (self.generator(self.encoder(y)) - y).square().flatten(1).sum(1).mean()
            autoencoder_steps.zero_grad()
            error.backward()
            autoencoder_steps.step()

            codes = self.encoder(y)  # B, latent
            scores = self.discriminator(torch.cat([self.noise(len(y)), codes.detach()]))
            loss_d = discriminator_loss(*scores.chunk(2))
            discriminator_steps.zero_grad()
            loss_d.backward()
            discriminator_steps.step()

            loss_g = generator_loss(self.discriminator(codes))
            encoder_steps.zero_grad()
            loss_g.backward(inputs=encoder_parameters)
            encoder_steps.step()
            meter.log(generator=loss_g, discriminator=loss_d, reconstruction=error)

    def encode(self, x: Shaped[Tensor, "batch *event"]) -> Float[Tensor, "batch latent"]:
        """The code of each example."""
        with evaluation_mode(self):
            code: Tensor = self.encoder(self.standardise(x))
        return code
