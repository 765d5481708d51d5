"""The partition function of energy models by annealed importance sampling.

Neal 2001; Salakhutdinov & Murray 2008, "On the quantitative analysis of deep belief networks", section 3. Chains start
from draws of a base distribution whose integral Z_0 is known, and move under f_beta for beta from 0 to 1. The mean of
the weights prod_t f_beta_t(x_t-1) / f_beta_t-1(x_t-1) is an unbiased estimate of Z / Z_0. Its logarithm is too small
on average, so that a log-likelihood computed from it is too large.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from genbench.api.model import HasEnergy
from genbench.errors import PluginError
from genbench.likelihood.batching import checked

# The schedule: up to each of these betas, this share of the steps (Salakhutdinov & Murray 2008, section 4).
_SHARES = ((0.5, 500 / 14_500), (0.9, 4_000 / 14_500), (1.0, 10_000 / 14_500))
# Half the width of the interval, in standard errors of the mean weight, as in their paper.
_STANDARD_ERRORS = 3.0


@dataclass(frozen=True)
class PartitionFunctionEstimate:
    """An estimate of the partition function Z, and its interval."""

    log_z: float
    """Estimate of log Z, in nats."""
    lower: float
    """The logarithm of the mean weight minus three standard errors; -inf where that is not positive."""
    upper: float
    """The logarithm of the mean weight plus three standard errors."""
    log_weights: Float[Tensor, " chains"]
    """Log-weight of each chain, including log Z_0."""

    @property
    def log_z_stderr(self) -> float:
        """Standard error of log Z, nats, by the delta method."""
        weights = (self.log_weights - self.log_weights.max()).exp()
        return float(weights.std() / weights.mean() / math.sqrt(len(weights)))

    @property
    def within(self) -> float:
        """Half the width of the interval, nats."""
        return (self.upper - self.lower) / 2


def annealing_betas(steps: int) -> tuple[float, ...]:
    """Inverse temperatures from 0 to 1 in `steps` steps or a few more, denser towards 1."""
    betas = [0.0]
    for end, share in _SHARES:
        begin, count = betas[-1], max(1, round(share * steps))
        betas += [begin + (end - begin) * (step + 1) / count for step in range(count)]
    return (*betas[:-1], 1.0)


def estimate_partition_function(
    model: HasEnergy,
    *,
    chains: int,
    betas: Sequence[float],
    generator: torch.Generator,
    on_step: Callable[[], None] = lambda: None,
) -> PartitionFunctionEstimate:
    """An estimate of log Z of the model.

    chains: their number. betas: from 0 to 1. generator: on the model's device. on_step: called before each step. Raises
    PluginError where the model's methods return tensors of wrong shapes.
    """
    if chains < 2:
        raise ValueError(f"{chains} chains: an interval needs at least 2")
    with torch.no_grad():
        x = model.sample_base(chains, generator)
        if len(x) != chains:
            raise PluginError(f"sample_base({chains}) returned {len(x)} states")
        log_weights = torch.full((chains,), float(model.base_log_partition()), dtype=torch.float64)
        for before, beta in pairwise(betas):
            on_step()
            log_weights = log_weights + (_log_f(model, x, beta) - _log_f(model, x, before))
            if beta < 1:
                x = model.tempered_step(x, beta, generator)
    return summarise_weights(log_weights)


def summarise_weights(log_weights: Float[Tensor, " chains"]) -> PartitionFunctionEstimate:
    """The estimate and its interval from log-weights of chains."""
    greatest = float(log_weights.max())
    weights = (log_weights - greatest).exp()
    mean, error = float(weights.mean()), float(weights.std() / math.sqrt(len(weights)))
    low = mean - _STANDARD_ERRORS * error
    return PartitionFunctionEstimate(
        log_z=greatest + math.log(mean),
        lower=greatest + math.log(low) if low > 0 else -math.inf,
        upper=greatest + math.log(mean + _STANDARD_ERRORS * error),
        log_weights=log_weights,
    )


def _log_f(model: HasEnergy, x: Tensor, beta: float) -> Tensor:
    return checked(model.log_unnormalised(x, beta), (len(x),), "log_unnormalised")
