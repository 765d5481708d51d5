"""DRAGAN: the discriminator's gradient is held to norm 1 around the data, where sharp gradients make modes
collapse.

Kodali, Abernethy, Hays & Kira 2017, "On Convergence and Stability of GANs", https://arxiv.org/abs/1705.07215

| part of the paper | here |
|---|---|
| penalty on the gradient's norm around the data only (section 2.3) | there |
| perturbation | as in the authors' code: uniform, up to half the standard deviation of the batch |
| lambda 10 | changed: 1; the two have not been compared |
| non-saturating loss | there |
| Adam, beta1 0.5 | changed: 0 |
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from genbench import DataSpec
from genbench_models.gan.adversarial import AdversarialModel, Game
from genbench_models.gan.gan import discriminator_loss, generator_loss
from genbench_models.gan.wgan_gp import gradient_norm_penalty
from genbench_models.layers.architectures import Sizes, build_discriminator, build_generator


class DRAGAN(AdversarialModel):
    """The non-saturating GAN with penalty * E[(|grad D(x + delta)| - 1)²] (section 2.3), delta uniform up to half
    the batch's standard deviation as in the authors' code, D the logit."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        architecture: str = "auto",
        latent_dim: int = 32,
        hidden: int = 128,
        layers: int = 2,
        width: int = 24,
        penalty: float = 1.0,
        batch_size: int = 32,
        learning_rate: float = 2e-3,
        beta1: float = 0.0,
        ema: float = 0.0,
    ) -> None:
        super().__init__(spec, latent_dim, Game(batch_size, learning_rate, (beta1, 0.999), ema=ema))
        self.penalty = penalty
        sizes = Sizes(hidden, layers, width)
        self.generator = build_generator(spec, architecture, latent_dim, sizes)
        self.discriminator = build_discriminator(spec, architecture, sizes)
        self.keep_average(ema)

    def discriminator_loss(
        self, real: Float[Tensor, "batch *event"], fake: Float[Tensor, "batch *event"]
    ) -> Float[Tensor, ""]:
        logits = self.discriminator(torch.cat([real, fake])).chunk(2)
        around = real + 0.5 * real.std(correction=0) * torch.rand_like(real)
        return discriminator_loss(*logits) + self.penalty * gradient_norm_penalty(self.discriminator, around)

    def generator_loss(self, fake: Float[Tensor, "batch *event"]) -> Float[Tensor, ""]:
        return generator_loss(self.discriminator(fake))
