"""The partition function of energy models by annealed importance sampling.

Neal 2001; Salakhutdinov & Murray 2008, "On the quantitative analysis of deep belief networks", section 3. From
draws of a base whose integral Z_0 is known, the chains meet f_beta for beta from 0 to 1, and the mean of the
weights prod_t f_beta_t(x_t-1) / f_beta_t-1(x_t-1) is an estimate of Z / Z_0 without bias. Its logarithm falls
short on average, so that a log-likelihood made from it is an estimate that errs on the high side.
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

# Where the temperatures lie: up to these betas, this share of the steps (Salakhutdinov & Murray 2008, section 4).
_SHARES = ((0.5, 500 / 14_500), (0.9, 4_000 / 14_500), (1.0, 10_000 / 14_500))
# The interval is that many standard errors of the mean weight to either side, as theirs is.
_STANDARD_ERRORS = 3.0


@dataclass(frozen=True)
class PartitionFunctionEstimate:
    """log_z: the estimate, nats. lower, upper: log of the mean weight minus and plus three standard errors;
    lower is -inf where that is not positive. log_weights: of each chain, log Z_0 included."""

    log_z: float
    lower: float
    upper: float
    log_weights: Float[Tensor, " chains"]

    @property
    def within(self) -> float:
        """Half the width of the interval, nats."""
        return (self.upper - self.lower) / 2


def annealing_betas(steps: int) -> tuple[float, ...]:
    """0 to 1 in `steps` steps or a few more, denser towards 1."""
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
    """log Z of the model, from `chains` chains. generator: on the model's device.

    Raises PluginError where the model's methods return other shapes than they should.
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
    """Mean and interval, computed relative to the greatest weight."""
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
