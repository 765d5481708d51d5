"""Counts with back-off: exact probabilities of integers, from few examples, in one pass and without chance.

Each number of an example is predicted from what comes before it (its context). A chain of contexts runs from
general to specific; each level is smoothed by the one before it, as Witten and Bell (1991, "The zero-frequency
problem", method C) have it: with n counts in a context, u different values among them,

    p(v | context) = (n(v) + u * p(v | less of the context)) / (n + u),

and before the first level all values are equally likely. No constant is chosen. Where there are several chains,
the prediction is their mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

# Context codes times levels up to which counts are a plain array; beyond, a sorted list of what occurred.
_DENSE = 2**23


@dataclass(frozen=True)
class Context:
    """codes: (N, D) integers 0..size-1, what is known when each number is predicted."""

    codes: Int[Tensor, "n dim"]
    size: int


Chains = list[list[Context]]
ContextsOf = Callable[[Int[Tensor, "n dim"]], Chains]
"""From flat examples (N, D) to their chains of contexts. All chains keep to one order of the numbers."""


class BackoffDensity:
    """levels: of the numbers. contexts_of: the chains."""

    def __init__(self, x: Int[Tensor, "n dim"], levels: int, contexts_of: ContextsOf) -> None:
        self.levels = levels
        self.contexts_of = contexts_of
        self._chains = [[_Counts(x, context, levels) for context in chain] for chain in contexts_of(x)]

    def log_prob(self, x: Int[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """(N, D) -> (N,) nats, float64."""
        total = torch.zeros(x.shape, dtype=torch.float64)
        for counts, chain in zip(self._chains, self.contexts_of(x), strict=True):
            p = torch.full(x.shape, 1 / self.levels, dtype=torch.float64)
            for level, context in zip(counts, chain, strict=True):
                p = level.smoothed(x, context, p)
            total += p
        return (total / len(self._chains)).log().sum(1)


class _Counts:
    """How often each value occurred in each context."""

    def __init__(self, x: Tensor, context: Context, levels: int) -> None:
        self.levels = levels
        self.known: Tensor | None = None
        codes, size = context.codes, context.size
        if size * levels > _DENSE:
            self.known, codes = torch.unique(codes, return_inverse=True)
            size = len(self.known)
        pairs = codes * levels + x
        self.pairs: Tensor | None = None
        if size * levels <= _DENSE:
            table = torch.bincount(pairs.flatten(), minlength=size * levels)
            self.counts = table
            by_context = table.view(size, levels)
            self.total, self.different = by_context.sum(1), by_context.gt(0).sum(1)
        else:
            self.pairs, self.counts = torch.unique(pairs, return_counts=True)
            owner = self.pairs // levels
            self.different = torch.bincount(owner, minlength=size)
            self.total = torch.zeros(size, dtype=torch.int64).index_add_(0, owner, self.counts)

    def smoothed(self, x: Tensor, context: Context, lower: Tensor) -> Tensor:
        """The probabilities of x (N, D), given those of the level below."""
        codes, seen = context.codes, None
        if self.known is not None:
            codes = torch.searchsorted(self.known, context.codes).clamp_(max=len(self.known) - 1)
            seen = self.known[codes] == context.codes
        pairs = codes * self.levels + x
        if self.pairs is None:
            count = self.counts[pairs]
        else:
            at = torch.searchsorted(self.pairs, pairs).clamp_(max=len(self.pairs) - 1)
            count = torch.where(self.pairs[at] == pairs, self.counts[at], 0)
        different = self.different[codes]
        weight = self.total[codes] + different
        p = (count + different * lower) / weight.clamp(min=1)
        fits = weight > 0 if seen is None else seen & (weight > 0)
        return torch.where(fits, p, lower)


def coded(parts: Sequence[tuple[Tensor, int]], like: Tensor) -> Context:
    """One context from several numbers with their sizes: (values broadcast to (N, D), size)."""
    codes, size = torch.zeros_like(like), 1
    for values, count in parts:
        codes = codes * count + values
        size *= count
    return Context(codes, size)
