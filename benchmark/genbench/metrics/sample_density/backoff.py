"""Counts with back-off: exact probabilities of integers from few examples, in one pass and without random numbers.

Each number of an example is predicted from the numbers before it, its context. A chain of contexts goes from general to
specific, and each level is smoothed by the one before it (Witten and Bell 1991, "The zero-frequency problem", method
C): with n counts in a context, of u different values,

    p(v | context) = (n(v) + u * p(v | less of the context)) / (n + u),

and before the first level all values are equally likely. There is no constant to choose. Where there are several
chains, the prediction is their mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

# Up to this number of context codes times levels, counts are a plain array; beyond it, a sorted list of what occurred.
_DENSE = 2**23


@dataclass(frozen=True)
class Context:
    """What is known when each number of an example is predicted."""

    codes: Int[Tensor, "n dim"]
    """The context of each number, as an integer 0..size-1."""
    size: int
    """How many contexts there are."""


Chains = list[list[Context]]
ContextsOf = Callable[[Int[Tensor, "n dim"]], Chains]
"""From flat examples (N, D) to their chains of contexts. All chains predict the numbers in one order."""


class BackoffDensity:
    """The density fitted to x, (N, D) integers 0..levels-1. contexts_of: the chains of contexts."""

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
    """Counts of each value in each context."""

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
        """The probabilities of x (N, D). lower: those of the next more general context."""
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
    """One context of several numbers. parts: pairs of values, which broadcast to (N, D), and their number of levels."""
    codes, size = torch.zeros_like(like), 1
    for values, count in parts:
        codes = codes * count + values
        size *= count
    return Context(codes, size)
