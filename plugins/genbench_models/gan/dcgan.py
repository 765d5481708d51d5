"""DCGAN: both networks of a GAN convolutional, strided instead of pooled, with batch normalisation.

Radford, Metz & Chintala 2016, "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks", https://arxiv.org/abs/1511.06434

| part of the paper | here |
|---|---|
| strided convolutions in place of pooling, no hidden dense layers | there |
| batch normalisation but next to the data | there |
| ReLU and tanh in the generator, leaky ReLU of 0.2 in the discriminator | there; no tanh for real values |
| weights from N(0, 0.02²) | there |
| Adam, beta1 0.5 | there |
| learning rate 2e-4, batches of 128 | changed: 1e-3 with a schedule, and 32, for short budgets |
| four strided layers for 64x64 pixels | changed: two, for images of 8x8 and more |
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from genbench import DataSpec
from genbench_models.gan.adversarial import AdversarialModel, Game
from genbench_models.gan.gan import discriminator_loss, generator_loss
from genbench_models.layers.architectures import MIN_SIDE_PIXELS, Sizes, build_discriminator, build_generator


class DCGAN(AdversarialModel):
    """The non-saturating GAN for images of 8x8 and more, any number of channels.

    Two strided layers instead of the paper's four (its images are 64x64), weights drawn from
    N(0, 0.02^2), Adam with beta1 = 0.5. Samples use the running statistics of batch normalisation.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent_dim: int = 64,
        width: int = 32,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        beta1: float = 0.5,
        ema: float = 0.0,
    ) -> None:
        super().__init__(spec, latent_dim, Game(batch_size, learning_rate, (beta1, 0.999), ema=ema))
        if min(spec.event_shape[1:]) < MIN_SIDE_PIXELS:
            raise ValueError(f"dcgan takes images of 8x8 and more; {spec.name} has {spec.event_shape}")
        sizes = Sizes(hidden=1, layers=1, width=width)  # no MLPs here
        self.generator = build_generator(spec, "conv", latent_dim, sizes)
        self.discriminator = build_discriminator(spec, "conv", sizes, normalise=True)
        self.keep_average(ema)

    def discriminator_loss(
        self, real: Float[Tensor, "batch *event"], fake: Float[Tensor, "batch *event"]
    ) -> Float[Tensor, ""]:
        # Two passes: in one, batch normalisation would let real and fake see each other's statistics.
        return discriminator_loss(self.discriminator(real), self.discriminator(fake))

    def generator_loss(self, fake: Float[Tensor, "batch *event"]) -> Float[Tensor, ""]:
        return generator_loss(self.discriminator(fake))
