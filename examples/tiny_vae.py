"""A model in one file: a small variational autoencoder, for points, images and series.

    genai-bench run -m examples/tiny_vae.py:TinyVAE -m vae -d ring8 --budget 10cpu-s
    genai-bench plugin check examples/tiny_vae.py:TinyVAE

Kingma & Welling 2014, "Auto-Encoding Variational Bayes", https://arxiv.org/abs/1312.6114
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.api import (
    discretised_logistic_log_prob,
    discretised_logistic_sample,
    gaussian_log_prob,
    gaussian_sample,
)


class TinyVAE(GenerativeModel):
    """A variational autoencoder of two networks with one hidden layer each."""

    family = "vae"
    modalities = ("points", "image", "series")

    # Hyperparameters are keyword arguments with defaults: -m examples/tiny_vae.py:TinyVAE:latent_dim=2
    def __init__(
        self, spec: DataSpec, *, latent_dim: int = 8, hidden: int = 128, learning_rate: float = 2e-3
    ) -> None:
        super().__init__(spec)
        self.latent_dim = latent_dim
        self.learning_rate = learning_rate
        size = spec.dimension
        self.encoder = nn.Sequential(nn.Linear(size, hidden), nn.SiLU(), nn.Linear(hidden, 2 * latent_dim))
        self.decoder = nn.Sequential(nn.Linear(latent_dim, hidden), nn.SiLU(), nn.Linear(hidden, size))
        self.log_scale = nn.Parameter(torch.zeros(size))  # of the noise on each number, in units of `unit`
        # What is learned and has to be saved is a parameter or a buffer: center and unit of each number of the data.
        self.register_buffer("center", torch.zeros(size))
        self.register_buffer("unit", torch.ones(size))

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        numbers = train.tensor().flatten(1).float()  # (N, D)
        self.center = numbers.mean(0)
        self.unit = numbers.std(0, correction=0).clamp(min=0.1)  # a number may be constant in training
        optimiser = torch.optim.Adam(self.parameters(), self.learning_rate)
        for batch in meter.batches(train, batch_size=64):  # ends where the budget does
            loss = -self.log_weights(batch.x, k=1).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            meter.log(loss=loss)

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        """(N, *event_shape) -> (N, k) nats: log p(x, z) - log q(z | x) for k draws of z. The harness makes bounds on
        the likelihood of them."""
        seen = ((x.flatten(1) - self.center) / self.unit).clamp(-10, 10)  # far from the data, too
        mean, log_std = self.encoder(seen).unsqueeze(1).chunk(2, dim=-1)
        log_std = log_std.clamp(-5, 2)
        noise = torch.randn(len(x), k, self.latent_dim, device=self.device)
        z = mean + log_std.exp() * noise  # (N, k, latent_dim)
        log_prior = gaussian_log_prob(z, torch.zeros_like(z), torch.zeros_like(z)).sum(-1)
        log_posterior = gaussian_log_prob(z, mean.expand_as(z), log_std).sum(-1)
        return self.log_likelihood(x, z) + log_prior - log_posterior

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """log p(x | z), (N, k) nats. Integers have probabilities, real numbers have densities."""
        means, log_scale = self.observation(z)
        wanted = x.flatten(1).unsqueeze(1).expand_as(means)
        if self.spec.levels is None:
            return gaussian_log_prob(wanted, means, log_scale).sum(-1)
        return discretised_logistic_log_prob(wanted, means, log_scale, self.spec.levels).sum(-1)

    def observation(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log-scales of p(x | z) on the scale of the data, (..., D) each."""
        means = self.center + self.unit * self.decoder(z)
        return means, (self.log_scale + self.unit.log()).expand_as(means)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape) in the domain of the data. All randomness comes from the generator."""
        z = torch.randn(count, self.latent_dim, generator=generator, device=self.device)
        means, log_scale = self.observation(z)
        if self.spec.levels is None:
            drawn = gaussian_sample(means, log_scale, generator)
        else:
            drawn = discretised_logistic_sample(means, log_scale, self.spec.levels, generator)
        return drawn.reshape(count, *self.spec.event_shape)
