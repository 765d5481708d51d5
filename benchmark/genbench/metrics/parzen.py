"""Kernel density ("Parzen window") log-likelihood of real data under a model's samples. Unsound.

It is the mean log-density of real data under Gaussians of one width at all samples, the width being chosen on the
validation split. GANs and VAEs were first compared in this way. It orders models wrongly: in many dimensions, thousands
of windows say very little about a density, and centres of clusters get a higher value than the true distribution (Theis
et al. 2016, "A note on the evaluation of generative models", section 3.2; Wu et al. 2017, section 5). It is here for
comparison with published numbers. No ranking uses it, and it is never shown in the column of likelihoods.
"""

from __future__ import annotations

import math

import msgspec
import torch
from jaxtyping import Float
from torch import Tensor

from genbench.metrics.metric_values import metric_value, without_value
from genbench.metrics.numerics.distances import centred, left_operand, right_operand, tiles
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.mean_errors import mean_error

NAME = "parzen_log_likelihood"
UNSOUND = "unsound: orders models wrongly (Theis et al. 2016)"
KIND = "unsound (Parzen window)"
# The bandwidth is chosen on at most this many validation examples; more would hardly change it.
_MAX_VALIDATION_EXAMPLES = 500
_SEED = 0
# Bandwidths that are tried first, each half of the one before, from twice the spread of the samples downwards. A
# golden-section search refines the best.
_OCTAVES = 14
_GOLDEN = (math.sqrt(5) - 1) / 2
_GOLDEN_STEPS = 12


def parzen_log_likelihood(
    x: Float[Tensor, "n *event"], samples: Float[Tensor, "m *event"], bandwidth: float
) -> Float[Tensor, " n"]:
    """The logarithm of the mean over samples of N(x; sample, bandwidth² I), float64 nats."""
    wide, centres = centred(x.flatten(1), samples.flatten(1))
    total = wide.new_full((len(wide),), -torch.inf)
    for rows, _, squared in tiles(left_operand(wide), right_operand(centres)):
        total[rows] = torch.logaddexp(total[rows], _log_sum(squared, bandwidth))
    return total - math.log(len(samples)) - _log_volume(wide.shape[1], bandwidth)


def choose_bandwidth(valid: Float[Tensor, "n *event"], samples: Float[Tensor, "m *event"]) -> float:
    """The bandwidth under which validation examples are likeliest, with a precision of a hundredth. All distances
    between them and the samples are in memory at once."""
    wide, centres = centred(valid.flatten(1), samples.flatten(1))
    squared = left_operand(wide) @ right_operand(centres).T
    dimension = wide.shape[1]
    widest = float(centres.var(0, correction=0).mean().sqrt()) or 1.0

    def loss(log_bandwidth: float) -> float:
        bandwidth = math.exp(log_bandwidth)
        return _log_volume(dimension, bandwidth) - float(_log_sum(squared, bandwidth).mean())

    octaves = [math.log(widest) + math.log(2) * (1 - octave) for octave in range(_OCTAVES)]
    losses: list[float] = []
    for octave in octaves:
        losses.append(loss(octave))
        if losses[-1] > min(losses):
            break  # narrower ones are worse
    best = octaves[losses.index(min(losses))]
    low, high = best - math.log(2), best + math.log(2)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = loss(left), loss(right)
    for _ in range(_GOLDEN_STEPS):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = loss(right)
    return math.exp((low + high) / 2)


def _log_sum(squared: Float[Tensor, "n m"], bandwidth: float) -> Float[Tensor, " n"]:
    return torch.logsumexp(squared.clamp(min=0.0) / (-2 * bandwidth**2), 1)


def _log_volume(dimension: int, bandwidth: float) -> float:
    return dimension * (math.log(bandwidth) + 0.5 * math.log(2 * math.pi))


def score_parzen(inputs: ScoringInputs) -> list[MetricValue]:
    """The metric `parzen_log_likelihood`."""
    obstacle = _obstacle(inputs)
    if obstacle is not None or inputs.valid is None:
        return without_value([NAME], inputs, obstacle or "no validation examples to choose a bandwidth on")
    samples = inputs.samples.double()
    valid = inputs.valid.random_subset(_MAX_VALIDATION_EXAMPLES, _SEED).tensor().double()
    bandwidth = choose_bandwidth(valid, samples)
    values = parzen_log_likelihood(inputs.reference.double(), samples, bandwidth)
    stderr = mean_error(values, inputs.reference_windows).stderr
    # what other samples would change is not in it: one sample can decide the density of a real example
    made = metric_value(
        NAME, inputs, values.mean(), stderr=stderr, test_stderr=stderr, is_rough=True, note=UNSOUND
    )
    return [msgspec.structs.replace(made, kind=KIND)]


def _obstacle(inputs: ScoringInputs) -> str | None:
    for side, examples in (("samples", inputs.samples), ("reference examples", inputs.reference)):
        if len(examples) < 2:
            return f"{len(examples)} {side}, needs at least 2"
    if not inputs.samples.double().isfinite().all():
        return "the samples are not all finite"
    return None
