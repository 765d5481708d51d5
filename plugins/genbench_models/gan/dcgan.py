"""DCGAN: both networks of a GAN convolutional, strided instead of pooled, with batch normalisation.

Radford, Metz & Chintala 2016, "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks", https://arxiv.org/abs/1511.06434
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import ComputeMeter, DataSpec, Split
from genbench_models.gan.gan import discriminator_loss, generator_loss
from genbench_models.gan.latent_generator import LatentGenerator
from genbench_models.layers.networks import adam, set_learning_rate


class Generator(nn.Module):
    """Noise to a map a quarter of the image's size (rounded up), doubled twice, cropped to the image."""

    def __init__(self, spec: DataSpec, latent_dim: int, width: int) -> None:
        super().__init__()
        channels, self.height, self.width = spec.event_shape
        quarter = (-(-self.height // 4), -(-self.width // 4))
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, 2 * width * quarter[0] * quarter[1], bias=False),
            nn.Unflatten(1, (2 * width, *quarter)),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1),
        )
        self.bounded = spec.levels is not None

    def forward(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch channel height width"]:
        image: Tensor = self.layers(z)[..., : self.height, : self.width]
        return image.tanh() if self.bounded else image


class Discriminator(nn.Module):
    """Padded to a multiple of four, halved twice, one logit."""

    def __init__(self, spec: DataSpec, width: int) -> None:
        super().__init__()
        channels, height, columns = spec.event_shape
        self.padding = (0, -columns % 4, 0, -height % 4)
        cells = (-(-height // 4)) * (-(-columns // 4))
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),  # no normalisation next to the data (section 3)
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(2 * width * cells, 1),
            nn.Flatten(0),
        )

    def forward(self, x: Float[Tensor, "batch channel height width"]) -> Float[Tensor, " batch"]:
        logits: Tensor = self.layers(F.pad(x, self.padding))
        return logits


class DCGAN(LatentGenerator):
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
    ) -> None:
        super().__init__(spec, latent_dim)
        if min(spec.event_shape[1:]) < 8:
            raise ValueError(f"dcgan takes images of 8x8 and more; {spec.name} has {spec.event_shape}")
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.beta1 = beta1
        self.generator = Generator(spec, latent_dim, width)
        self.discriminator = Discriminator(spec, width)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                nn.init.normal_(module.weight, 0.0, 0.02)
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight, 1.0, 0.02)

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        betas = (self.beta1, 0.999)
        discriminator_steps = adam(self.discriminator.parameters(), self.learning_rate, betas)
        generator_steps = adam(self.generator.parameters(), self.learning_rate, betas)
        generator_parameters = list(self.generator.parameters())

        for batch in meter.batches(train, self.batch_size):
            real = self.standardise(batch.x)  # B, C, H, W
            fake = self.generator(self.noise(len(real)))  # B, C, H, W
            for optimiser in (discriminator_steps, generator_steps):
                set_learning_rate(optimiser, self.learning_rate, meter.fraction)

            # Two passes: in one, batch normalisation would let real and fake see each other's statistics.
            loss_d = discriminator_loss(self.discriminator(real), self.discriminator(fake.detach()))
            discriminator_steps.zero_grad()
            loss_d.backward()
            discriminator_steps.step()

            loss_g = generator_loss(self.discriminator(fake))
            generator_steps.zero_grad()
            loss_g.backward(inputs=generator_parameters)
            generator_steps.step()
            meter.log(generator=loss_g, discriminator=loss_d)
