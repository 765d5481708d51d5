"""Training steps as well-known public implementations write them, of the networks that our models have by default.

The shape of each step is the public one's, the code is ours: which implementation, and what is particular to it, is at
each class. Widths, activations and dropout are those of our defaults, so that both sides do the same arithmetic;
examples come as float, as their data loaders give them.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MaskedLinear(nn.Linear):
    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask.float())

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.mask * self.weight, self.bias)


class ReferenceMade(nn.Module):
    """karpathy/pytorch-made: masks are float buffers that the weights are multiplied with at each pass; one ordering;
    binary cross-entropy with logits; Adam."""

    def __init__(self, masks: list[Tensor], dropout: float, learning_rate: float) -> None:
        super().__init__()
        *hidden, last = masks
        modules: list[nn.Module] = []
        for mask in hidden:
            modules += [MaskedLinear(mask), nn.SiLU(), nn.Dropout(dropout)]
        self.net = nn.Sequential(*modules, MaskedLinear(last))
        self.optimiser = torch.optim.Adam(self.parameters(), lr=learning_rate)

    def loss(self, x: Tensor) -> Tensor:
        logits = self.net(2 * x - 1)
        return F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)

    def step(self, x: Tensor) -> None:
        loss = self.loss(x)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()


def perceptron(widths: list[int]) -> list[nn.Module]:
    modules: list[nn.Module] = []
    for inputs, outputs in pairwise(widths[:-1]):
        modules += [nn.Linear(inputs, outputs), nn.SiLU()]
    return [*modules, nn.Linear(widths[-2], widths[-1])]


class ReferenceVae(nn.Module):
    """pytorch/examples, vae: summed binary cross-entropy and the KL divergence in closed form from mean and
    log-variance; Adam. Here with logits, which costs less than a sigmoid and its logarithm."""

    def __init__(
        self, latent_dim: int, hidden: int, layers: int, dropout: float, learning_rate: float
    ) -> None:
        super().__init__()
        inner = [hidden] * layers
        self.encoder = nn.Sequential(nn.Dropout(dropout), *perceptron([784, *inner, 2 * latent_dim]))
        self.decoder = nn.Sequential(*perceptron([latent_dim, *inner, 784]))
        self.optimiser = torch.optim.Adam(self.parameters(), lr=learning_rate)

    def loss(self, x: Tensor) -> Tensor:
        mean, half_log_variance = self.encoder(2 * x - 1).chunk(2, 1)
        log_variance = 2 * half_log_variance  # our encoder gives the logarithm of the standard deviation
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(log_variance)
        cross_entropy = F.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum")
        kl = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
        return (cross_entropy + kl) / len(x)

    def step(self, x: Tensor) -> None:
        self.optimiser.zero_grad()
        loss = self.loss(x)
        loss.backward()
        self.optimiser.step()


class ReferenceDcgan:
    """pytorch/examples, dcgan: the discriminator learns from real and false examples in two passes, each with a
    backward pass of its own, then the generator. Two strided layers for 28x28 pixels, binary cross-entropy with
    logits, Adam with beta1 = 0.5."""

    def __init__(self, latent_dim: int, width: int, learning_rate: float) -> None:
        self.latent_dim = latent_dim
        self.generator = nn.Sequential(
            nn.Linear(latent_dim, 2 * width * 7 * 7, bias=False),
            nn.Unflatten(1, (2 * width, 7, 7)),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(True),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(True),
            nn.ConvTranspose2d(width, 1, 4, 2, 1),
            nn.Tanh(),
        )
        self.discriminator = nn.Sequential(
            nn.Conv2d(1, width, 4, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Flatten(),
            nn.Linear(2 * width * 7 * 7, 1),
            nn.Flatten(0),
        )
        self.criterion = nn.BCEWithLogitsLoss()
        self.discriminator_optimiser = torch.optim.Adam(
            self.discriminator.parameters(), lr=learning_rate, betas=(0.5, 0.999)
        )
        self.generator_optimiser = torch.optim.Adam(
            self.generator.parameters(), lr=learning_rate, betas=(0.5, 0.999)
        )

    def step(self, x: Tensor) -> None:
        real = 2 * x - 1
        self.discriminator.zero_grad()
        label = torch.full((len(x),), 1.0)
        self.criterion(self.discriminator(real), label).backward()
        fake = self.generator(torch.randn(len(x), self.latent_dim))
        label.fill_(0.0)
        self.criterion(self.discriminator(fake.detach()), label).backward()
        self.discriminator_optimiser.step()

        self.generator.zero_grad()
        label.fill_(1.0)
        self.criterion(self.discriminator(fake), label).backward()
        self.generator_optimiser.step()


class MaskedConv2d(nn.Conv2d):
    mask: Tensor

    def __init__(self, inputs: int, outputs: int, size: int, *, strict: bool = False) -> None:
        super().__init__(inputs, outputs, size, padding=size // 2)
        mask = torch.zeros_like(self.weight)
        mask[:, :, : size // 2] = 1
        mask[:, :, size // 2, : size // 2 + (not strict)] = 1
        self.register_buffer("mask", mask)

    def forward(self, x: Tensor) -> Tensor:
        self.weight.data *= self.mask
        return super().forward(x)


class ReferenceResidual(nn.Module):
    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.ReLU(),
            nn.Dropout2d(dropout),
            nn.Conv2d(width, width // 2, 1),
            nn.ReLU(),
            MaskedConv2d(width // 2, width // 2, 3),
            nn.ReLU(),
            nn.Conv2d(width // 2, width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        seen: Tensor = self.net(x)
        return x + seen


class ReferencePixelCnn(nn.Module):
    """EugenHotaj/pytorch-generative, PixelCNN: masked convolutions zero their weights in place before each pass;
    residual blocks of 1x1, masked 3x3 and 1x1 convolutions; binary cross-entropy with logits, summed over pixels;
    Adam."""

    def __init__(self, width: int, blocks: int, dropout: float, learning_rate: float) -> None:
        super().__init__()
        self.net = nn.Sequential(
            MaskedConv2d(1, width, 7, strict=True),
            *(ReferenceResidual(width, dropout) for _ in range(blocks)),
            nn.ReLU(),
            nn.Conv2d(width, width, 1),
            nn.ReLU(),
            nn.Conv2d(width, 1, 1),
        )
        self.optimiser = torch.optim.Adam(self.parameters(), lr=learning_rate)

    def loss(self, x: Tensor) -> Tensor:
        cross_entropy = F.binary_cross_entropy_with_logits(self.net(2 * x - 1), x, reduction="none")
        return cross_entropy.sum(dim=(1, 2, 3)).mean()

    def step(self, x: Tensor) -> None:
        self.optimiser.zero_grad()
        loss = self.loss(x)
        loss.backward()
        self.optimiser.step()
