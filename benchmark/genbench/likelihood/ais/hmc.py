"""Hamiltonian Monte Carlo on tempered posteriors, many chains in one tensor.

Duane et al. 1987; Neal 2011, "MCMC using Hamiltonian dynamics". The target of every chain is
f_beta(u) = p(u) p(x | u)^beta, p(u) over the unbounded coordinates of the latents. Shapes: n examples,
c chains of each.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from genbench.likelihood.ais.chain_noise import StepNoise
from genbench.likelihood.ais.latent_space import LatentSpace

# Step sizes vary by this share either way from one trajectory to the next, so that no trajectory keeps coming
# round to where it began (Neal 2011, section 3.2).
_JITTER = 0.2


@runtime_checkable
class LatentLikelihood(Protocol):
    """log p(x_n | z) of n examples, each with latents of its own."""

    def value_and_score(
        self, z: Float[Tensor, "n c *latent"]
    ) -> tuple[Float[Tensor, "n c"], Float[Tensor, "n c *latent"]]:
        """log p(x | z), and its gradient by z."""

    def score(self, z: Float[Tensor, "n c *latent"]) -> Float[Tensor, "n c *latent"]:
        """The gradient alone."""


@dataclass(frozen=True)
class State:
    """Where the chains are, and all that the next step needs to know there, whatever its beta.

    Scores are gradients of the two logarithms by the position.
    """

    position: Float[Tensor, "n c dim"]
    log_prior: Float[Tensor, "n c"]
    log_likelihood: Float[Tensor, "n c"]
    prior_score: Float[Tensor, "n c dim"]
    likelihood_score: Float[Tensor, "n c dim"]

    def log_density(self, beta: float) -> Float[Tensor, "n c"]:
        return self.log_prior + beta * self.log_likelihood

    def where(self, chosen: Bool[Tensor, "n c"], other: State) -> State:
        """This state for the chosen chains, the other one for the rest."""
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(State))
        return State(*(torch.where(chosen if a.dim() == 2 else chosen.unsqueeze(2), a, b) for a, b in pairs))


class Target:
    """f_beta for any beta."""

    def __init__(self, latents: LatentSpace, likelihood: LatentLikelihood) -> None:
        self.latents = latents
        self.likelihood = likelihood

    def state(self, position: Float[Tensor, "n c dim"]) -> State:
        z, pull_back = self._latents_at(position)
        log_likelihood, score = self.likelihood.value_and_score(z)
        return State(
            position,
            self.latents.log_prob(position),
            log_likelihood,
            self.latents.score(position),
            pull_back(score),
        )

    def score(self, position: Float[Tensor, "n c dim"], beta: float) -> Float[Tensor, "n c dim"]:
        """d log f_beta / d position."""
        z, pull_back = self._latents_at(position)
        return self.latents.score(position) + beta * pull_back(self.likelihood.score(z))

    def _latents_at(self, position: Tensor) -> tuple[Tensor, _PullBack]:
        with torch.enable_grad():
            leaf = position.detach().requires_grad_()
            z = self.latents.to_latents(leaf)
        return z.detach(), _PullBack(leaf, z)


@dataclass(frozen=True)
class _PullBack:
    """A gradient by z to one by the position."""

    position: Tensor
    z: Tensor

    def __call__(self, score: Tensor) -> Tensor:
        (gradient,) = torch.autograd.grad(self.z, self.position, score)
        return gradient


def leapfrog(
    target: Target,
    start: State,
    momentum: Float[Tensor, "n c dim"],
    step_size: Float[Tensor, "n c"],
    beta: float,
    steps: int,
) -> tuple[State, Float[Tensor, "n c dim"]]:
    """Follow the dynamics of -log f_beta for `steps` steps; position and momentum at the end.

    Reversible: from the end, with the momentum negated, it leads back to the start. A chain that leaves the
    numbers stands still, with a log density of NaN.
    """
    size = step_size.unsqueeze(2)
    momentum = momentum + 0.5 * size * (start.prior_score + beta * start.likelihood_score)
    position = start.position
    lost = torch.zeros_like(step_size, dtype=torch.bool)
    for step in range(steps):
        position = position + size * momentum
        lost = lost | ~position.isfinite().all(2)
        position = torch.where(lost.unsqueeze(2), start.position, position)
        if step < steps - 1:
            momentum = momentum + size * target.score(position, beta)
    end = target.state(position)
    momentum = momentum + 0.5 * size * (end.prior_score + beta * end.likelihood_score)
    nowhere = torch.full_like(end.log_prior, torch.nan)
    return State(
        end.position,
        torch.where(lost, nowhere, end.log_prior),
        end.log_likelihood,
        end.prior_score,
        end.likelihood_score,
    ), momentum


def hmc_transition(
    target: Target,
    state: State,
    noise: StepNoise,
    step_size: Float[Tensor, "#n #c"],
    beta: float,
    leapfrog_steps: int,
) -> tuple[State, Float[Tensor, "n c"]]:
    """One trajectory, accepted or not; leaves f_beta invariant. Also the probability of acceptance."""
    size = step_size * (1 + _JITTER * (2 * noise.jitter - 1))
    end, momentum = leapfrog(target, state, noise.momentum, size, beta, leapfrog_steps)
    before = state.log_density(beta).double() - 0.5 * noise.momentum.double().square().sum(2)
    after = end.log_density(beta).double() - 0.5 * momentum.double().square().sum(2)
    # a proposal that is not finite in all its parts would spoil the chain: probability 0
    whole = after.isfinite() & end.likelihood_score.isfinite().all(2) & end.prior_score.isfinite().all(2)
    log_ratio = torch.where(whole, after - before, -torch.inf)
    accepted = noise.accept.double().log() < log_ratio
    return end.where(accepted, state), log_ratio.clamp(max=0).exp()
