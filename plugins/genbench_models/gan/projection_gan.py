"""Conditional GAN with projection: the discriminator scores a label by its embedding's product with the features.

Miyato & Koyama 2018, "cGANs with Projection Discriminator", https://arxiv.org/abs/1802.05637

| part of the paper | here |
|---|---|
| inner product of the label's embedding and the features (eq. 3) | there |
| spectral norm 1 of all layers, the embedding among them | there |
| conditional batch normalisation in the generator | changed: the label's embedding is joined to the noise |
| hinge loss | there |
| five discriminator steps per generator step | changed: two |
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench_models.gan.sngan import hinge_loss
from genbench_models.layers.architectures import Sizes, build_features, build_generator, spectrally_normalised
from genbench_models.layers.networks import adam, evaluation_mode, set_learning_rate
from genbench_models.layers.ranges import at_least, positive, shares
from genbench_models.layers.standardise import Standardise


class ProjectionDiscriminator(nn.Module):
    """D(x, y) = v(y)ᵀ phi(x) + psi(phi(x)) (eq. 3), every layer of spectral norm 1."""

    def __init__(self, features: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.features = features
        self.score = nn.Linear(width, 1, bias=False)
        self.embedding = nn.Embedding(classes, width)
        nn.init.normal_(self.embedding.weight, 0.0, width**-0.5)
        spectrally_normalised(self)

    def forward(self, x: Float[Tensor, "batch *event"], y: Int[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        features = self.features(x)  # B, width
        scores: Tensor = self.score(features)[:, 0] + (self.embedding(y) * features).sum(1)
        return scores


class ProjectionGAN(GenerativeModel):
    """x = G(z, y): the label's embedding is joined to the noise. The paper's generator takes the label in
    conditional batch normalisation, which MLPs do not have. There are two discriminator steps per generator
    step: with one, a discriminator of bounded slope falls behind, as SNGAN's does.

    Without a condition, labels are drawn as often as they occur in the training set.
    """

    label_shares: Tensor

    def __init__(
        self,
        spec: DataSpec,
        *,
        architecture: str = "auto",
        latent_dim: int = 32,
        hidden: int = 128,
        layers: int = 2,
        width: int = 48,
        n_critic: int = 2,
        batch_size: int = 32,
        learning_rate: float = 5e-3,
        beta1: float = 0.0,
    ) -> None:
        super().__init__(spec)
        if spec.classes is None:
            raise ValueError(f"projection-gan needs labels; {spec.name} has none")
        at_least(1, latent_dim=latent_dim, batch_size=batch_size, n_critic=n_critic)
        positive(learning_rate=learning_rate)
        shares(beta1=beta1)
        self.latent_dim = latent_dim
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.beta1 = beta1
        self.n_critic = n_critic
        self.standardise = Standardise(spec)
        sizes = Sizes(hidden, layers, width)
        self.embedding = nn.Embedding(spec.classes, latent_dim)
        self.network = build_generator(spec, architecture, 2 * latent_dim, sizes)
        self.discriminator = ProjectionDiscriminator(*build_features(spec, architecture, sizes), spec.classes)
        self.register_buffer("label_shares", torch.full((spec.classes,), 1 / spec.classes))

    def generate(
        self, z: Float[Tensor, "batch latent"], y: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch *event"]:
        """G(z, y) in standardised units."""
        generated: Tensor = self.network(torch.cat([z, self.embedding(y)], dim=1))
        return generated

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        assert train.y is not None  # the spec has classes
        counts = torch.bincount(train.y, minlength=len(self.label_shares))
        self.label_shares.copy_(counts / counts.sum())
        betas = (self.beta1, 0.999)
        generator_parameters = [*self.embedding.parameters(), *self.network.parameters()]
        generator_steps = adam(generator_parameters, self.learning_rate, betas)
        discriminator_steps = adam(self.discriminator.parameters(), self.learning_rate, betas)

        losses: dict[str, Tensor] = {}

        for step, batch in enumerate(meter.batches(train, self.batch_size, cycle=self.n_critic)):
            real, y = self.standardise(batch.x), batch.y  # B, *event; B
            assert y is not None
            for optimiser in (discriminator_steps, generator_steps):
                set_learning_rate(optimiser, self.learning_rate, meter.fraction)
            with torch.set_grad_enabled((step + 1) % self.n_critic == 0):
                fake = self.generate(torch.randn(len(real), self.latent_dim, device=self.device), y)

            scores = self.discriminator(torch.cat([real, fake.detach()]), torch.cat([y, y]))
            loss_d = hinge_loss(*scores.chunk(2))
            discriminator_steps.zero_grad()
            loss_d.backward()
            discriminator_steps.step()
            losses["discriminator"] = loss_d

            if (step + 1) % self.n_critic == 0:
                loss_g = -self.discriminator(fake, y).mean()
                generator_steps.zero_grad()
                loss_g.backward(inputs=generator_parameters)
                generator_steps.step()
                losses["generator"] = loss_g
            meter.log(**losses)

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator, *, condition: Tensor | None = None) -> Tensor:
        """(count, *event_shape) in the data's domain. condition: (count,) int64 labels, or None."""
        z = torch.randn(count, self.latent_dim, generator=generator, device=self.device)
        if condition is None:
            condition = torch.multinomial(self.label_shares, count, replacement=True, generator=generator)
        with evaluation_mode(self):
            x = self.standardise.inverse(self.generate(z, condition.to(self.device)))
        return x if self.spec.levels is None else x.round().clamp(0, self.spec.levels - 1).long()
