"""log p(x | z) of examples under a decoder and an observation model, and its gradient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from genbench.api.model import HasDecoder
from genbench.errors import PluginError
from genbench.likelihood.ais.decoder_observation import DecoderObservation


class DecodedLikelihood:
    """The `LatentLikelihood` of x ~ observation(decode(z)).

    x: examples, (n, *event). log_scale: of each example's observation model, (n,). Only z gets gradients; the model's
    parameters get none.
    """

    def __init__(
        self,
        model: HasDecoder,
        observation: DecoderObservation,
        x: Shaped[Tensor, "n *event"],
        log_scale: Float[Tensor, " n"],
    ) -> None:
        self._model = model
        self._observation = observation
        self._x = x.unsqueeze(1)
        self._log_scale = log_scale.reshape(-1, *[1] * x.dim())

    def value_and_score(
        self, z: Float[Tensor, "n c *latent"]
    ) -> tuple[Float[Tensor, "n c"], Float[Tensor, "n c *latent"]]:
        leaf, mean = self._decoded(z)
        fixed = mean.detach()
        value = self._observation.log_prob(self._x, fixed, self._log_scale).flatten(2).sum(2)
        return value, self._pulled_back(leaf, mean)

    def score(self, z: Float[Tensor, "n c *latent"]) -> Float[Tensor, "n c *latent"]:
        return self._pulled_back(*self._decoded(z))

    def _decoded(self, z: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            leaf = z.detach().requires_grad_()
            shape = self._observation.mean_shape(tuple(self._x.shape[2:]))
            mean = decode(self._model, leaf.flatten(0, 1), shape)
            mean = mean.unflatten(0, z.shape[:2])
        return leaf, mean

    def _pulled_back(self, leaf: Tensor, mean: Tensor) -> Tensor:
        score = self._observation.score(self._x, mean.detach(), self._log_scale)
        (gradient,) = torch.autograd.grad(mean, leaf, score.to(mean.dtype), allow_unused=True)
        if gradient is None:
            raise PluginError("decode is not differentiable in z")
        return gradient


def decode(model: HasDecoder, z: Tensor, mean_shape: tuple[int, ...]) -> Tensor:
    """model.decode(z), checked. mean_shape: of one decoded latent. Raises PluginError where the result has another
    shape or type, or is not differentiable."""
    mean: object = model.decode(z)
    if not isinstance(mean, Tensor):
        raise PluginError(f"decode returned {type(mean).__name__}, expected a tensor")
    expected = (len(z), *mean_shape)
    if tuple(mean.shape) != expected:
        raise PluginError(
            f"decode of {len(z)} latents returned shape {tuple(mean.shape)}, expected {expected}"
        )
    if not mean.is_floating_point():
        raise PluginError(f"decode returned {mean.dtype}, expected floating point")
    if torch.is_grad_enabled() and not mean.requires_grad:
        raise PluginError("decode is not differentiable in z")
    return mean


@contextmanager
def evaluating(model: object) -> Iterator[None]:
    """Put every module into evaluation mode inside the block, and restore its mode afterwards. Batch normalisation
    then uses its running statistics, so that an example's likelihood does not depend on the batch."""
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    flags = [module.training for module in modules]
    for module in modules:
        module.training = False
    try:
        yield
    finally:
        for module, flag in zip(modules, flags, strict=True):
            module.training = flag
