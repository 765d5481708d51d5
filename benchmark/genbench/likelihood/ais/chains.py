"""Markov chains that move from one density to another, and their log-weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genbench.likelihood.ais.chain_noise import ChainNoise
from genbench.likelihood.ais.hmc import State, Target, hmc_transition
from genbench.util.seeding import derive_seed

# An example's chains are resampled where their effective number is less than this share of them (Liu & Chen 1995).
_WORTH = 0.5


@dataclass(frozen=True)
class Annealed:
    """The result of annealing c chains of each of n examples."""

    log_weights: Float[Tensor, "n c"]
    """Log-weights, float64."""
    state: State
    """The states in which the chains ended."""
    acceptance: Float[Tensor, " n"]
    """Mean probability of acceptance of each example's chains."""

    @property
    def lower_bound(self) -> Float[Tensor, " n"]:
        """The logarithm of the mean weight, for forward chains."""
        return torch.logsumexp(self.log_weights, 1) - math.log(self.log_weights.shape[1])

    @property
    def upper_bound(self) -> Float[Tensor, " n"]:
        """The negative logarithm of the mean inverse weight, for backward chains."""
        return math.log(self.log_weights.shape[1]) - torch.logsumexp(-self.log_weights, 1)


class Chains:
    """`chains` Markov chains for each seed, under one target. start: their positions; None draws them from the
    prior."""

    def __init__(
        self,
        target: Target,
        seeds: Sequence[int],
        chains: int,
        start: Float[Tensor, "n c dim"] | None = None,
    ) -> None:
        latents = target.latents
        if start is None:
            # with its own seed, so that start and first momentum are not equal numbers
            start = latents.to_vectors(latents.draw([derive_seed(seed, "start") for seed in seeds], chains))
        self.target = target
        self.state = target.state(start)
        self.log_weights = torch.zeros(start.shape[:2], dtype=torch.float64, device=start.device)
        self._acceptance = torch.zeros(len(seeds), dtype=torch.float64, device=start.device)
        self._moves = 0
        self._noise = iter(ChainNoise(seeds, chains, latents.dimension, start.device, start.dtype))

    def weigh(self, by: float) -> None:
        """Multiply the weights by the likelihood to the power `by`."""
        self.log_weights = self.log_weights + by * self.state.log_likelihood.double()

    def meet(self, target: Target) -> None:
        """Replace the target, and multiply the weights by the quotient of the new and the old likelihood."""
        before = self.state.log_likelihood.double()
        self.target, self.state = target, target.state(self.state.position)
        self.log_weights = self.log_weights + (self.state.log_likelihood.double() - before)

    def move(self, step_size: Float[Tensor, " #n"], beta: float, leapfrog_steps: int) -> Float[Tensor, " n"]:
        """Make one transition. Returns the mean probability of acceptance of each example's chains."""
        size = step_size.to(self.state.position).unsqueeze(1)
        self.state, probability = hmc_transition(
            self.target, self.state, next(self._noise), size, beta, leapfrog_steps
        )
        accepted = probability.double().mean(1)
        self._acceptance += accepted
        self._moves += 1
        return accepted

    def deviation(self) -> Float[Tensor, " n"]:
        """Weighted standard deviation of log p(x | z) between an example's chains."""
        values, shares = self.state.log_likelihood.double(), self._shares()
        mean = (shares * values).sum(1, keepdim=True)
        freedom = 1 - shares.square().sum(1)  # Bessel's correction: 1 - 1/n for n equal weights
        return ((shares * (values - mean).square()).sum(1) / freedom).sqrt()

    def resample(self, generator: torch.Generator) -> None:
        """Where few of an example's chains have most of its weight, copy these in place of the others, and give all
        chains equal weights.

        Chains that are stuck far from the posterior do not represent it. The mean weight does not change, so that the
        expectation of the estimate does not change (Del Moral et al. 2006, "Sequential Monte Carlo samplers").
        generator: on the CPU.
        """
        shares = self._shares()
        poor = shares.square().sum(1, keepdim=True) * shares.shape[1] > 1 / _WORTH
        chosen = torch.where(poor, _systematic(shares, generator), _own(shares))
        self.state = State(*(_taken(getattr(self.state, field.name), chosen) for field in fields(State)))
        self.log_weights = torch.where(poor, self.annealed().lower_bound.unsqueeze(1), self.log_weights)

    def _shares(self) -> Float[Tensor, "n c"]:
        """Each chain's share of its example's weight; equal where no weight is finite."""
        shares = (self.log_weights - torch.logsumexp(self.log_weights, 1, keepdim=True)).exp()
        return torch.where(shares.isfinite().all(1, keepdim=True), shares, 1 / shares.shape[1])

    def annealed(self) -> Annealed:
        """The result so far."""
        return Annealed(self.log_weights, self.state, self._acceptance / max(1, self._moves))


def _systematic(shares: Float[Tensor, "n c"], generator: torch.Generator) -> Int[Tensor, "n c"]:
    """Indices of chains by systematic resampling: each as often as its share times c, rounded up or down."""
    n, c = shares.shape
    offset = torch.rand(n, 1, generator=generator, dtype=torch.float64).to(shares.device)
    points = (torch.arange(c, device=shares.device) + offset) / c
    return torch.searchsorted(shares.cumsum(1), points * shares.sum(1, keepdim=True)).clamp(max=c - 1)


def _own(shares: Float[Tensor, "n c"]) -> Int[Tensor, "n c"]:
    return torch.arange(shares.shape[1], device=shares.device).expand(shares.shape)


def _taken(values: Tensor, chosen: Int[Tensor, "n c"]) -> Tensor:
    if values.dim() == 2:
        return values.gather(1, chosen)
    return values.gather(1, chosen.unsqueeze(2).expand(values.shape))
