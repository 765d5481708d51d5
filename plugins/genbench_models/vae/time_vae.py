"""TimeVAE: a VAE of series whose decoder adds up what can be named (level, trend, season) and what cannot.

Desai, Freeman, Wang & Beaver 2021, "TimeVAE: A Variational Auto-Encoder for Multivariate Time Series Generation",
https://arxiv.org/abs/2111.08095

| part of the paper | here |
|---|---|
| encoder: strided convolutions over time, then a dense layer (section 3.1) | `ConvolutionalEncoder` |
| base decoder: a dense layer, transposed convolutions, a dense layer per step (section 3.1) | `ConvolutionalDecoder` |
| trend block: polynomials of time, weighted from z (section 3.2.1) | `Trend`; its power 0 is the level |
| seasonality block: one value per place in a season, from z (section 3.2.2) | `Season` |
| sum of the blocks and of the base decoder (figure 2) | `SumDecoder` |
| reconstruction weight a of the squared error (section 3.3) | a learned variance, for a likelihood |
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genbench import DataSpec
from genbench_models.layers.networks import mlp
from genbench_models.layers.ranges import at_least
from genbench_models.vae.vae import VAE


def _halved(steps: int, times: int) -> list[int]:
    """Lengths of a series before and after each convolution of stride two: steps, half of it, and so on."""
    lengths = [steps]
    for _ in range(times):
        lengths.append(math.ceil(lengths[-1] / 2))
    return lengths


class ConvolutionalEncoder(nn.Module):
    """(N, T, C) in standardised units to the mean and log standard deviation of z, (N, 2 latent)."""

    def __init__(self, spec: DataSpec, latent_dim: int, hidden: int, layers: int) -> None:
        super().__init__()
        steps, channels = spec.event_shape
        widths = [channels, *(hidden * 2**layer for layer in range(layers))]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(before, after, 3, stride=2, padding=1) for before, after in pairwise(widths)
        )
        self.output = nn.Linear(widths[-1] * _halved(steps, layers)[-1], 2 * latent_dim)

    def forward(self, x: Float[Tensor, "batch time channels"]) -> Float[Tensor, "batch both"]:
        h = x.mT
        for convolution in self.convolutions:
            h = convolution(h).relu()
        moments: Tensor = self.output(h.flatten(1))
        return moments


class ConvolutionalDecoder(nn.Module):
    """z to `per_element` numbers for every channel of every step, (N, per_element, T, C)."""

    def __init__(self, spec: DataSpec, latent_dim: int, hidden: int, layers: int, per_element: int) -> None:
        super().__init__()
        steps, channels = spec.event_shape
        self.lengths = _halved(steps, layers)[::-1]
        widths = [hidden * 2**layer for layer in reversed(range(layers))] + [hidden]
        self.input = nn.Sequential(
            nn.Linear(latent_dim, widths[0] * self.lengths[0]),
            nn.ReLU(),
            nn.Unflatten(1, (widths[0], self.lengths[0])),
        )
        self.convolutions = nn.ModuleList(
            nn.ConvTranspose1d(before, after, 3, stride=2, padding=1) for before, after in pairwise(widths)
        )
        self.output = nn.Linear(widths[-1], per_element * channels)
        self.per_element = per_element

    def forward(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch per time channels"]:
        h = self.input(z)
        for convolution, length in zip(self.convolutions, self.lengths[1:], strict=True):
            h = convolution(h, output_size=[length]).relu()
        each: Tensor = self.output(h.mT).unflatten(2, (self.per_element, -1))
        return each.transpose(1, 2)


class Trend(nn.Module):
    """z to a polynomial of time for each channel, (N, T, C)."""

    powers: Tensor

    def __init__(self, spec: DataSpec, latent_dim: int, hidden: int, degree: int) -> None:
        super().__init__()
        steps, channels = spec.event_shape
        time = torch.arange(steps) / steps
        self.register_buffer("powers", torch.stack([time**power for power in range(degree + 1)]))
        self.weights = nn.Sequential(
            mlp(latent_dim, hidden, 1, channels * (degree + 1), nn.ReLU), nn.Unflatten(1, (channels, -1))
        )

    def forward(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch time channels"]:
        trend: Tensor = self.weights(z) @ self.powers
        return trend.mT


class Season(nn.Module):
    """z to a value for each channel and each place in a season, repeated over time, (N, T, C)."""

    def __init__(self, spec: DataSpec, latent_dim: int, hidden: int, season: int) -> None:
        super().__init__()
        self.steps, channels = spec.event_shape
        self.season = season
        self.values = nn.Sequential(
            mlp(latent_dim, hidden, 1, channels * season, nn.ReLU), nn.Unflatten(1, (season, channels))
        )

    def forward(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch time channels"]:
        values: Tensor = self.values(z)
        return values[:, torch.arange(self.steps, device=z.device) % self.season]


class SumDecoder(nn.Module):
    """The base decoder, to whose means the named blocks are added."""

    def __init__(self, base: ConvolutionalDecoder, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.base = base
        self.blocks = nn.ModuleList(blocks)

    def forward(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch per time channels"]:
        outputs: Tensor = self.base(z)
        means = outputs[:, 0]
        for block in self.blocks:
            means = means + block(z)
        return torch.cat([means.unsqueeze(1), outputs[:, 1:]], 1)


class TimeVAE(VAE):
    """A VAE with networks for series.

    degree: of the polynomials of the trend; 0 leaves the level of each channel. season: steps of a season, such as 12
    for months; 0 for none. hidden: channels of the first convolution, doubled by each of the next.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent_dim: int = 8,
        hidden: int = 32,
        layers: int = 2,
        degree: int = 2,
        season: int = 0,
        batch_size: int = 64,
        learning_rate: float = 3e-3,
        warm_up: float = 0.1,
    ) -> None:
        super().__init__(
            spec,
            latent_dim=latent_dim,
            hidden=hidden,
            layers=layers,
            dropout=0.0,
            batch_size=batch_size,
            learning_rate=learning_rate,
            warm_up=warm_up,
        )
        at_least(0, degree=degree, season=season)
        blocks: list[nn.Module] = [Trend(spec, latent_dim, hidden, degree)]
        if season:
            blocks.append(Season(spec, latent_dim, hidden, season))
        per_element = self.observation.per_element
        self.encoder = ConvolutionalEncoder(spec, latent_dim, hidden, layers)
        self.decoder = SumDecoder(ConvolutionalDecoder(spec, latent_dim, hidden, layers, per_element), blocks)
