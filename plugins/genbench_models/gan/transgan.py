"""A small TransGAN: generator and discriminator are transformers, without a single convolution.

Jiang, Chang & Wang 2021, "TransGAN: Two Pure Transformers Can Make One Strong GAN",
https://arxiv.org/abs/2102.07074
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import DataSpec
from genbench_models.gan.adversarial import AdversarialModel, Game
from genbench_models.gan.wgan_gp import gradient_penalty
from genbench_models.layers.architectures import MIN_SIDE_PIXELS
from genbench_models.layers.ranges import at_least
from genbench_models.layers.transformer import Block

_HEADS = 4
_LARGE_SIDE = 16  # images of this side or more are cut into patches of 4x4 pixels, smaller ones into 2x2


class Generator(nn.Module):
    """Noise to tokens on a grid a quarter of the image's size; the grid is doubled by giving each token's numbers to
    four (pixel shuffle), and each token of the doubled grid is a patch of 2x2 pixels. Cropped to the image."""

    def __init__(self, spec: DataSpec, latent_dim: int, width: int, blocks: int) -> None:
        super().__init__()
        channels, self.height, self.columns = spec.event_shape
        self.grid = (-(-self.height // 4), -(-self.columns // 4))
        cells = self.grid[0] * self.grid[1]
        self.to_tokens = nn.Linear(latent_dim, cells * width)
        self.coarse_places = nn.Parameter(0.02 * torch.randn(cells, width))
        self.coarse = nn.Sequential(*(Block(width, _HEADS) for _ in range(blocks)))
        self.fine_places = nn.Parameter(0.02 * torch.randn(4 * cells, width // 4))
        self.fine = nn.Sequential(*(Block(width // 4, _HEADS) for _ in range(blocks)))
        self.to_pixels = nn.Sequential(nn.LayerNorm(width // 4), nn.Linear(width // 4, 4 * channels))
        self.bounded = spec.levels is not None

    def forward(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch channel height width"]:
        tokens = self.to_tokens(z).unflatten(1, self.coarse_places.shape)  # B, cells, width
        tokens = self.coarse(tokens + self.coarse_places)
        grid = F.pixel_shuffle(tokens.transpose(1, 2).unflatten(2, self.grid), 2)  # B, width/4, 2h, 2w
        tokens = self.fine(grid.flatten(2).transpose(1, 2) + self.fine_places)  # B, 4 cells, width/4
        pixels = self.to_pixels(tokens).transpose(1, 2).unflatten(2, grid.shape[2:])  # B, 4C, 2h, 2w
        image = F.pixel_shuffle(pixels, 2)[..., : self.height, : self.columns]
        return image.tanh() if self.bounded else image


class Discriminator(nn.Module):
    """Patches to tokens, blocks, the mean token to a score."""

    def __init__(self, spec: DataSpec, width: int, blocks: int) -> None:
        super().__init__()
        channels, height, columns = spec.event_shape
        self.patch = 4 if min(height, columns) >= _LARGE_SIDE else 2
        self.padding = (0, -columns % self.patch, 0, -height % self.patch)
        cells = -(-height // self.patch) * -(-columns // self.patch)
        self.to_tokens = nn.Linear(channels * self.patch**2, width)
        self.places = nn.Parameter(0.02 * torch.randn(cells, width))
        self.blocks = nn.Sequential(*(Block(width, _HEADS, twice_differentiable=True) for _ in range(blocks)))
        # only differences of scores count: a bias at the end would never be trained
        self.normalise = nn.LayerNorm(width, bias=False)
        self.score = nn.Linear(width, 1, bias=False)

    def forward(self, x: Float[Tensor, "batch channel height width"]) -> Float[Tensor, " batch"]:
        patches = F.pixel_unshuffle(F.pad(x, self.padding), self.patch)  # B, C p², h, w
        tokens = self.to_tokens(patches.flatten(2).transpose(1, 2))  # B, cells, width
        scores: Tensor = self.score(self.normalise(self.blocks(tokens + self.places).mean(1)))
        return scores[:, 0]


class TransGAN(AdversarialModel):
    """For images of 8x8 and more, with the loss of WGAN-GP as in the paper (section 4.1). Left out because
    the images are small: attention within windows, relative positions, augmentation."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent_dim: int = 32,
        width: int = 32,
        blocks: int = 1,
        penalty: float = 1.0,
        n_critic: int = 2,
        batch_size: int = 32,
        learning_rate: float = 5e-3,
        ema: float = 0.99,
    ) -> None:
        game = Game(batch_size, learning_rate, (0.0, 0.99), n_critic, ema)
        super().__init__(spec, latent_dim, game)
        if min(spec.event_shape[1:]) < MIN_SIDE_PIXELS:
            raise ValueError(f"transgan takes images of 8x8 and more; {spec.name} has {spec.event_shape}")
        at_least(1, width=width, blocks=blocks)
        if width % (4 * _HEADS):
            raise ValueError(f"width={width}: expected a multiple of {4 * _HEADS}")
        self.penalty = penalty
        self.generator = Generator(spec, latent_dim, width, blocks)
        self.discriminator = Discriminator(spec, width, blocks)
        self.keep_average(ema)

    def discriminator_loss(
        self, real: Float[Tensor, "batch *event"], fake: Float[Tensor, "batch *event"]
    ) -> Float[Tensor, ""]:
        real_score, fake_score = self.discriminator(torch.cat([real, fake])).chunk(2)
        distance: Tensor = fake_score.mean() - real_score.mean()
        return distance + self.penalty * gradient_penalty(self.discriminator, real, fake)

    def generator_loss(self, fake: Float[Tensor, "batch *event"]) -> Float[Tensor, ""]:
        loss: Tensor = -self.discriminator(fake).mean()
        return loss
