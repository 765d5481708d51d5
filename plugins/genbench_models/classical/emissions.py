"""What the states of a hidden Markov model emit, with the sums from which they are estimated anew."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from jaxtyping import Float64, Shaped
from torch import Tensor, nn

from genbench import DataSpec

_PSEUDO_COUNT = 0.1
"""As if every state had emitted this much of the marginal distribution besides what it did."""
_MIN_VARIANCE = 1e-4
"""The least variance of a state's emissions, in standardised units."""
_MAX_CHUNK_NUMBERS = 2**22
_MAX_FIRST_STEPS = 4096


class Emission(nn.Module, ABC):
    """The distribution of one step (channels) in each state."""

    @abstractmethod
    def start(self, steps: Shaped[Tensor, "n channels"]) -> None:
        """Measure what smoothing needs, and make every state like one step of the data, drawn by torch's global
        generator. steps: all steps of training examples."""

    @abstractmethod
    def log_prob(self, steps: Shaped[Tensor, "n channels"]) -> Float64[Tensor, "n states"]:
        """Nats of each step in each state."""

    @abstractmethod
    def sums(
        self, steps: Shaped[Tensor, "n channels"], shares: Float64[Tensor, "n states"]
    ) -> tuple[Tensor, ...]:
        """Sufficient statistics of steps of which each state has a share; the first is the sum of shares, (states,)."""

    @abstractmethod
    def maximise(self, sums: tuple[Tensor, ...]) -> None:
        """Estimate from such sums."""

    @abstractmethod
    def sample(
        self, states: Shaped[Tensor, " n"], generator: torch.Generator
    ) -> Shaped[Tensor, "n channels"]:
        """One step for each state."""


