"""Which density is fitted to the samples of which domain, and its parts that are the same for every model.

Grey levels. For ordered numbers with more than 32 levels, the density is fitted to 16 coarse levels. Within a coarse
level, levels have the frequencies of real data, for every model. It is still a probability of the integers. Without
this, a background of 1 in place of 0 would make a good image as unlikely as noise.

Floor. With probability 1 % an example is drawn from a broad distribution: uniform over coarse levels, or independent
normal distributions twice as wide as real data. So no single example can dominate a mean, and samples that say nothing
about real data have about the value of noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from genbench.api.spec import DataSpec
from genbench.metrics.sample_density.backoff import BackoffDensity
from genbench.metrics.sample_density.chow_liu import chow_liu_parents, tree_contexts
from genbench.metrics.sample_density.contexts import ordered_contexts
from genbench.metrics.sample_density.kernel_density import KernelDensity

VERSION = "1"
"""Version of the densities. Values of different versions cannot be compared."""
FLOOR_SHARE = 0.01
"""Probability of the floor."""
_MAX_FINE_LEVELS, _COARSE_LEVELS = 32, 16
_CHUNK_NUMBERS = 2**20


@dataclass(frozen=True)
class SampleDensity:
    """A density over the whole domain of the data."""

    spec: DataSpec
    """Domain of the data."""
    fitted: Callable[[Tensor], Tensor]
    """Log-density fitted to samples: flat examples (N, D) -> (N,) nats."""
    floor: Callable[[Tensor], Tensor]
    """Log-density of the floor: flat examples (N, D) -> (N,) nats."""

    def log_prob(self, x: Shaped[Tensor, "n *event"]) -> Float[Tensor, " n"]:
        """(N, *event_shape) -> (N,) nats, float64: log-probabilities of the integers, or log-densities. Finite
        wherever x is."""
        pieces = x.flatten(1).split(max(1, _CHUNK_NUMBERS // self.spec.dimension))
        return torch.cat([self._log_prob(piece) for piece in pieces])

    def _log_prob(self, x: Tensor) -> Tensor:
        return torch.logaddexp(
            self.fitted(x) + math.log1p(-FLOOR_SHARE), self.floor(x) + math.log(FLOOR_SHARE)
        )


def fit_sample_density(
    samples: Shaped[Tensor, "n *event"], real: Shaped[Tensor, "m *event"], spec: DataSpec, seed: int = 0
) -> SampleDensity:
    """The density fitted to samples, (N, *event_shape), integers or float. Raises ValueError for fewer than 2.

    real: real training examples, (M, *event_shape), which determine the parts that are the same for every model. seed:
    of the samples on which the kernels' width is chosen.
    """
    if min(len(samples), len(real)) < 2:
        raise ValueError(
            f"a density of {len(samples)} samples and {len(real)} real examples: needs at least 2"
        )
    x, known = samples.flatten(1), real.flatten(1)
    return (
        _of_values(x, known, spec, seed) if spec.levels is None else _of_levels(x, known, spec, spec.levels)
    )


def _of_values(x: Tensor, known: Tensor, spec: DataSpec, seed: int) -> SampleDensity:
    mean, spread = known.double().mean(0), known.double().std(0, correction=0)
    size = known.double().abs().amax(0).clamp(min=1e-6)
    scale = torch.where(spread > 0, spread, size)
    density = KernelDensity(x, scale, torch.Generator().manual_seed(seed))
    wide = torch.distributions.Normal(mean, 2 * scale, validate_args=False)
    return SampleDensity(spec, density.log_prob, lambda at: wide.log_prob(at.double()).sum(1))


def _of_levels(x: Tensor, known: Tensor, spec: DataSpec, levels: int) -> SampleDensity:
    coarse = _COARSE_LEVELS if levels > _MAX_FINE_LEVELS and spec.modality != "tokens" else levels
    within = _log_share_within(known, levels, coarse)
    rough = x * coarse // levels
    contexts = ordered_contexts(spec, coarse) or tree_contexts(chow_liu_parents(rough, coarse), coarse)
    density = BackoffDensity(rough, coarse, contexts)
    uniform = -spec.dimension * math.log(coarse)

    def fitted(at: Tensor) -> Tensor:
        return density.log_prob(at * coarse // levels) + within[at].sum(1)

    return SampleDensity(spec, fitted, lambda at: uniform + within[at].sum(1))


def _log_share_within(known: Tensor, levels: int, coarse: int) -> Tensor:
    """The log-share of each level within its coarse level, (levels,), in real data, with 1 added to each count."""
    if coarse == levels:
        return torch.zeros(levels, dtype=torch.float64)
    counts = torch.bincount(known.flatten(), minlength=levels).double() + 1
    owner = torch.arange(levels) * coarse // levels
    return (counts / torch.zeros(coarse, dtype=torch.float64).index_add_(0, owner, counts)[owner]).log()
