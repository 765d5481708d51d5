"""VAE-GAN: a VAE and a GAN share one network, which is both decoder and generator; reconstructions are compared in
the discriminator's features.

Larsen, Sønderby, Larochelle & Winther 2016, "Autoencoding beyond pixels using a learned similarity metric",
https://arxiv.org/abs/1512.09300
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from genbench import ComputeMeter, DataSpec, Split
from genbench_models.gan.gan import discriminator_loss, generator_loss
from genbench_models.gan.latent_generator import LatentGenerator
from genbench_models.layers.architectures import Sizes, build_features, build_generator
from genbench_models.layers.networks import adam, evaluation_mode, set_learning_rate
from genbench_models.layers.ranges import at_least, positive


class VAEGAN(LatentGenerator):
    """Three losses (algorithm 1): the encoder's L_prior + L_llike, the decoder's gamma * L_llike + L_GAN, the
    discriminator's own. L_llike is the squared error of the discriminator's last features."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        architecture: str = "auto",
        latent_dim: int = 16,
        hidden: int = 128,
        layers: int = 2,
        width: int = 32,
        gamma: float = 0.1,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        beta1: float = 0.5,
    ) -> None:
        super().__init__(spec, latent_dim)
        self.gamma = gamma
        at_least(1, batch_size=batch_size)
        positive(learning_rate=learning_rate)
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.beta1 = beta1
        sizes = Sizes(hidden, layers, width)
        features, count = build_features(spec, architecture, sizes, normalise=True)
        self.encoder = nn.Sequential(features, nn.Linear(count, 2 * latent_dim))
        self.generator = build_generator(spec, architecture, latent_dim, sizes)
        self.features, count = build_features(spec, architecture, sizes, normalise=True)
        self.score = nn.Sequential(nn.Linear(count, 1), nn.Flatten(0))

    def posterior(
        self, y: Float[Tensor, "batch *event"]
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch latent"]]:
        """Mean and log standard deviation, from standardised examples."""
        mean, log_scale = self.encoder(y).chunk(2, dim=1)
        return mean, log_scale.clamp(-8, 3)

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        betas = (self.beta1, 0.999)
        groups = {
            "encoder": list(self.encoder.parameters()),
            "generator": list(self.generator.parameters()),
            "discriminator": [*self.features.parameters(), *self.score.parameters()],
        }
        optimisers = {name: adam(group, self.learning_rate, betas) for name, group in groups.items()}

        for batch in meter.batches(train, self.batch_size):
            for optimiser in optimisers.values():
                set_learning_rate(optimiser, self.learning_rate, meter.fraction)
                optimiser.zero_grad()
            real = self.standardise(batch.x)  # B, *event
            mean, log_scale = self.posterior(real)
            z = mean + log_scale.exp() * torch.randn_like(mean)
            rebuilt, fake = self.generator(z), self.generator(self.noise(len(real)))
            kl = 0.5 * (mean.square() + (2 * log_scale).exp() - 1 - 2 * log_scale).sum(1).mean()

            # one pass each: batch normalisation must not mix them
            loss_d = discriminator_loss(
                self.score(self.features(real)), self.score(self.features(fake.detach()))
            ) + discriminator_loss_of_fakes(self.score(self.features(rebuilt.detach())))
            loss_d.backward(inputs=groups["discriminator"])
            optimisers["discriminator"].step()

            with torch.no_grad():
                wanted = self.features(real)
            seen = self.features(rebuilt)
            error = 0.5 * (seen - wanted).square().sum(1).mean()
            (kl + error).backward(inputs=groups["encoder"], retain_graph=True)
            adversarial = generator_loss(self.score(seen)) + generator_loss(self.score(self.features(fake)))
            (self.gamma * error + adversarial).backward(inputs=groups["generator"])
            optimisers["encoder"].step()
            optimisers["generator"].step()
            meter.log(generator=adversarial, discriminator=loss_d, reconstruction=error, kl=kl)

    def encode(self, x: Shaped[Tensor, "batch *event"]) -> Float[Tensor, "batch latent"]:
        """The mean of q(z | x)."""
        with evaluation_mode(self):
            return self.posterior(self.standardise(x))[0]


def discriminator_loss_of_fakes(logits: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    """-log(1 - D), from logits."""
    return nn.functional.softplus(logits).mean()
