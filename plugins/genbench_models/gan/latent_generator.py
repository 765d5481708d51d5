"""What all GANs of this package share: a generator that maps Gaussian noise to data."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genbench import DataSpec, GenerativeModel
from genbench_models.layers.networks import evaluation_mode, standard_normal
from genbench_models.layers.standardise import Standardise


class LatentGenerator(GenerativeModel):
    """x = G(z), z ~ N(0, I).

    Networks think in standardised units: [-1, 1] behind a tanh for data with levels (Radford et al. 2016),
    mean 0 and variance 1 for real data. Samples of data with levels are rounded to the nearest level.
    Subclasses set `generator`, (N, latent_dim) -> (N, *event_shape).
    """

    generator: nn.Module

    def __init__(self, spec: DataSpec, latent_dim: int) -> None:
        super().__init__(spec)
        self.latent_dim = latent_dim
        self.standardise = Standardise(spec)

    @property
    def prior(self) -> torch.distributions.Distribution:
        """N(0, I) over (latent_dim,)."""
        return standard_normal(self.latent_dim, self.device)

    def noise(self, count: int) -> Float[Tensor, "{count} latent"]:
        """Latents for training, from torch's global generator."""
        return torch.randn(count, self.latent_dim, device=self.device)

    def decode(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch *event"]:
        """G(z) on the data's scale, before any rounding; differentiable in z."""
        with evaluation_mode(self.generator):
            decoded: Tensor = self.standardise.inverse(self.generator(z))
        return decoded

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape) in the data's domain."""
        z = torch.randn(count, self.latent_dim, generator=generator, device=self.device)
        x = self.decode(z)
        if self.spec.levels is None:
            return x
        return x.round().clamp(0, self.spec.levels - 1).long()
