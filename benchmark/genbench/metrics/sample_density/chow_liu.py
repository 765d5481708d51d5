"""Chow-Liu trees: the best tree of dependencies between numbers without an order (Chow and Liu 1968)."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor

from genbench.metrics.sample_density.backoff import Chains, ContextsOf, coded

# Up to this product of numbers and levels all pairs are compared; beyond it, numbers are taken as independent.
_MAX_INDICATORS = 4096


def chow_liu_parents(x: Int[Tensor, "n dim"], levels: int) -> Int[Tensor, " dim"]:
    """The parent of each number in the tree with the most mutual information, -1 for the root (number 0)."""
    count, dim = x.shape
    parents = torch.full((dim,), -1)
    if dim * levels > _MAX_INDICATORS:
        return parents
    indicators = torch.nn.functional.one_hot(x, levels).double().flatten(1)
    joint = (indicators.T @ indicators + 1 / levels**2) / (count + 1)
    single = (indicators.sum(0) + 1 / levels) / (count + 1)
    information = joint * (joint / (single[:, None] * single)).log()
    between = information.view(dim, levels, dim, levels).sum((1, 3))
    best, via = between[0].clone(), torch.zeros(dim, dtype=torch.int64)
    best[0] = -torch.inf
    outside = torch.ones(dim, dtype=torch.bool)
    outside[0] = False
    for _ in range(dim - 1):  # Prim's algorithm
        joined = int(best.argmax())
        parents[joined] = via[joined]
        outside[joined] = False
        best[joined] = -torch.inf
        better = outside & (between[joined] > best)
        best = torch.where(better, between[joined], best)
        via = torch.where(better, joined, via)
    return parents


def tree_contexts(parents: Int[Tensor, " dim"], levels: int) -> ContextsOf:
    """Two levels: each number by itself, and each number given its parent."""

    def contexts_of(x: Int[Tensor, "n dim"]) -> Chains:
        place = (torch.arange(x.shape[1]).expand_as(x), x.shape[1])
        parent = torch.where(parents < 0, 0, x[:, parents.clamp(min=0)])
        return [[coded([place], x), coded([place, (parent, levels)], x)]]

    return contexts_of
