"""Quality against the sampling budget, for models whose sampler can take more steps or fewer."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from genbench.api.model import GenerativeModel, HasSamplingSteps
from genbench.errors import Diverged, SamplingTimeout
from genbench.measure.sampling_cost import flops_per_sample
from genbench.measure.speed import synchronised_clock
from genbench.records.result import MetricValue, SamplingPoint
from genbench.samples.draw import draw_samples


def sampling_curve(
    model: GenerativeModel,
    count: int,
    seed: int,
    budget_seconds: float,
    judge: Callable[[Tensor], list[MetricValue]],
) -> list[SamplingPoint]:
    """One point for each of the model's sampling budgets, fewest steps first.

    budget_seconds: of drawing them all; points that it does not reach say so, and so do those that, by the least that
    a step took before, would pass it by more than half: a call cannot be stopped in the middle. seed: the same chance
    for each. judge: from samples to the figures of a point.
    """
    if not isinstance(model, HasSamplingSteps):
        return []
    points: list[SamplingPoint] = []
    # the least that a step took: a first call also loads what it needs
    left, step_seconds = budget_seconds, math.inf
    for steps in model.sampling_budgets:
        if left <= 0:
            note = f"the budget of this curve, {budget_seconds:g}s, was used up"
            points.append(SamplingPoint(steps=steps, n=count, note=note))
            continue
        expected = step_seconds * steps if math.isfinite(step_seconds) else 0.0
        if expected > left + budget_seconds / 2:
            note = f"would take about {expected:.2g} s, {left:.2g} s of this curve's {budget_seconds:g} s are left"
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
        points.append(
            SamplingPoint(
                steps=steps,
                n=count,
                seconds_per_sample=seconds / count,
                flops_per_sample=_flops(model, model.device, steps, seed),
                metrics=judge(samples),
            )
        )
    return points


def _flops(model: HasSamplingSteps, device: torch.device, steps: int, seed: int) -> float | None:
    generator = torch.Generator(device).manual_seed(seed)

    def sample(size: int) -> Tensor:
        with torch.no_grad():
            return model.sample(size, generator, steps=steps)

    return flops_per_sample(sample)
