"""WGAN: the critic's weights are clipped, so that its loss is, up to scale, a Wasserstein-1 distance.

Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN", https://arxiv.org/abs/1701.07875

| part of the paper | here |
|---|---|
| difference of means as the critic's loss (eq. 3) | there |
| weights clipped to [-0.01, 0.01] after each step | changed: 0.02 |
| RMSProp | there |
| learning rate 5e-5 | changed: 1e-3 with a schedule; the paper's takes 10⁵ steps |
| five critic steps per generator step, 100 at first | changed: two throughout, since budgets are short |
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genbench import DataSpec
from genbench_models.gan.adversarial import AdversarialModel, Game
from genbench_models.layers.architectures import Sizes, build_discriminator, build_generator


class WGAN(AdversarialModel):
    """The weights are clipped to [-clip, clip] after every critic step. The optimiser is RMSProp, as in the paper
    (momentum makes the critic unstable), with n_critic critic steps per generator step (algorithm 1). The learning
    rate is larger than the paper's 5e-5, with which training takes 10⁵ steps."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        architecture: str = "auto",
        latent_dim: int = 32,
        hidden: int = 128,
        layers: int = 2,
        width: int = 32,
        clip: float = 0.02,
        n_critic: int = 2,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        ema: float = 0.0,
    ) -> None:
        super().__init__(spec, latent_dim, Game(batch_size, learning_rate, (0.0, 0.0), n_critic, ema))
        if clip <= 0:
            raise ValueError(f"clip={clip}: expected more than 0")
        self.clip = clip
        sizes = Sizes(hidden, layers, width)
        self.generator = build_generator(spec, architecture, latent_dim, sizes)
        self.discriminator = build_discriminator(spec, architecture, sizes, last_bias=False)
        self.keep_average(ema)

    def optimiser(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.RMSprop(parameters, lr=self.game.learning_rate, foreach=True)

    @torch.no_grad()
    def after_discriminator_step(self) -> None:
        for parameter in self.discriminator.parameters():
            parameter.clamp_(-self.clip, self.clip)

    def discriminator_loss(
        self, real: Float[Tensor, "batch *event"], fake: Float[Tensor, "batch *event"]
    ) -> Float[Tensor, ""]:
        """E[f(G(z))] - E[f(x)], the negative of eq. 3."""
        real_score, fake_score = self.discriminator(torch.cat([real, fake])).chunk(2)
        distance: Tensor = fake_score.mean() - real_score.mean()
        return distance

    def generator_loss(self, fake: Float[Tensor, "batch *event"]) -> Float[Tensor, ""]:
        """-E[f(G(z))]."""
        loss: Tensor = -self.discriminator(fake).mean()
        return loss
