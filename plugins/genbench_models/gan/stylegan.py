"""A small StyleGAN: latents are first mapped to styles, which set the scale of every convolution's inputs; noise
adds the detail; the discriminator sees augmented images, just as many as keep it from overfitting.

Karras, Laine & Aila 2019, "A Style-Based Generator Architecture for Generative Adversarial Networks",
https://arxiv.org/abs/1812.04948; Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN",
https://arxiv.org/abs/1912.04958 (modulated convolutions); Karras et al. 2020, "Training Generative Adversarial
Networks with Limited Data", https://arxiv.org/abs/2006.06676 (adaptive augmentation); R1: Mescheder, Geiger &
Nowozin 2018, https://arxiv.org/abs/1801.04406

| part of the papers | here |
|---|---|
| mapping network, styles that modulate and demodulate the weights | there; three layers in place of eight |
| learned constant, noise of a learned strength per layer | there |
| skip connections of the generator, residual discriminator | there |
| standard deviation over the batch as a channel | there, over the whole batch and all channels |
| non-saturating loss with lazy R1 | there, of weight 0.1 in place of 10 |
| adaptive augmentation | there, with fewer kinds of it (`augment`) |
| moving average of the generator | there |
| equalised learning rates | left out; the mapping network's rate is a tenth |
| style mixing, path-length regularisation | left out: both serve the editing of styles |
| filtered resampling | changed: bilinear up, means down |
| truncation of styles | left out: it trades variety for quality |
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import ComputeMeter, DataSpec, Split
from genbench_models.gan.augment import augment
from genbench_models.gan.gan import discriminator_loss, generator_loss
from genbench_models.gan.latent_generator import LatentGenerator
from genbench_models.layers.architectures import MIN_SIDE_PIXELS
from genbench_models.layers.networks import adam, mlp, set_learning_rate
from genbench_models.layers.ranges import at_least, positive, shares

_TARGET_SIGN = 0.6
"""The target of E[sign D(x)] over real images: above it the discriminator overfits (Karras et al. 2020, eq. 1)."""
_AUGMENTATION_EXAMPLES = 50_000
"""Examples until the share of augmented images has gone from 0 to 1, at the fastest."""


class ModulatedConv(nn.Module):
    """3x3 (or 1x1) convolution whose input channels are scaled by a style, and whose outputs are scaled back to
    variance 1. Scaling inputs and outputs is the same as scaling the weights (section 2.2 of the second paper), and
    lets all images share one convolution."""

    def __init__(self, inputs: int, outputs: int, style: int, size: int, *, demodulate: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size) / math.sqrt(inputs * size**2))
        self.bias = nn.Parameter(torch.zeros(outputs, 1, 1))
        self.style = nn.Linear(style, inputs)
        nn.init.normal_(self.style.weight, 0.0, style**-0.5)
        nn.init.ones_(self.style.bias)
        self.demodulate = demodulate

    def forward(
        self, x: Float[Tensor, "batch inputs height width"], w: Float[Tensor, "batch style"]
    ) -> Float[Tensor, "batch outputs height width"]:
        style = self.style(w)  # B, inputs
        x = F.conv2d(x * style[:, :, None, None], self.weight, padding=self.weight.shape[2] // 2)
        if self.demodulate:
            power = style.square() @ self.weight.square().sum((2, 3)).T  # B, outputs
            x = x * (power + 1e-8).rsqrt()[:, :, None, None]
        return x + self.bias


class StyledLayer(nn.Module):
    """Modulated convolution, noise of a learned strength, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, style: int) -> None:
        super().__init__()
        self.conv = ModulatedConv(inputs, outputs, style, 3)
        self.strength = nn.Parameter(torch.zeros(()))

    def forward(
        self,
        x: Float[Tensor, "batch inputs height width"],
        w: Float[Tensor, "batch style"],
        noise: Float[Tensor, "batch 1 height width"] | None,
    ) -> Float[Tensor, "batch outputs height width"]:
        x = self.conv(x, w)
        if noise is not None:
            x = x + self.strength * noise
        return F.leaky_relu(x, 0.2) * math.sqrt(2)


