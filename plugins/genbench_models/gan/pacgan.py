"""PacGAN: the discriminator judges several samples at once, and so can see that a generator repeats itself.

Lin, Khetan, Fanti & Oh 2018, "PacGAN: The power of two samples in generative adversarial networks",
https://arxiv.org/abs/1712.04086

| part of the paper | here |
|---|---|
| the discriminator reads `pack` examples, joined along the channels (section 2) | there |
| nothing else of the GAN is changed | there, with batch normalisation in the discriminator of images |
"""

from __future__ import annotations

import msgspec
import torch
from jaxtyping import Float
from torch import Tensor

from genbench import DataSpec
from genbench_models.gan.adversarial import AdversarialModel, Game
from genbench_models.gan.gan import discriminator_loss, generator_loss
from genbench_models.layers.architectures import Sizes, build_discriminator, build_generator


class PacGAN(AdversarialModel):
    """The non-saturating GAN, whose discriminator is given `pack` examples joined along the first axis (channels of an
    image, coordinates of a point). A batch of `batch_size` examples makes `batch_size / pack` packs, rounded up."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        pack: int = 4,
        architecture: str = "auto",
        latent_dim: int = 32,
        hidden: int = 128,
        layers: int = 2,
        width: int = 32,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        beta1: float = 0.5,
        ema: float = 0.0,
    ) -> None:
        super().__init__(spec, latent_dim, Game(batch_size, learning_rate, (beta1, 0.999), ema=ema))
        if pack < 1:
            raise ValueError(f"pack={pack}: expected 1 or more")
        self.pack = pack
        sizes = Sizes(hidden, layers, width)
        self.generator = build_generator(spec, architecture, latent_dim, sizes)
        first, *rest = spec.event_shape
        packed = msgspec.structs.replace(spec, event_shape=(pack * first, *rest))
        self.discriminator = build_discriminator(packed, architecture, sizes, normalise=True)
        self.keep_average(ema)

    def packed(self, x: Float[Tensor, "batch first *rest"]) -> Float[Tensor, "packs joined *rest"]:
        """(B, C, ...) -> (ceil(B / pack), pack * C, ...); the last pack is filled up from the first examples."""
        count = -(-len(x) // self.pack)
        index = torch.arange(count * self.pack, device=x.device) % len(x)
        packs: Tensor = x[index].unflatten(0, (count, self.pack))
        return packs.flatten(1, 2)

    def discriminator_loss(
        self, real: Float[Tensor, "batch *event"], fake: Float[Tensor, "batch *event"]
    ) -> Float[Tensor, ""]:
        # two passes: batch normalisation must not mix the two
        logits = (self.discriminator(self.packed(x)) for x in (real, fake))
        return discriminator_loss(*logits)

    def generator_loss(self, fake: Float[Tensor, "batch *event"]) -> Float[Tensor, ""]:
        return generator_loss(self.discriminator(self.packed(fake)))
