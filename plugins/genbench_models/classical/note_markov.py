"""A Markov chain for every note of a piano roll: what a note does depends on what the same note did one step before.

Markov chains for music: Pinkerton 1956, "Information Theory and Melody", https://www.jstor.org/stable/24941709.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float64, Int
from torch import Tensor

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.api import check_lengths, check_prompt, step_mask, zero_padding
from genbench.errors import UnsupportedMask
from genbench_models.layers.finite import require_finite
from genbench_models.layers.ranges import positive
from genbench_models.layers.segments import segments_of


class NoteMarkov(GenerativeModel):
    """p(x) = prod_k p_k(x_1k) prod_t p_k(x_tk | x_{t-1,k}), exact.

    Every key has probabilities of its own: counts, to each of which `smoothing` is added. Where examples are windows of
    longer pieces, the first step of a window is like any other; else it is counted at the beginning of pieces.
    """

    first: Tensor
    next: Tensor

    def __init__(self, spec: DataSpec, *, smoothing: float = 0.5) -> None:
        super().__init__(spec)
        positive(smoothing=smoothing)
        assert spec.levels is not None
        _, keys = spec.event_shape
        self.smoothing = smoothing
        self.levels = spec.levels
        even = torch.full((keys, spec.levels), 1 / spec.levels, dtype=torch.float64)
        # [key, value]: natural logarithms of the probabilities of a first step
        self.register_buffer("first", even.log())
        # [key, value before, value]
        self.register_buffer("next", even.log().unsqueeze(1).repeat(1, spec.levels, 1))

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        meter.start()
        require_finite(train)
        pieces = segments_of(train.to(self.device))
        steps, follows = pieces.steps, pieces.past > 0  # n K, n
        begins = ~follows if pieces.are_whole else torch.ones_like(follows)
        before, after = steps[:-1][follows[1:]], steps[1:][follows[1:]]
        self.first.copy_(self._smoothed(self._counts(steps[begins], self.levels)))
        pairs = self._counts(before * self.levels + after, self.levels**2)
        self.next.copy_(self._smoothed(pairs.view(-1, self.levels, self.levels)))
        meter.charge(steps=1, examples=len(train), flops=2.0 * steps.numel())

    def _counts(self, values: Int[Tensor, "n keys"], size: int) -> Float64[Tensor, "keys size"]:
        keys = values.shape[1]
        key = torch.arange(keys, device=values.device)
        counts = torch.bincount((key * size + values).flatten(), minlength=keys * size)
        return counts.view(keys, size).double()

    def _smoothed(self, counts: Float64[Tensor, "*k levels"]) -> Float64[Tensor, "*k levels"]:
        counts = counts + self.smoothing
        return (counts / counts.sum(-1, keepdim=True)).log()

    def _log_prob_each(self, x: Int[Tensor, "n time keys"]) -> Float64[Tensor, "n time keys"]:
        key = torch.arange(x.shape[2], device=x.device)
        return torch.cat([self.first[key, x[:, :1]], self.next[key, x[:, :-1], x[:, 1:]]], 1)

    @torch.no_grad()
    def log_prob(
        self, x: Int[Tensor, "n time keys"], lengths: Int[Tensor, " n"] | None = None
    ) -> Float64[Tensor, " n"]:
        """(N, T, K) -> (N,) nats, exact. lengths: of pieces that are padded."""
        each = self._log_prob_each(x)
        return (each if lengths is None else zero_padding(each, lengths)).sum((1, 2))

    @torch.no_grad()
    def missing_log_prob(
        self, x: Int[Tensor, "n time keys"], mask: Bool[Tensor, "n time keys"]
    ) -> Float64[Tensor, " n"]:
        """(N,) nats of what is missing given the rest, exact. Raises UnsupportedMask where a key is given again after
        it was missing."""
        _require_given_first(mask)
        return self._log_prob_each(x).masked_fill(mask, 0.0).sum((1, 2))

    def sample(
        self, count: int, generator: torch.Generator, *, lengths: Int[Tensor, " count"] | None = None
    ) -> Int[Tensor, "count time keys"]:
        """(count, T, K), one step after the other; with `lengths`, (count, longest, K)."""
        steps, keys = self.spec.event_shape
        if lengths is not None:
            check_lengths(lengths, count, steps, self.spec.name)
            steps = int(lengths.max())
        nothing = torch.zeros(count, steps, keys, dtype=torch.int64, device=self.device)
        drawn = self._draw(nothing, torch.zeros_like(nothing, dtype=torch.bool), generator)
        return drawn if lengths is None else zero_padding(drawn, lengths)

    def continue_from(
        self, x: Int[Tensor, "n time keys"], lengths: Int[Tensor, " n"], generator: torch.Generator
    ) -> Int[Tensor, "n time keys"]:
        """x with the steps after the first `lengths[i]` of each row drawn; exact."""
        check_prompt(x, lengths, self.spec)
        return self._draw(x, step_mask(lengths, x.shape[1]).unsqueeze(2).expand_as(x), generator)

    def complete(
        self, x: Int[Tensor, "n time keys"], mask: Bool[Tensor, "n time keys"], generator: torch.Generator
    ) -> Int[Tensor, "n time keys"]:
        """What is missing (mask False) drawn given the rest; exact. Raises UnsupportedMask where a key is given again
        after it was missing."""
        _require_given_first(mask)
        return self._draw(x, mask, generator)

    @torch.no_grad()
    def _draw(
        self,
        x: Int[Tensor, "n time keys"],
        given: Bool[Tensor, "n time keys"],
        generator: torch.Generator,
    ) -> Int[Tensor, "n time keys"]:
        count, steps, keys = x.shape
        key = torch.arange(keys, device=x.device)
        roll = x.clone()
        for t in range(steps):
            logs = self.first.expand(count, -1, -1) if t == 0 else self.next[key, roll[:, t - 1]]
            uniform = torch.rand(count, keys, 1, generator=generator, device=x.device, dtype=torch.float64)
            drawn = (logs.exp().cumsum(2)[..., :-1] <= uniform).sum(2)
            roll[:, t] = torch.where(given[:, t], x[:, t], drawn)
        return roll


def _require_given_first(mask: Bool[Tensor, "n time keys"]) -> None:
    if bool((mask[:, 1:] & ~mask[:, :-1]).any()):
        raise UnsupportedMask(
            "draws every key in the order of time: what is given of it must come before the rest"
        )
