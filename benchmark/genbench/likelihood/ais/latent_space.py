"""Unbounded coordinates of a decoder's latents, in which Hamiltonian dynamics can move freely."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, Independent, MixtureSameFamily, Normal, biject_to

from genbench.errors import LikelihoodUnavailable, PluginError


class LatentSpace:
    """Coordinates u in R^D of latents z ~ prior: z = T(u), where T is the bijection that torch.distributions has for
    the prior's support: the identity for a Gaussian, a scaled sigmoid for a uniform distribution.

    The density of u is p(T(u)) |det dT/du|, so that a path between prior and posterior of u is one between those of z.
    Raises LikelihoodUnavailable where the support is discrete or has no such bijection.
    """

    def __init__(self, prior: Distribution) -> None:
        self.prior = prior
        # a mixture has the support of its components, but torch has no bijection for a mixture's own constraint
        support = (prior.component_distribution if isinstance(prior, MixtureSameFamily) else prior).support
        if support is None or support.is_discrete:
            raise LikelihoodUnavailable(f"AIS needs a continuous prior, not {type(prior).__name__}")
        try:
            self._transform = biject_to(support)
        except NotImplementedError:
            raise LikelihoodUnavailable(
                f"AIS knows no way to move on the support of the prior {type(prior).__name__}"
            ) from None
        probe = self.draw([0], 2)
        self.shape: tuple[int, ...] = tuple(probe.shape[2:])
        if not probe.is_floating_point():
            raise PluginError(f"prior.sample returned {probe.dtype}, expected floating point")
        self.device, self.dtype = probe.device, probe.dtype
        unbounded = self._transform.inv(probe)
        self._unbounded_shape = tuple(unbounded.shape[2:])
        self.dimension = unbounded[0, 0].numel()
        normal = _as_normal(prior)
        self._normal = None if normal is None else _expanded(normal, self.shape)

    def draw(self, seeds: Sequence[int], chains: int) -> Float[Tensor, "n {chains} *latent"]:
        """`chains` latents for each seed. torch's global generators are restored."""
        devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
        with torch.no_grad(), torch.random.fork_rng(devices=devices):
            draws = []
            for seed in seeds:
                torch.manual_seed(seed)
                draws.append(self.prior.sample((chains,)))
        return torch.stack(draws)

    def to_vectors(self, z: Float[Tensor, "n c *latent"]) -> Float[Tensor, "n c {self.dimension}"]:
        """Coordinates of latents."""
        vectors: Tensor = self._transform.inv(z).flatten(2)
        return vectors

    def to_latents(self, u: Float[Tensor, "n c dim"]) -> Float[Tensor, "n c *latent"]:
        """Latents of coordinates; differentiable."""
        latents: Tensor = self._transform(u.unflatten(2, self._unbounded_shape))
        return latents

    def log_prob(self, u: Float[Tensor, "n c dim"]) -> Float[Tensor, "n c"]:
        """Log-density of coordinates; differentiable."""
        if self._normal is not None:
            mean, scale = self._normal
            constant = -scale.log().sum() - 0.5 * self.dimension * _LOG_TWO_PI
            normal: Tensor = constant - 0.5 * ((u - mean) / scale).square().sum(2)
            return normal
        unbounded = u.unflatten(2, self._unbounded_shape)
        z = self._transform(unbounded)
        volume = self._transform.log_abs_det_jacobian(unbounded, z)
        n, c = u.shape[:2]
        # a prior that is not wrapped in Independent returns one number for each element
        density: Tensor = self.prior.log_prob(z).reshape(n, c, -1).sum(2)
        log_prob: Tensor = density + volume.reshape(n, c, -1).sum(2)
        return log_prob

    def score(self, u: Float[Tensor, "n c dim"]) -> Float[Tensor, "n c dim"]:
        """Gradient of the log-density with respect to the coordinates."""
        if self._normal is not None:
            mean, scale = self._normal
            return (mean - u) / scale.square()
        with torch.enable_grad():
            leaf = u.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self.log_prob(leaf).sum(), leaf)
        return gradient


_LOG_TWO_PI = 1.8378770664093453


def _as_normal(prior: Distribution) -> Normal | None:
    while isinstance(prior, Independent):
        prior = prior.base_dist
    return prior if isinstance(prior, Normal) else None


def _expanded(normal: Normal, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation as vectors."""
    return normal.loc.detach().expand(shape).flatten(), normal.scale.detach().expand(shape).flatten()
