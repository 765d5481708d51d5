"""A reference for integers that knows which numbers go together: each depends on one number before it.

q(x) = prod_d q(x_d | x_parent(d)), where the parent of a number is the one before it with which it has the most mutual
information (after Chow & Liu 1968, whose trees have no order). Of the reference densities it comes nearest to images of
few levels, costs a fraction of a second, and has conditionals in closed form, so that chains can move under it.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from genbench.api.spec import DataSpec
from genbench.likelihood.audit.reference_density import Reference

MAX_INDICATORS = 4096
"""The largest product of dimension and levels: all pairs of numbers are compared in one matrix of that size."""
# Counts are spread over neighbouring levels, by exp(-distance / width); which width is chosen on held-out samples.
_WIDTHS = (0.0, 0.2, 0.3, 0.5, 0.8)
_PRIOR_COUNT = 1.0  # observations that follow the marginal, for each value of a parent


class TreeReference(Reference):
    """The tree fitted to samples, (N, *event_shape), integers. Raises ValueError for more than `MAX_INDICATORS`."""

    name = "a tree of dependencies"

    def __init__(self, samples: Tensor, spec: DataSpec) -> None:
        super().__init__(spec)
        if not can_fit_tree(spec):
            raise ValueError(f"{spec.dimension} numbers of {spec.levels} levels are too many for a tree")
        assert spec.levels is not None
        x = samples.flatten(1).long()
        self.parents = _parents(x, spec.levels)  # D
        half = len(x) // 2
        fits = [self._log_tables(x[:half], width) for width in _WIDTHS] if half else []
        scores = [float(self._log_prob(x[half:], tables).mean()) for tables in fits]
        self.width = _WIDTHS[scores.index(max(scores))] if scores else _WIDTHS[-1]
        self.tables = self._log_tables(x, self.width)
        children = [(self.parents == place).nonzero().flatten() for place in range(spec.dimension)]
        most = max(1, *(len(places) for places in children))
        self._children = torch.full((spec.dimension, most), -1)
        for place, places in enumerate(children):
            self._children[place, : len(places)] = places

    def log_prob(self, x: Tensor) -> Float64[Tensor, " n"]:
        return self._log_prob(x.flatten(1).long(), self.tables)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        x = torch.zeros(count, self.spec.dimension, dtype=torch.int64)
        for place, parent in enumerate(self.parents.tolist()):
            given = self.tables[place, x[:, max(0, parent)]]  # count, L
            x[:, place] = torch.multinomial(given.exp(), 1, generator=generator).squeeze(1)
        return self._shaped(x)

    def moved(self, x: Tensor, length: int, generator: torch.Generator) -> Tensor:
        """Numbers at random places are redrawn one after the other, each from its conditional given all others (Gibbs
        steps at random places)."""
        flat, rows = x.flatten(1).long().clone(), torch.arange(len(x))
        for _ in range(length):
            place = torch.randint(self.spec.dimension, (len(x),), generator=generator)
            log_q = self.tables[place, flat[rows, self.parents[place].clamp(min=0)]]  # N, L
            children = self._children[place]  # N, C
            known = children.clamp(min=0)
            # log q(child | value) for each value of the number that is redrawn: N, C, L
            of_children = self.tables.transpose(1, 2)[known, flat.gather(1, known)]
            log_q = log_q + torch.where(children.unsqueeze(2) < 0, 0.0, of_children).sum(1)
            flat[rows, place] = torch.multinomial(log_q.softmax(1), 1, generator=generator).squeeze(1)
        return self._shaped(flat)

    def _log_prob(
        self, x: Int64[Tensor, "n dimension"], tables: Float64[Tensor, "dimension levels levels"]
    ) -> Float64[Tensor, " n"]:
        return tables[torch.arange(x.shape[1]), x[:, self.parents.clamp(min=0)], x].sum(1)

    def _log_tables(
        self, x: Int64[Tensor, "n dimension"], width: float
    ) -> Float64[Tensor, "dimension levels levels"]:
        """log q(value | value of the parent): place, value of the parent, value. Rows of the root are all equal."""
        levels = self.spec.levels
        assert levels is not None
        spread = _spread(levels, width)
        marginals = (
            torch.stack([torch.bincount(column, minlength=levels) for column in x.T]).double() @ spread
        )
        marginals = (marginals + 1 / levels) / (len(x) + 1)  # D, L
        tables = []
        for place, parent in enumerate(self.parents.tolist()):
            if parent < 0:
                tables.append(marginals[place].expand(levels, levels))
                continue
            pairs = torch.bincount(x[:, parent] * levels + x[:, place], minlength=levels**2).double()
            counts = spread.T @ pairs.view(levels, levels) @ spread + _PRIOR_COUNT * marginals[place]
            tables.append(counts / counts.sum(1, keepdim=True))
        return torch.stack(tables).log()


def can_fit_tree(spec: DataSpec) -> bool:
    """Whether the data are integers of few enough levels and dimensions."""
    return spec.levels is not None and spec.dimension * spec.levels <= MAX_INDICATORS


def _parents(x: Int64[Tensor, "n dimension"], levels: int) -> Int64[Tensor, " dimension"]:
    """For each number, the one before it with the most mutual information; -1 for the first."""
    count, dimension = x.shape
    indicators = torch.nn.functional.one_hot(x, levels).double().flatten(1)
    joint = (indicators.T @ indicators + levels**-2) / (count + 1)
    single = (indicators.sum(0) + 1 / levels) / (count + 1)
    terms = joint * (joint.log() - single.log().unsqueeze(1) - single.log())
    information = terms.view(dimension, levels, dimension, levels).sum((1, 3))  # D, D
    earlier = torch.ones(dimension, dimension).tril(-1).bool()
    parents = information.masked_fill(~earlier, -math.inf).argmax(1)
    parents[0] = -1
    return parents


def _spread(levels: int, width: float) -> Float64[Tensor, "levels levels"]:
    """The share of a count at one level that is given to each other."""
    if not width:
        return torch.eye(levels, dtype=torch.float64)
    level = torch.arange(levels, dtype=torch.float64)
    return (-(level.unsqueeze(1) - level).abs() / width).softmax(1)
