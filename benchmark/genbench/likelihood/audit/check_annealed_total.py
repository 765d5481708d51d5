"""Checks of the total of an exact likelihood in any number of dimensions, by chains between a reference and the model.

Annealed importance sampling (Neal 2001) along f_b(x) = q(x)^(1-b) p(x)^b, where q is a normalised reference and p the
likelihood. Chains that start from draws of q and end at p have weights whose mean is exactly the sum (or integral) of
p. Chains that start from the model's own samples and run the other way have weights whose mean is exactly 1 if the
samples are drawn from p and p has the total 1 (the reverse estimator of Grosse et al. 2015). Both hold for any schedule
and any number of moves, so the weights can be bet on (`e_values`): a right likelihood fails with a probability of at
most `FALSE_ALARM_RATE`, and more steps only make wrong ones easier to find.

    not over-claimed, annealed     p adds up to more than 1: constants that were added, a likelihood at another
                                   temperature
    not under-claimed, annealed    p adds up to less than 1, or the samples are not drawn from it

A chain needs one call of `log_prob` per step: a move that is reversible under q is proposed (`Reference.moved`), and
accepted with the ratio (p / q)^b, since q has done its part (surrogate transitions, Liu 2001, section 9.4.3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from genbench.likelihood.audit.check_own_samples import judge_ratios
from genbench.likelihood.audit.likelihood_values import LikelihoodValues
from genbench.likelihood.audit.reference_density import LONGEST_MOVE, Reference
from genbench.records.audit import AuditCheck

OVER_CLAIMED, UNDER_CLAIMED = "not over-claimed, annealed", "not under-claimed, annealed"
MIN_CHAINS, MAX_CHAINS = 64, 256
"""Chains in each direction. More of them find smaller constants, in proportion to one over the square root."""
MIN_STEPS, MAX_STEPS = 50, 1200
"""Temperatures. With fewer, weights of images vary by so much that nothing would be found."""
# Rough costs on one core: of a model's operations, of its functions of each number, and of a chain's own steps.
_SECONDS_PER_FLOP, _SECONDS_PER_NUMBER, _SECONDS_PER_STEP, _SECONDS_PER_LENGTH = 1 / 1e10, 4e-7, 2e-5, 1e-5
_PROBED = 64  # examples on which costs and acceptance are measured
_LENGTHS = (1, 2, 4, 8, 16)
_MAX_SPREADS = 100.0  # the largest ratio of spreads between the two ends that the schedule follows


@dataclass(frozen=True)
class Chains:
    """What every chain of an audit shares."""

    likelihood: LikelihoodValues
    """The likelihood p, exact."""
    reference: Reference
    """The density q."""
    betas: Float64[Tensor, " steps"]
    """Inverse temperatures, from 0 to 1."""
    length: int
    """Length of the moves, on average (`Reference.moved`)."""

    def log_weights(
        self, drawn: Tensor, samples: Tensor, generator: torch.Generator
    ) -> tuple[Float64[Tensor, " n"], Float64[Tensor, " m"]]:
        """Log-weights of chains from draws of q, (N, *event_shape), to p, and of chains from samples of the model,
        (M, *event_shape), to q. Both run in the same calls of `log_prob`."""
        forwards = torch.cat([torch.ones(len(drawn)), torch.zeros(len(samples))]).bool()
        x = torch.cat([drawn, samples])
        log_r = log_ratio(self.likelihood, self.reference, x)
        log_weights = torch.zeros(len(x), dtype=torch.float64)
        steps = len(self.betas) - 1
        for step in range(1, steps + 1):
            change = torch.where(
                forwards,
                self.betas[step] - self.betas[step - 1],
                self.betas[steps - step] - self.betas[steps - step + 1],
            )
            log_weights = log_weights + change * log_r
            if step == steps:
                break
            beta = torch.where(forwards, self.betas[step], self.betas[steps - step])
            x, log_r = self._step(x, log_r, beta, generator)
        return log_weights[forwards], log_weights[~forwards]

    def _step(
        self, x: Tensor, log_r: Float64[Tensor, " n"], beta: Float64[Tensor, " n"], generator: torch.Generator
    ) -> tuple[Tensor, Float64[Tensor, " n"]]:
        # of one length for all chains, whatever their states, so that moves stay reversible
        shortest, longest = (self.length + 2) // 3, min(LONGEST_MOVE, 5 * self.length // 3)
        length = int(torch.randint(shortest, longest + 1, (), generator=generator))
        proposed = self.reference.moved(x, length, generator)
        log_r_proposed = log_ratio(self.likelihood, self.reference, proposed)
        log_odds = beta * (log_r_proposed - log_r)
        # NaN, from two impossible examples, is refused
        accepted = torch.rand(len(x), generator=generator, dtype=torch.float64).log() < log_odds
        x = torch.where(accepted.reshape(-1, *(1,) * (x.dim() - 1)), proposed, x)
        return x, torch.where(accepted, log_r_proposed, log_r)


def check_annealed_total(
    likelihood: LikelihoodValues,
    reference: Reference,
    fitted: Tensor,
    samples: Tensor,
    *,
    seconds: float,
    generator: torch.Generator,
) -> list[AuditCheck]:
    """Both checks of an exact likelihood.

    reference: fitted to `fitted`. fitted: samples of the model, (M, *event_shape), on which the schedule and the
    length of the moves are chosen too. samples: others, from which chains start. seconds: of one core, roughly; the
    number of steps follows from them and the model's operations, and not from a clock, so that repeated audits are
    equal.
    """
    cost = seconds_per_evaluation(likelihood, fitted[:_PROBED])
    length = best_length(likelihood, reference, fitted[:_PROBED], cost, generator)
    chains, steps = affordable_chains(cost + length * _SECONDS_PER_LENGTH, seconds)
    if steps < MIN_STEPS:
        detail = f"{likelihood.method} costs so much that {seconds:g} s allow only {steps} steps"
        return [AuditCheck(name=name, passed=None, detail=detail) for name in (OVER_CLAIMED, UNDER_CLAIMED)]
    betas = _fitted_schedule(likelihood, reference, fitted[:MIN_CHAINS], steps, generator)
    forwards, backwards = Chains(likelihood, reference, betas, length).log_weights(
        reference.sample(chains, generator), samples[:chains], generator
    )
    q = f"q being {reference.name},"
    return [
        judge_ratios(
            OVER_CLAIMED,
            forwards,
            f"the weight of {len(forwards)} chains of {steps} steps from q to p, {q}",
            "p adds up to more than 1",
        ),
        judge_ratios(
            UNDER_CLAIMED,
            backwards,
            f"the weight of {len(backwards)} chains of {steps} steps from samples to q, {q}",
            "p adds up to less than 1, or the samples are not drawn from it",
        ),
    ]


def log_ratio(likelihood: LikelihoodValues, reference: Reference, x: Tensor) -> Float64[Tensor, " n"]:
    """log p(x) - log q(x); -inf where p is no number."""
    return (likelihood.log_prob(x) - reference.log_prob(x)).nan_to_num(-math.inf, math.inf, -math.inf)


def seconds_per_evaluation(likelihood: LikelihoodValues, x: Tensor) -> float:
    """Seconds of one core, roughly, for one step of one chain, from counted operations."""
    with FlopCounterMode(display=False) as counter:
        likelihood.log_prob(x)
    flops = float(counter.get_total_flops()) / len(x)
    return flops * _SECONDS_PER_FLOP + likelihood.spec.dimension * _SECONDS_PER_NUMBER + _SECONDS_PER_STEP


def affordable_chains(cost: float, seconds: float) -> tuple[int, int]:
    """Chains in each direction, and their steps, for the cost of a step of one chain: first more steps, then more
    chains."""
    evaluations = seconds / cost / 2
    chains = int(max(MIN_CHAINS, min(MAX_CHAINS, evaluations / MAX_STEPS)))
    return chains, min(MAX_STEPS, int(evaluations / chains))


def best_length(
    likelihood: LikelihoodValues, reference: Reference, x: Tensor, cost: float, generator: torch.Generator
) -> int:
    """The length of moves for which length times the share that is accepted at the model's end is largest for its
    cost."""
    log_r = log_ratio(likelihood, reference, x)

    def worth(length: int) -> float:
        log_odds = log_ratio(likelihood, reference, reference.moved(x, length, generator)) - log_r
        accepted = float(log_odds.nan_to_num(-math.inf).clamp(max=0.0).exp().mean())
        return length * accepted / (cost + length * _SECONDS_PER_LENGTH)

    worths = [worth(length) for length in _LENGTHS]
    return _LENGTHS[worths.index(max(worths))]


def _fitted_schedule(
    likelihood: LikelihoodValues, reference: Reference, fitted: Tensor, steps: int, generator: torch.Generator
) -> Float64[Tensor, " steps"]:
    drawn = reference.sample(len(fitted), generator)
    at_reference, at_model = (_spread(log_ratio(likelihood, reference, x)) for x in (drawn, fitted))
    return schedule(at_reference, at_model, steps)


def schedule(spread_at_reference: float, spread_at_model: float, steps: int) -> Float64[Tensor, " steps"]:
    """Inverse temperatures from 0 to 1, in steps inversely proportional to the spread of log p / q, which is taken to
    change from one end to the other as b -> s_0 (s_1 / s_0)^b. (steps + 1,)"""
    ratio = spread_at_model / spread_at_reference if spread_at_reference > 0 else 1.0
    ratio = min(_MAX_SPREADS, max(1 / _MAX_SPREADS, ratio))
    even = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    if abs(ratio - 1) < 1e-6:
        return even
    betas = torch.log1p(even * (ratio - 1)) / math.log(ratio)
    betas[-1] = 1.0
    return betas


def _spread(values: Float64[Tensor, " n"]) -> float:
    """The standard deviation, from quantiles, of the values that are finite; 0 where there are fewer than two."""
    finite = values[values.isfinite()]
    if len(finite) < 2:
        return 0.0
    low, high = finite.quantile(torch.tensor([0.16, 0.84], dtype=torch.float64)).tolist()
    return float(high - low) / 2
