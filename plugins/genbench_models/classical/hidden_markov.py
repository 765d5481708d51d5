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
from genbench.api import check_lengths, check_prompt, step_mask, zero_padding
from genbench_models.classical.emissions import emission_for
from genbench_models.layers.finite import require_finite
from genbench_models.layers.ranges import at_least
from genbench_models.layers.segments import segments_of
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
    """How often each state came first."""
    pairs: Float64[Tensor, "states states"]
    """How often each state was followed by each."""
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

    def __init__(self, spec: DataSpec, *, states: int = 32, batch_size: int = 256) -> None:
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
        require_finite(train)
        self.standardise.fit(train)
        self._start(train)
        whole = len(train) <= self.batch_size
        before, average = -math.inf, None
        for number, batch in enumerate(meter.batches(train, min(self.batch_size, len(train)))):
            sums, log_likelihood = self.expect(self._steps(batch.x), batch.lengths)
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
        some = segments_of(train.random_subset(self.batch_size, seed=0).to(self.device)).steps
        self.emission.start(self._steps(some.unsqueeze(1)).flatten(0, 1))
        uneven = 1 + torch.rand(self.states, self.states, dtype=torch.float64).to(self.device)
        self.transitions.copy_(uneven / uneven.sum(1, keepdim=True))

    def expect(
        self, steps: Shaped[Tensor, "n time channels"], lengths: Int[Tensor, " n"] | None = None
    ) -> tuple[_Sums, float]:
        """Expected counts, and the mean log-likelihood in nats of standardised examples: the forward-backward
        algorithm. lengths: of pieces that are padded."""
        likely, scale = self._emitted(steps, lengths)
        time = likely.shape[1]
        inside = torch.ones_like(scale) if lengths is None else step_mask(lengths, time).to(scale.dtype)
        forward, norms = self._forward(likely)
        backward = torch.ones_like(likely[:, 0])
        shares = torch.empty_like(likely)
        shares[:, -1] = forward[:, -1]
        pairs = torch.zeros_like(self.transitions)
        for t in range(time - 1, 0, -1):
            ahead = likely[:, t] * backward / norms[:, t].unsqueeze(1)
            pairs += forward[:, t - 1].T @ (ahead * inside[:, t, None])
            backward = ahead @ self.transitions.T
            shares[:, t - 1] = forward[:, t - 1] * backward
        counted = shares * inside.unsqueeze(2)
        emitted = self.emission.sums(steps.flatten(0, 1), counted.flatten(0, 1))
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
        self, steps: Shaped[Tensor, "n time channels"], lengths: Int[Tensor, " n"] | None
    ) -> tuple[Float64[Tensor, "n time states"], Float64[Tensor, "n time"]]:
        """How likely each state makes each step, over the likeliest state's; and that one's logarithm. All states make
        padding equally likely, with a probability of 1, so that it changes nothing."""
        logs = self.emission.log_prob(steps.flatten(0, 1)).reshape(*steps.shape[:2], -1)
        if lengths is not None:
            logs = zero_padding(logs, lengths)
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
    def log_prob(
        self, x: Shaped[Tensor, "n *event"], lengths: Int[Tensor, " n"] | None = None
    ) -> Float64[Tensor, " n"]:
        """(N, *event_shape) -> (N,) nats, exact. lengths: of pieces that are padded."""
        steps = self._steps(x)
        size = max(1, _MAX_CHUNK_NUMBERS // (steps.shape[1] * self.states))
        parts = []
        for start in range(0, len(steps), size):
            of_these = None if lengths is None else lengths[start : start + size]
            likely, scale = self._emitted(steps[start : start + size], of_these)
            _, norms = self._forward(likely)
            parts.append((norms.log() + scale).sum(1))
        total = torch.cat(parts)
        if self.spec.is_discrete:
            return total
        return total + self.standardise.log_abs_det_jacobian(self._whole(x) if lengths is None else lengths)

    def sample(
        self, count: int, generator: torch.Generator, *, lengths: Int[Tensor, " count"] | None = None
    ) -> Tensor:
        """(count, *event_shape), one step after the other; with `lengths`, (count, longest, *step_shape)."""
        longest = self.spec.event_shape[0]
        if lengths is not None:
            check_lengths(lengths, count, longest, self.spec.name)
            longest = int(lengths.max())
        drawn = self._draw(self.initial.expand(count, -1), longest, generator)
        return drawn if lengths is None else zero_padding(drawn, lengths)

    @torch.no_grad()
    def continue_from(
        self, x: Shaped[Tensor, "n *event"], lengths: Int[Tensor, " n"], generator: torch.Generator
    ) -> Shaped[Tensor, "n *event"]:
        """x with the steps after the first `lengths[i]` of each row drawn; exact."""
        check_prompt(x, lengths, self.spec)
        count, longest = x.shape[:2]
        likely, _ = self._emitted(self._steps(zero_padding(x, lengths)), lengths)
        filtered, _ = self._forward(likely)
        last = filtered[torch.arange(count, device=x.device), lengths - 1]
        rest = longest - int(lengths.min())
        if rest == 0:
            return x
        drawn = self._draw(last @ self.transitions, rest, generator)
        after = (torch.arange(longest, device=x.device) - lengths.unsqueeze(1)).clamp(min=0, max=rest - 1)
        moved = drawn[torch.arange(count, device=x.device).unsqueeze(1), after]
        given = step_mask(lengths, longest).reshape(count, longest, *(1 for _ in x.shape[2:]))
        return torch.where(given, x, moved)

    def _whole(self, x: Shaped[Tensor, "n *event"]) -> Int[Tensor, " n"]:
        return torch.full((len(x),), x.shape[1], device=x.device)

    @torch.no_grad()
    def _draw(self, first: Float64[Tensor, "count states"], steps: int, generator: torch.Generator) -> Tensor:
        """(count, steps, *step_shape). first: the probabilities of the states of the first step."""
        state, drawn = self._next(first, generator), []
        for t in range(steps):
            if t > 0:
                state = self._next(self.transitions[state], generator)
            drawn.append(self.emission.sample(state, generator))
        x = torch.stack(drawn, 1).reshape(len(first), steps, *self.spec.step_shape)
        return x if self.spec.is_discrete else self.standardise.inverse(x).float()

    def _next(
        self, probabilities: Float64[Tensor, "n states"], generator: torch.Generator
    ) -> Int[Tensor, " n"]:
        return torch.multinomial(probabilities, 1, generator=generator).squeeze(1)
