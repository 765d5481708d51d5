"""What all GANs of this package share: a generator that maps Gaussian noise to data."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genbench import DataSpec, GenerativeModel
from genbench_models.layers.moving_average import averaged_copy, follow
from genbench_models.layers.networks import evaluation_mode, standard_normal
from genbench_models.layers.ranges import at_least
from genbench_models.layers.standardise import Standardise


class LatentGenerator(GenerativeModel):
    """x = G(z), z ~ N(0, I).

    Networks work in standardised units: [-1, 1] behind a tanh for data with levels (Radford et al. 2016),
    mean 0 and variance 1 for real data. Samples of data with levels are rounded to the nearest level.
    Subclasses set `generator`, (N, latent_dim) -> (N, *event_shape).
    """

    generator: nn.Module
    averaged: nn.Module | None
    """The moving average of the generator, if there is one (Yazıcı et al. 2019): samples come from it."""

    def __init__(self, spec: DataSpec, latent_dim: int) -> None:
        super().__init__(spec)
        at_least(1, latent_dim=latent_dim)
        self.latent_dim = latent_dim
        self.standardise = Standardise(spec)
        # not an attribute of the class, where it would hide the module that is set later
        self.averaged = None

    @property
    def prior(self) -> torch.distributions.Distribution:
        """N(0, I) over (latent_dim,)."""
        return standard_normal(self.latent_dim, self.device)

    def noise(self, count: int) -> Float[Tensor, "{count} latent"]:
        """Latents for training, from torch's global generator."""
        return torch.randn(count, self.latent_dim, device=self.device)

    def keep_average(self, decay: float) -> None:
        """Call once `generator` is set. decay: of the moving average; 0 for none."""
        self._averaged_steps = 0
        if decay:
            self.averaged = averaged_copy(self.generator)

    def update_average(self, decay: float) -> None:
        """After each step of the generator."""
        if self.averaged is not None:
            follow(self.averaged, self.generator, decay, self._averaged_steps)
            self._averaged_steps += 1

    def decode(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch *event"]:
        """G(z) on the data's scale, before any rounding; differentiable in z."""
        network = self.generator if self.averaged is None else self.averaged
        with evaluation_mode(network):
            decoded: Tensor = self.standardise.inverse(network(z))
        return decoded

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape) in the data's domain."""
        z = torch.randn(count, self.latent_dim, generator=generator, device=self.device)
        return self.to_levels(self.decode(z))

    def to_levels(self, decoded: Float[Tensor, "batch *event"]) -> Tensor:
        """The nearest level, for data with levels."""
        if self.spec.levels is None:
            return decoded
        return decoded.round().clamp(0, self.spec.levels - 1).long()
