"""Hidden Markov model: a Markov chain of states that are not seen, each of which emits one step of the data.

Rabiner 1989, "A tutorial on hidden Markov models and selected applications in speech recognition",
https://doi.org/10.1109/5.18626; trained by the algorithm of Baum, Petrie, Soules & Weiss 1970.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float64, Int, Shaped
from torch import Tensor

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench_models.classical.emissions import emission_for
from genbench_models.layers.ranges import at_least
from genbench_models.layers.standardise import Standardise

# EM on the whole training set has converged when an iteration gains less than this, in nats per example.
_CONVERGED_NATS = 1e-6
# Batches count less and less, the k-th by (k + 2) to this power (Cappé & Moulines 2009).
_STEP_POWER = -0.6
_PSEUDO_COUNT = 0.1  # of each transition, divided by the number of states
_MAX_CHUNK_NUMBERS = 2**23


@dataclass(frozen=True)
class _Sums:
    """Expected counts, summed over examples."""

    first: Float64[Tensor, " states"]
    """Of each state at the first step."""
    pairs: Float64[Tensor, "states states"]
    """Of each state and the one after it."""
    emitted: tuple[Tensor, ...]
    """The sums of the emissions."""

    def mixed(self, other: _Sums, share: float) -> _Sums:
        """These sums and a share of the other ones."""
        return _Sums(
            self.first.lerp(other.first, share),
            self.pairs.lerp(other.pairs, share),
            tuple(mine.lerp(its, share) for mine, its in zip(self.emitted, other.emitted, strict=True)),
        )

    def scaled(self, by: float) -> _Sums:
        """These sums times a number."""
        return _Sums(self.first * by, self.pairs * by, tuple(part * by for part in self.emitted))


class HiddenMarkov(GenerativeModel):
    """p(x) = sum_z p(z_1) prod_t p(z_t | z_{t-1}) p(x_t | z_t), exact by the forward algorithm.

    A step of integers has independent channels given the state, one of real values a normal distribution with a full
    covariance. EM: with all examples at once where these are `batch_size` or fewer, until it converges; else batch by
    batch, where expected counts are averaged over batches. Few pseudo-counts keep all probabilities above zero.
    """

    initial: Tensor
    transitions: Tensor

    def __init__(self, spec: DataSpec, *, states: int = 32, batch_size: int = 1024) -> None:
        super().__init__(spec)
        at_least(1, states=states, batch_size=batch_size)
        self.states = states
        self.batch_size = batch_size
        self.channels = 1 if spec.modality == "tokens" else math.prod(spec.event_shape[1:])
        self.standardise = Standardise(spec)
        self.emission = emission_for(spec, states, self.channels)
        even = torch.full((states,), 1 / states, dtype=torch.float64)
        self.register_buffer("initial", even)
        self.register_buffer("transitions", even.expand(states, -1).clone())

    # ---- fit

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        meter.start()
        self.standardise.fit(train)
        self._start(train)
        whole = len(train) <= self.batch_size
        before, average = -math.inf, None
        for number, batch in enumerate(meter.batches(train, min(self.batch_size, len(train)))):
            sums, log_likelihood = self.expect(self._steps(batch.x))
            meter.log(negative_log_likelihood=-log_likelihood)
            if whole and log_likelihood - before < _CONVERGED_NATS:
                return
            before = log_likelihood
            sums = sums.scaled(len(train) / len(batch.x))
            share = 1.0 if whole or average is None else (number + 2) ** _STEP_POWER
            average = sums if average is None else average.mixed(sums, share)
            self.maximise(average)

    def _start(self, train: Split) -> None:
        """States that differ, without which EM would keep them equal."""
        some = train.random_subset(self.batch_size, seed=0).tensor().to(self.device)
        self.emission.start(self._steps(some).flatten(0, 1))
        uneven = 1 + torch.rand(self.states, self.states, dtype=torch.float64).to(self.device)
        self.transitions.copy_(uneven / uneven.sum(1, keepdim=True))

    def expect(self, steps: Shaped[Tensor, "n time channels"]) -> tuple[_Sums, float]:
        """Expected counts, and the mean log-likelihood in nats of standardised examples: the forward-backward
        algorithm."""
        likely, scale = self._emitted(steps)
        time = likely.shape[1]
        forward, norms = self._forward(likely)
        backward = torch.ones_like(likely[:, 0])
        shares = torch.empty_like(likely)
        shares[:, -1] = forward[:, -1]
        pairs = torch.zeros_like(self.transitions)
        for t in range(time - 1, 0, -1):
            ahead = likely[:, t] * backward / norms[:, t].unsqueeze(1)
            pairs += forward[:, t - 1].T @ ahead
            backward = ahead @ self.transitions.T
            shares[:, t - 1] = forward[:, t - 1] * backward
        emitted = self.emission.sums(steps.flatten(0, 1), shares.flatten(0, 1))
        log_likelihood = (norms.log() + scale).sum(1).mean().item()
        return _Sums(shares[:, 0].sum(0), pairs * self.transitions, emitted), log_likelihood

    def maximise(self, sums: _Sums) -> None:
        """The parameters under which the expected counts, and the pseudo-counts, are likeliest."""
        first = sums.first + _PSEUDO_COUNT / self.states
        pairs = sums.pairs + _PSEUDO_COUNT / self.states
        self.initial.copy_(first / first.sum())
        self.transitions.copy_(pairs / pairs.sum(1, keepdim=True))
        self.emission.maximise(sums.emitted)

    def _emitted(
        self, steps: Shaped[Tensor, "n time channels"]
    ) -> tuple[Float64[Tensor, "n time states"], Float64[Tensor, "n time"]]:
        """How likely each state makes each step, over the likeliest state's; and that one's logarithm."""
        logs = self.emission.log_prob(steps.flatten(0, 1)).reshape(*steps.shape[:2], -1)
        scale = logs.amax(2)
        return (logs - scale.unsqueeze(2)).exp(), scale

    def _forward(
        self, likely: Float64[Tensor, "n time states"]
    ) -> tuple[Float64[Tensor, "n time states"], Float64[Tensor, "n time"]]:
        """p(z_t | x_1..x_t) and p(x_t | x_1..x_{t-1}), the latter in the scale of `likely`."""
        filtered, norms = torch.empty_like(likely), torch.empty_like(likely[..., 0])
        ahead = self.initial.expand(len(likely), -1)
        for t in range(likely.shape[1]):
            joint = ahead * likely[:, t]
            norms[:, t] = joint.sum(1)
            filtered[:, t] = joint / norms[:, t].unsqueeze(1)
            ahead = filtered[:, t] @ self.transitions
        return filtered, norms

    def _steps(self, x: Shaped[Tensor, "n *event"]) -> Shaped[Tensor, "n time channels"]:
        values = x if self.spec.is_discrete else self.standardise(x.double())
        return values.reshape(len(x), -1, self.channels)

    # ---- what was learned

    @torch.no_grad()
    def log_prob(self, x: Shaped[Tensor, "n *event"]) -> Float64[Tensor, " n"]:
        """(N, *event_shape) -> (N,) nats, exact."""
        steps = self._steps(x)
        size = max(1, _MAX_CHUNK_NUMBERS // (steps.shape[1] * self.states))
        parts = []
        for some in steps.split(size):
            likely, scale = self._emitted(some)
            _, norms = self._forward(likely)
            parts.append((norms.log() + scale).sum(1))
        total = torch.cat(parts)
        return total if self.spec.is_discrete else total + self.standardise.log_abs_det_jacobian()

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape), one step after the other."""
        state = self._next(self.initial.expand(count, -1), generator)
        steps = []
        for t in range(self.spec.event_shape[0]):
            if t > 0:
                state = self._next(self.transitions[state], generator)
            steps.append(self.emission.sample(state, generator))
        drawn = torch.stack(steps, 1).reshape(count, *self.spec.event_shape)
        return drawn if self.spec.is_discrete else self.standardise.inverse(drawn).float()

    def _next(
        self, probabilities: Float64[Tensor, "n states"], generator: torch.Generator
    ) -> Int[Tensor, " n"]:
        return torch.multinomial(probabilities, 1, generator=generator).squeeze(1)
