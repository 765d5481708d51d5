"""Small networks, and optimisers and schedules to train them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import torch
from torch import nn


def mlp(
    inputs: int,
    hidden: int,
    layers: int,
    outputs: int,
    activation: Callable[[], nn.Module],
    *,
    last_bias: bool = True,
) -> nn.Sequential:
    """(N, inputs) -> (N, outputs) through `layers` hidden layers of width `hidden`."""
    widths = [inputs, *[hidden] * layers]
    modules: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        modules += [nn.Linear(fan_in, fan_out), activation()]
    return nn.Sequential(*modules, nn.Linear(widths[-1], outputs, bias=last_bias))


def standard_normal(dimension: int, device: torch.device) -> torch.distributions.Distribution:
    """N(0, I) over (dimension,)."""
    zeros = torch.zeros(dimension, device=device)
    return torch.distributions.Independent(torch.distributions.Normal(zeros, torch.ones_like(zeros)), 1)


def adam(
    parameters: Iterable[nn.Parameter], learning_rate: float, betas: tuple[float, float] = (0.9, 0.999)
) -> torch.optim.Adam:
    """Adam in one fused kernel: the optimiser's own overhead is most of a small model's step."""
    return torch.optim.Adam(parameters, lr=learning_rate, betas=betas, fused=True)


def set_learning_rate(optimiser: torch.optim.Optimizer, peak: float, fraction: float) -> None:
    """The schedule of all models here, for `fraction` of the budget used: up to `peak` within 2 % of it,
    while Adam's second moments are still averages over a few batches, then down to 1 % of `peak` along half a
    cosine (Loshchilov & Hutter 2017)."""
    rise = min(1.0, 0.05 + fraction / 0.02)
    fall = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * fraction))
    for group in optimiser.param_groups:
        group["lr"] = peak * rise * fall


@contextmanager
def evaluation_mode(module: nn.Module) -> Iterator[None]:
    """Within the block batch normalisation uses its running statistics: a sample must not depend on how many are drawn
    with it."""
    was_training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was_training)
