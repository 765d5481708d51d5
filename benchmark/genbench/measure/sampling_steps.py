"""Sampling cost and samples at several settings, for models whose sampler can take more steps or fewer."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from genbench.api.model import GenerativeModel, HasSamplingSteps
from genbench.errors import Diverged, SamplingTimeout
from genbench.measure.sampling_cost import flops_per_sample
from genbench.measure.speed import synchronised_clock
from genbench.records.result import SamplingPoint
from genbench.samples.draw import draw_samples


def sampling_curve(
    model: GenerativeModel,
    count: int,
    seed: int,
    budget_seconds: float,
    keep: Callable[[int, Tensor], None],
) -> list[SamplingPoint]:
    """One point per number of steps that the model offers, the smallest number first; empty if the model offers none.

    seed: of the random generator, which is the same for each point. keep: called with the number of steps and the
    samples of each point that has some; their metrics are computed later. budget_seconds: the time for drawing the
    samples of all points. A point has a note instead of values if no time is left, or if it would probably pass the
    budget by more than half, judged by the fastest step so far: a call cannot be stopped before it ends.
    """
    if not isinstance(model, HasSamplingSteps):
        return []
    points: list[SamplingPoint] = []
    # the fastest step so far, because a first call also loads what it needs
    left, step_seconds = budget_seconds, math.inf
    for steps in model.sampling_budgets:
        if left <= 0:
            note = f"the sampling budget of this curve, {budget_seconds:g} s, was used up"
            points.append(SamplingPoint(steps=steps, n=count, note=note))
            continue
        expected = step_seconds * steps if math.isfinite(step_seconds) else 0.0
        if expected > left + budget_seconds / 2:
            note = f"would take about {expected:.2g} s; {left:.2g} s of the budget of {budget_seconds:g} s are left"
            points.append(SamplingPoint(steps=steps, n=count, note=note))
            continue
        generator = torch.Generator(model.device).manual_seed(seed)
        began = synchronised_clock(model.device)
        try:
            samples = draw_samples(model, count, generator, model.spec, left, steps=steps)
        except (SamplingTimeout, Diverged) as error:
            points.append(SamplingPoint(steps=steps, n=count, note=str(error)))
            continue
        finally:
            seconds = synchronised_clock(model.device) - began
            left -= seconds
            step_seconds = min(step_seconds, seconds / steps)
        keep(steps, samples)
        points.append(
            SamplingPoint(
                steps=steps,
                n=count,
                seconds_per_sample=seconds / count,
                flops_per_sample=_flops(model, model.device, steps, seed),
            )
        )
    return points


def _flops(model: HasSamplingSteps, device: torch.device, steps: int, seed: int) -> float | None:
    generator = torch.Generator(device).manual_seed(seed)

    def sample(size: int) -> Tensor:
        with torch.no_grad():
            return model.sample(size, generator, steps=steps)

    return flops_per_sample(sample)
