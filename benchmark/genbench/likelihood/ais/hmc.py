"""Hamiltonian Monte Carlo on tempered posteriors, with many chains in one tensor.

Duane et al. 1987; Neal 2011, "MCMC using Hamiltonian dynamics". The target of every chain is f_beta(u) = p(u)
p(x | u)^beta, where u are the unbounded coordinates of the latents. Shapes: n examples, c chains of each.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from genbench.likelihood.ais.chain_noise import StepNoise
from genbench.likelihood.ais.latent_space import LatentSpace

# Step sizes vary by up to this share between trajectories, so that no chain returns periodically to where it began
# (Neal 2011, section 3.2).
_JITTER = 0.2


@runtime_checkable
class LatentLikelihood(Protocol):
    """log p(x_n | z) of n examples, each with its own latents."""

    def value_and_score(
        self, z: Float[Tensor, "n c *latent"]
    ) -> tuple[Float[Tensor, "n c"], Float[Tensor, "n c *latent"]]:
        """log p(x | z), and its gradient with respect to z."""

    def score(self, z: Float[Tensor, "n c *latent"]) -> Float[Tensor, "n c *latent"]:
        """Only the gradient."""


@dataclass(frozen=True)
class State:
    """The positions of the chains, with everything that a step at any beta needs there."""

    position: Float[Tensor, "n c dim"]
    """Unbounded coordinates u of the latents."""
    log_prior: Float[Tensor, "n c"]
    """log p(u)."""
    log_likelihood: Float[Tensor, "n c"]
    """log p(x | u)."""
    prior_score: Float[Tensor, "n c dim"]
    """Gradient of log p(u) with respect to u."""
    likelihood_score: Float[Tensor, "n c dim"]
    """Gradient of log p(x | u) with respect to u."""

    def log_density(self, beta: float) -> Float[Tensor, "n c"]:
        """log f_beta(u)."""
        return self.log_prior + beta * self.log_likelihood

    def where(self, chosen: Bool[Tensor, "n c"], other: State) -> State:
        """This state for the chosen chains, and `other` for the rest."""
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(State))
        return State(*(torch.where(chosen if a.dim() == 2 else chosen.unsqueeze(2), a, b) for a, b in pairs))


class Target:
    """The densities f_beta for all beta."""

    def __init__(self, latents: LatentSpace, likelihood: LatentLikelihood) -> None:
        self.latents = latents
        self.likelihood = likelihood

    def state(self, position: Float[Tensor, "n c dim"]) -> State:
        """The state of chains at these positions."""
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
    """Turns a gradient with respect to the latents into one with respect to the position."""

    position: Tensor
    """Unbounded coordinates."""
    z: Tensor
    """The latents at the position, with the graph that leads back to it."""

    def __call__(self, score: Tensor) -> Tensor:
        """The gradient with respect to the position."""
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
    """Follow the dynamics of -log f_beta for `steps` steps. Returns state and momentum at the end.

    The map is reversible: from the end, with the momentum negated, it leads back to the start. A chain whose position
    becomes infinite stays at its start, with a log-density of NaN.
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
    """One trajectory, which is accepted or rejected and leaves f_beta invariant. Returns the state and the probability
    of acceptance."""
    size = step_size * (1 + _JITTER * (2 * noise.jitter - 1))
    end, momentum = leapfrog(target, state, noise.momentum, size, beta, leapfrog_steps)
    before = state.log_density(beta).double() - 0.5 * noise.momentum.double().square().sum(2)
    after = end.log_density(beta).double() - 0.5 * momentum.double().square().sum(2)
    # a proposal with parts that are not finite is rejected, since it would spoil the chain
    whole = after.isfinite() & end.likelihood_score.isfinite().all(2) & end.prior_score.isfinite().all(2)
    log_ratio = torch.where(whole, after - before, -torch.inf)
    accepted = noise.accept.double().log() < log_ratio
    return end.where(accepted, state), log_ratio.clamp(max=0).exp()
