"""Any function of latents as the likelihood of a Hamiltonian Monte Carlo target."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor


class CallableLikelihood:
    """A `LatentLikelihood` made of a differentiable function from z (n, c, *latent) to log p(x | z) (n, c)."""

    def __init__(self, log_likelihood: Callable[[Tensor], Tensor]) -> None:
        self._log_likelihood = log_likelihood

    def value_and_score(
        self, z: Float[Tensor, "n c *latent"]
    ) -> tuple[Float[Tensor, "n c"], Float[Tensor, "n c *latent"]]:
        with torch.enable_grad():
            leaf = z.detach().requires_grad_()
            value = self._log_likelihood(leaf)
            (gradient,) = torch.autograd.grad(value.sum(), leaf)
        return value.detach(), gradient

    def score(self, z: Float[Tensor, "n c *latent"]) -> Float[Tensor, "n c *latent"]:
        return self.value_and_score(z)[1]
