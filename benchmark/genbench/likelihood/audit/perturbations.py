"""Small random changes of an example, drawn from a kernel g whose density is known in both directions.

Let x be drawn from p, and x' from g(. | x). Of the pair {x, x'} in unknown order, x is the draw from p with the odds
p(x) g(x' | x) : p(x') g(x | x'). So samples can be tested against a likelihood without a normalising constant, in any
number of dimensions.

integers       one number is redrawn from its marginal, or moved up or down; numbers that vary more are chosen more
               often
real values    a step along a principal axis of the samples, or along one dimension where there are many; its length is
               random, between the samples' standard deviation and a five-hundredth of it
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from jaxtyping import Float64
from torch import Tensor

from genbench.api.data import working_dtype
from genbench.api.spec import DataSpec
from genbench.likelihood.audit.reference_density import MAX_COVARIANCE, log_marginals, shrunk_covariance

_REDRAWN_SHARE = 0.7
_SHORTEST_STEP = 2.0**-9
_MIN_VARIATION = 0.02  # so that numbers that never vary are chosen sometimes


class Perturbation(ABC):
    """A kernel that is fitted to some samples and applied to others, since nothing in a pair may tell which one came
    first.
    """

    def __init__(self, spec: DataSpec) -> None:
        self.spec = spec

    @abstractmethod
    def perturb(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Float64[Tensor, " n"]]:
        """Changed examples x', (N, *event_shape), and log g(x' | x) - log g(x | x'), (N,)."""


def fit_perturbation(samples: Tensor, spec: DataSpec) -> Perturbation:
    """The kernel for data of that spec, fitted to samples (N, *event_shape)."""
    return RealPerturbation(samples, spec) if spec.levels is None else IntegerPerturbation(samples, spec)


class IntegerPerturbation(Perturbation):
    """Changes of integers; see the module's text."""

    def __init__(self, samples: Tensor, spec: DataSpec) -> None:
        super().__init__(spec)
        assert spec.levels is not None
        self.levels = spec.levels
        self.log_marginals = log_marginals(samples, spec.levels)  # D, L
        marginals = self.log_marginals.exp()
        self.variation = 1 - marginals.square().sum(1) + _MIN_VARIATION  # D

    def perturb(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Float64[Tensor, " n"]]:
        count, rows = len(x), torch.arange(len(x))
        flat = x.flatten(1).clone()
        place = torch.multinomial(self.variation, count, replacement=True, generator=generator)
        old = flat[rows, place]
        log_r = self.log_marginals[place]  # N, L
        # redrawn to another value, with probability r(new) / (1 - r(old))
        others = log_r.exp().scatter(1, old.unsqueeze(1), 0.0)
        redrawn = torch.multinomial(others, 1, generator=generator).squeeze(1)
        # moved cyclically, up or down with equal probability, mostly by few levels
        longest = math.log2(max(1.0, self.levels / 2))
        length = (2 ** (longest * torch.rand(count, generator=generator))).round().long()
        sign = 2 * torch.randint(2, (count,), generator=generator) - 1
        moved = (old + sign * length) % self.levels
        is_redrawn = torch.rand(count, generator=generator) < _REDRAWN_SHARE
        new = torch.where(is_redrawn, redrawn, moved)
        flat[rows, place] = new
        log_old, log_new = log_r[rows, old], log_r[rows, new]
        log_ratio = log_new - _log_complement(log_old) - log_old + _log_complement(log_new)
        return flat.reshape(x.shape), torch.where(is_redrawn, log_ratio, 0.0)


def _log_complement(log_p: Float64[Tensor, " n"]) -> Float64[Tensor, " n"]:
    return torch.log(-torch.expm1(log_p.clamp(max=-1e-12)))


class RealPerturbation(Perturbation):
    """Changes of real values; see the module's text."""

    def __init__(self, samples: Tensor, spec: DataSpec) -> None:
        super().__init__(spec)
        flat = samples.flatten(1).double()
        self.scales = flat.std(0, correction=0).clamp(min=1e-6)  # D
        self.axes: Tensor | None = None
        if spec.dimension <= MAX_COVARIANCE:
            variances, axes = torch.linalg.eigh(shrunk_covariance(flat))
            self.axes = (axes * variances.clamp(min=0).sqrt()).T  # axes, D

    def perturb(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Float64[Tensor, " n"]]:
        count = len(x)
        chosen = torch.randint(self.spec.dimension, (count,), generator=generator)
        length = _SHORTEST_STEP ** torch.rand(count, 1, generator=generator, dtype=torch.float64)
        length = length * torch.randn(count, 1, generator=generator, dtype=torch.float64)
        if self.axes is not None:
            step = length * self.axes[chosen]
        else:
            step = torch.zeros(count, self.spec.dimension, dtype=torch.float64)
            step.scatter_(1, chosen.unsqueeze(1), length * self.scales[chosen].unsqueeze(1))
        changed = (x.double() + step.reshape(x.shape)).to(working_dtype(self.spec))
        return changed, torch.zeros(count, dtype=torch.float64)