class Stage(nn.Module):
    """The layers of one resolution, of the given `widths`, and what they add to the image."""

    def __init__(self, widths: Sequence[int], style: int, channels: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(StyledLayer(*pair, style) for pair in pairwise(widths))
        self.to_image = ModulatedConv(widths[-1], channels, style, 1, demodulate=False)

    def forward(
        self,
        x: Float[Tensor, "batch inputs height width"],
        w: Float[Tensor, "batch style"],
        noise: torch.Generator | bool,
    ) -> tuple[Float[Tensor, "batch outputs height width"], Float[Tensor, "batch channel height width"]]:
        for layer in self.layers:
            x = layer(x, w, self._noise(x, noise))
        return x, self.to_image(x, w)

    def _noise(self, x: Tensor, noise: torch.Generator | bool) -> Tensor | None:
        if noise is False:
            return None
        generator = noise if isinstance(noise, torch.Generator) else None
        return torch.randn(len(x), 1, *x.shape[2:], generator=generator, device=x.device)


class Generator(nn.Module):
    """Mapping network, then a learned constant a quarter of the image's size, doubled twice; each resolution adds
    to the image (skip connections, section 4.1 of the second paper). Cropped to the image."""

    def __init__(self, spec: DataSpec, latent_dim: int, style: int, width: int) -> None:
        super().__init__()
        channels, self.height, self.columns = spec.event_shape
        quarter = (-(-self.height // 4), -(-self.columns // 4))
        self.sizes = [(quarter[0] * scale, quarter[1] * scale) for scale in (1, 2, 4)]
        self.mapping = mlp(latent_dim, style, 3, style, lambda: nn.LeakyReLU(0.2))
        for module in self.mapping:
            # torch's default scale would shrink styles until all images are alike
            if isinstance(module, nn.Linear):
                nn.init.kaiming_normal_(module.weight, 0.2)
                nn.init.zeros_(module.bias)
        self.constant = nn.Parameter(torch.randn(2 * width, *quarter))
        self.stages = nn.ModuleList(
            [
                Stage([2 * width, 2 * width], style, channels),
                Stage([2 * width, width, width], style, channels),
                Stage([width, width, width], style, channels),
            ]
        )
        self.bounded = spec.levels is not None

    def forward(
        self, z: Float[Tensor, "batch latent"], noise: torch.Generator | bool = False
    ) -> Float[Tensor, "batch channel height width"]:
        """noise: False for none, True from torch's global generator, else from the given one."""
        z = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        w = self.mapping(z)  # B, style
        x = self.constant.expand(len(z), -1, -1, -1)
        image: Tensor = x.new_zeros(())
        for size, stage in zip(self.sizes, self.stages, strict=True):
            x = resized(x, size)
            x, added = stage(x, w, noise)
            image = added + (resized(image, size) if image.dim() else image)
        image = image[..., : self.height, : self.columns]
        return image.tanh() if self.bounded else image


def resized(
    x: Float[Tensor, "batch channel h w"], size: tuple[int, int]
) -> Float[Tensor, "batch channel h2 w2"]:
    if tuple(x.shape[2:]) == size:
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


class Halving(nn.Module):
    """A residual block at half the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(inputs, inputs, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.AvgPool2d(2),
        )
        self.skip = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x: Float[Tensor, "batch inputs h w"]) -> Float[Tensor, "batch outputs h2 w2"]:
        halved: Tensor = (self.main(x) + self.skip(x)) / math.sqrt(2)
        return halved


class Discriminator(nn.Module):
    """Padded to a multiple of four, halved twice, with the standard deviation over the batch as one more channel
    (Karras et al. 2018), down to one logit."""

    def __init__(self, spec: DataSpec, width: int) -> None:
        super().__init__()
        channels, height, columns = spec.event_shape
        self.padding = (0, -columns % 4, 0, -height % 4)
        cells = (-(-height // 4)) * (-(-columns // 4))
        self.features = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1),
            nn.LeakyReLU(0.2),
            Halving(width, width),
            Halving(width, 2 * width),
        )
        self.mix = nn.Conv2d(2 * width + 1, 2 * width, 3, padding=1)
        self.score = nn.Linear(2 * width * cells, 1)

    def forward(self, x: Float[Tensor, "batch channel height width"]) -> Float[Tensor, " batch"]:
        x = self.features(F.pad(x, self.padding))
        spread = (x.var(0, correction=0) + 1e-8).sqrt().mean().expand(len(x), 1, *x.shape[2:])
        x = F.leaky_relu(self.mix(torch.cat([x, spread], dim=1)), 0.2)
        score: Tensor = self.score(x.flatten(1))
        return score[:, 0]


class StyleGAN(LatentGenerator):
    """For images of 8x8 and more. Non-saturating loss; R1 on real images every `penalty_every` steps; samples come
    from a moving average of the generator. `decode` leaves out the noise, which is not a latent."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent_dim: int = 32,
        style: int = 64,
        width: int = 16,
        penalty: float = 0.1,
        penalty_every: int = 8,
        augmentation: bool = True,
        batch_size: int = 32,
        learning_rate: float = 2e-3,
        ema: float = 0.98,
    ) -> None:
        super().__init__(spec, latent_dim)
        if min(spec.event_shape[1:]) < MIN_SIDE_PIXELS:
            raise ValueError(f"stylegan takes images of 8x8 and more; {spec.name} has {spec.event_shape}")
        at_least(1, style=style, width=width, penalty_every=penalty_every, batch_size=batch_size)
        positive(learning_rate=learning_rate)
        shares(ema=ema)
        self.penalty = penalty
        self.penalty_every = penalty_every
        self.augmentation = augmentation
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.ema = ema
        self.generator = Generator(spec, latent_dim, style, width)
        self.discriminator = Discriminator(spec, width)
        self.keep_average(ema)

    def r1_penalty(self, real: Float[Tensor, "batch channel height width"]) -> Float[Tensor, ""]:
        """penalty / 2 * E[|grad D(x)|²] over real images."""
        at = real.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self.discriminator(at).sum(), at, create_graph=True)
        return self.penalty / 2 * gradient.square().flatten(1).sum(1).mean()

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        # the mapping learns a hundred times slower in the papers, a tenth here, where there are fewer steps
        network = self.generator
        assert isinstance(network, Generator)
        mapping = list(network.mapping.parameters())
        generator_parameters = list(network.parameters())
        known = {id(parameter) for parameter in mapping}
        others = [parameter for parameter in generator_parameters if id(parameter) not in known]
        generator_steps = adam(others, self.learning_rate, (0.0, 0.99))
        mapping_steps = adam(mapping, self.learning_rate, (0.0, 0.99))
        discriminator_steps = adam(self.discriminator.parameters(), self.learning_rate, (0.0, 0.99))
        share = 0.0
        losses: dict[str, Tensor | float] = {}

        for step, batch in enumerate(meter.batches(train, self.batch_size, cycle=self.penalty_every)):
            real = self.standardise(batch.x)  # B, C, H, W
            for optimiser in (discriminator_steps, generator_steps):
                set_learning_rate(optimiser, self.learning_rate, meter.fraction)
            set_learning_rate(mapping_steps, self.learning_rate / 10, meter.fraction)

            fake = self.generator(self.noise(len(real)), noise=True)
            logits = self.discriminator(augment(real, share))
            loss_d = discriminator_loss(logits, self.discriminator(augment(fake.detach(), share)))
            penalised = loss_d
            if step % self.penalty_every == 0:
                penalised = loss_d + self.penalty_every * self.r1_penalty(augment(real, share))
            discriminator_steps.zero_grad()
            penalised.backward()
            discriminator_steps.step()

            loss_g = generator_loss(self.discriminator(augment(fake, share)))
            for optimiser in (generator_steps, mapping_steps):
                optimiser.zero_grad()
            loss_g.backward(inputs=generator_parameters)
            for optimiser in (generator_steps, mapping_steps):
                optimiser.step()
            self.update_average(self.ema)

            if self.augmentation:
                overfits = float(logits.detach().sign().mean()) > _TARGET_SIGN
                change = len(real) / _AUGMENTATION_EXAMPLES
                share = min(0.8, max(0.0, share + (change if overfits else -change)))
            losses = {"generator": loss_g, "discriminator": loss_d, "augmented": share}
            meter.log(**losses)

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape) in the data's domain, with noise."""
        z = torch.randn(count, self.latent_dim, generator=generator, device=self.device)
        network = self.generator if self.averaged is None else self.averaged
        return self.to_levels(self.standardise.inverse(network(z, noise=generator)))
