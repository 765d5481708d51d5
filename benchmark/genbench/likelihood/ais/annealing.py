"""Annealed importance sampling from a prior to a posterior, and back.

Neal 2001, "Annealed importance sampling". For 0 = beta_0 < ... < beta_T = 1 the chains move under f_beta(u) = p(u)
p(x | u)^beta. Forward, from draws of the prior, log w = sum_t (beta_t - beta_t-1) log p(x | u_t-1) has E[w] = p(x), so
that the expectation of the logarithm of a mean weight is a lower bound on log p(x). Backward, from an exact draw of the
posterior, E[1/w] = 1 / p(x), which gives an upper bound (Grosse et al. 2015, "Sandwiching the marginal likelihood using
bidirectional Monte Carlo").

Both need transitions that do not depend on the chain's own past. So temperatures and step sizes are found by other
chains, in `explore` and `tune`, and are then fixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from genbench.likelihood.ais.chains import Annealed, Chains
from genbench.likelihood.ais.hmc import Target
from genbench.likelihood.ais.schedule import AnnealingSchedule
from genbench.util.seeding import derive_seed

OnStep = Callable[[], None]
"""Called before each step. An exception that it raises ends the run."""

LEAPFROG_STEPS = 3
"""Leapfrog steps per trajectory. With equally many gradients, more temperatures with short trajectories leave a
smaller gap than fewer temperatures with long ones."""
TARGET_ACCEPTANCE = 0.65
"""The acceptance rate at which Hamiltonian Monte Carlo is most efficient (Beskos et al. 2013; Neal 2011, section
4.4)."""
# At every step, the log of a step size changes by this times the deviation of the acceptance rate from the target.
_GAIN = 0.5
# Each step of the exploration changes the log-weights by this standard deviation.
_EXPLORING_STEP = 0.5
_EXPLORING_STEPS = 300
# Weight of the old value in the running average of that standard deviation.
_MEMORY = 0.7


def _nothing() -> None:
    return


def first_step_size(target: Target, seeds: Sequence[int]) -> float:
    """A step size for the prior: its standard deviation over the fourth root of the dimension (Beskos et al. 2013)."""
    latents = target.latents
    draws = latents.to_vectors(latents.draw([derive_seed(seed, "spread") for seed in seeds], 8))
    spread = float(draws.flatten(0, 1).std(0, correction=0).mean())
    return spread / math.sqrt(math.sqrt(latents.dimension))


def explore(
    target: Target,
    seeds: Sequence[int],
    chains: int,
    *,
    leapfrog_steps: int = LEAPFROG_STEPS,
    on_step: OnStep = _nothing,
) -> AnnealingSchedule:
    """A schedule whose steps change the log-weights about equally, with step sizes.

    The best temperatures have equal thermodynamic length between them, which is the integral over beta of the standard
    deviation of log p(x | u) (Gelman & Meng 1998, section 4.1; Grosse et al. 2013). Here it is measured between the
    chains of an example, and its median over examples is used. Chains are resampled after each step, since one that is
    stuck far from the posterior would dominate the standard deviation.

    chains: at least two per example.
    """
    running = Chains(target, seeds, chains)
    generator = torch.Generator().manual_seed(derive_seed(seeds[0], "resampling"))
    log_size = math.log(first_step_size(target, seeds))
    betas, deviation = [0.0], math.nan
    log_sizes: list[float] = []
    while betas[-1] < 1 and len(log_sizes) < _EXPLORING_STEPS:
        on_step()
        now = float(running.deviation().nanmedian())
        deviation = now if math.isnan(deviation) else _MEMORY * deviation + (1 - _MEMORY) * now
        step = _EXPLORING_STEP / deviation if deviation > _EXPLORING_STEP else 1.0
        betas.append(min(1.0, betas[-1] + step))
        running.weigh(betas[-1] - betas[-2])
        running.resample(generator)
        log_sizes.append(log_size)
        size = torch.tensor([math.exp(log_size)], dtype=torch.float64, device=target.latents.device)
        acceptance = float(running.move(size, betas[-1], leapfrog_steps).mean())
        log_size += _GAIN * (acceptance - TARGET_ACCEPTANCE)
    while betas[-1] < 1:
        # equal steps of log beta, which suit a Gaussian, whose standard deviation falls as 1 / beta
        betas.append(min(1.0, betas[-1] * max(1.01, betas[-1] / betas[-2])))
        log_sizes.append(log_size)
    return AnnealingSchedule(
        tuple(betas), torch.tensor(log_sizes, dtype=torch.float64).unsqueeze(1).exp(), leapfrog_steps
    )


def tune(
    target: Target, schedule: AnnealingSchedule, seeds: Sequence[int], chains: int, on_step: OnStep = _nothing
) -> tuple[AnnealingSchedule, Annealed]:
    """The schedule with step sizes for each example, found by a pilot run that starts from the schedule's step sizes
    and adapts them to the acceptance rate. Since they adapt, the pilot's own bound holds only approximately."""
    running = Chains(target, seeds, chains)
    offset = torch.zeros(len(seeds), dtype=torch.float64, device=target.latents.device)
    offsets: list[Tensor] = []
    for (before, beta), size in zip(
        pairwise(schedule.betas), schedule.step_sizes.to(offset.device), strict=True
    ):
        on_step()
        running.weigh(beta - before)
        offsets.append(offset)
        acceptance = running.move(size * offset.exp(), beta, schedule.leapfrog_steps)
        offset = offset + _GAIN * (acceptance - TARGET_ACCEPTANCE)
    return schedule.scaled(torch.stack(offsets)), running.annealed()


def anneal(
    target: Target, schedule: AnnealingSchedule, seeds: Sequence[int], chains: int, on_step: OnStep = _nothing
) -> Annealed:
    """Anneal from draws of the prior to the posterior, for `Annealed.lower_bound`. seeds: one per example."""
    running = Chains(target, seeds, chains)
    for (before, beta), size in zip(pairwise(schedule.betas), schedule.step_sizes, strict=True):
        on_step()
        running.weigh(beta - before)
        running.move(size, beta, schedule.leapfrog_steps)
    return running.annealed()


def anneal_back(
    target: Target,
    schedule: AnnealingSchedule,
    seeds: Sequence[int],
    chains: int,
    exact: Float[Tensor, "n *latent"],
    on_step: OnStep = _nothing,
) -> Annealed:
    """Anneal from exact draws of the posterior to the prior, for `Annealed.upper_bound`, by the transitions of
    `anneal` in reverse order. exact: one draw per example."""
    start = target.latents.to_vectors(exact.unsqueeze(1)).expand(-1, chains, -1)
    running = Chains(target, seeds, chains, start)
    for step in range(len(schedule.step_sizes) - 1, -1, -1):
        on_step()
        running.move(schedule.step_sizes[step], schedule.betas[step + 1], schedule.leapfrog_steps)
        running.weigh(schedule.betas[step + 1] - schedule.betas[step])
    return running.annealed()