class Categorical(Emission):
    """Integers: channels are independent given the state."""

    log_probs: Tensor
    marginal: Tensor

    def __init__(self, states: int, channels: int, levels: int) -> None:
        super().__init__()
        even = torch.full((states, channels, levels), -math.log(levels), dtype=torch.float64)
        self.register_buffer("log_probs", even)
        self.register_buffer("marginal", even[0].exp())

    @property
    def levels(self) -> int:
        return self.log_probs.shape[2]

    def start(self, steps: Shaped[Tensor, "n channels"]) -> None:
        ones = torch.ones(len(steps), 1, dtype=torch.float64, device=steps.device)
        counts = self.sums(steps, ones)[1][0] + 0.5
        self.marginal.copy_(counts / counts.sum(1, keepdim=True))
        chosen = _different(steps, len(self.log_probs))
        own = nn.functional.one_hot(chosen, self.levels)
        self.log_probs.copy_((0.5 * own + 0.5 * self.marginal).log())

    def log_prob(self, steps: Shaped[Tensor, "n channels"]) -> Float64[Tensor, "n states"]:
        if steps.shape[1] == 1:
            return self.log_probs[:, 0].T[steps[:, 0]]
        table = self.log_probs.flatten(1).T  # channels x levels, states
        return torch.cat([self._one_hot(some) @ table for some in self._chunks(steps)])

    def sums(
        self, steps: Shaped[Tensor, "n channels"], shares: Float64[Tensor, "n states"]
    ) -> tuple[Tensor, ...]:
        channels, states = steps.shape[1], shares.shape[1]
        if channels == 1:
            by_level = torch.zeros(self.levels, states, dtype=torch.float64, device=steps.device)
            counts = by_level.index_add_(0, steps[:, 0], shares).T
        else:
            counts = torch.zeros(states, channels * self.levels, dtype=torch.float64, device=steps.device)
            chunks = self._chunks(steps)
            for some, weights in zip(chunks, shares.split([len(each) for each in chunks]), strict=True):
                counts += weights.T @ self._one_hot(some)
        return shares.sum(0), counts.reshape(states, channels, self.levels)

    def maximise(self, sums: tuple[Tensor, ...]) -> None:
        counts = sums[1] + _PSEUDO_COUNT * self.marginal
        self.log_probs.copy_((counts / counts.sum(2, keepdim=True)).log())

    def sample(
        self, states: Shaped[Tensor, " n"], generator: torch.Generator
    ) -> Shaped[Tensor, "n channels"]:
        probabilities = self.log_probs[states].exp()  # n channels levels
        uniform = torch.rand(
            (*probabilities.shape[:2], 1), generator=generator, device=states.device, dtype=torch.float64
        )
        return (probabilities.cumsum(2)[..., :-1] <= uniform).sum(2)

    def _one_hot(self, steps: Shaped[Tensor, "n channels"]) -> Float64[Tensor, "n channels_levels"]:
        return nn.functional.one_hot(steps, self.levels).flatten(1).double()

    def _chunks(self, steps: Shaped[Tensor, "n channels"]) -> tuple[Tensor, ...]:
        chunks: tuple[Tensor, ...] = steps.split(max(1, _MAX_CHUNK_NUMBERS // self.marginal.numel()))
        return chunks


class Gaussian(Emission):
    """Real values, standardised: a normal distribution with a full covariance in each state."""

    means: Tensor
    factors: Tensor
    marginal: Tensor

    def __init__(self, states: int, channels: int) -> None:
        super().__init__()
        eye = torch.eye(channels, dtype=torch.float64)
        self.register_buffer("means", torch.zeros(states, channels, dtype=torch.float64))
        # lower Cholesky factors of the covariances
        self.register_buffer("factors", eye.expand(states, -1, -1).clone())
        self.register_buffer("marginal", eye.clone())

    def start(self, steps: Shaped[Tensor, "n channels"]) -> None:
        centred = steps - steps.mean(0)
        self.marginal.copy_(
            centred.T @ centred / len(steps)
            + _MIN_VARIANCE * torch.eye(steps.shape[1], dtype=steps.dtype, device=steps.device)
        )
        self.means.copy_(_different(steps, len(self.means)))
        self.factors.copy_(torch.linalg.cholesky(self.marginal).expand_as(self.factors))

    def log_prob(self, steps: Shaped[Tensor, "n channels"]) -> Float64[Tensor, "n states"]:
        centred = (steps.unsqueeze(0) - self.means.unsqueeze(1)).mT  # states channels n
        whitened = torch.linalg.solve_triangular(self.factors, centred, upper=False)
        log_det = self.factors.diagonal(dim1=1, dim2=2).log().sum(1)
        constant = 0.5 * steps.shape[1] * math.log(2 * math.pi)
        logs: Tensor = -0.5 * whitened.square().sum(1).T - log_det - constant
        return logs

    def sums(
        self, steps: Shaped[Tensor, "n channels"], shares: Float64[Tensor, "n states"]
    ) -> tuple[Tensor, ...]:
        products = (steps.unsqueeze(2) * steps.unsqueeze(1)).flatten(1)  # n channels^2
        size = steps.shape[1]
        return shares.sum(0), shares.T @ steps, (shares.T @ products).reshape(-1, size, size)

    def maximise(self, sums: tuple[Tensor, ...]) -> None:
        weight, first, second = sums
        total = weight.clamp(min=1e-10)[:, None]
        means = first / total
        scatter = second - total[:, :, None] * means.unsqueeze(2) * means.unsqueeze(1)
        covariances = (scatter + _PSEUDO_COUNT * self.marginal) / (total[:, :, None] + _PSEUDO_COUNT)
        floor = _MIN_VARIANCE * torch.eye(means.shape[1], dtype=means.dtype, device=means.device)
        self.means.copy_(means)
        self.factors.copy_(torch.linalg.cholesky(covariances + floor))

    def sample(
        self, states: Shaped[Tensor, " n"], generator: torch.Generator
    ) -> Shaped[Tensor, "n channels"]:
        noise = torch.randn(
            len(states), self.means.shape[1], generator=generator, device=states.device, dtype=torch.float64
        )
        return self.means[states] + (self.factors[states] @ noise.unsqueeze(2)).squeeze(2)


def _different(steps: Shaped[Tensor, "n channels"], count: int) -> Shaped[Tensor, "count channels"]:
    """Steps drawn by torch's global generator, no two alike as long as there are others."""
    drawn = steps[torch.randperm(len(steps))[:_MAX_FIRST_STEPS].to(steps.device)]
    _, which = torch.unique(drawn, dim=0, return_inverse=True)
    place = torch.arange(len(drawn), device=steps.device)
    first = torch.full_like(place, len(drawn)).scatter_reduce(0, which, place, "amin")
    chosen = drawn[first[first < len(drawn)].sort().values]
    return chosen[torch.arange(count, device=steps.device) % len(chosen)]


def emission_for(spec: DataSpec, states: int, channels: int) -> Emission:
    """The emissions that fit the data's domain."""
    return Gaussian(states, channels) if spec.levels is None else Categorical(states, channels, spec.levels)
