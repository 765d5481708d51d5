"""The moving average of a network's weights, whose samples are steadier than those of the last step's.

Polyak & Juditsky 1992; for GANs Yazıcı et al. 2019, https://arxiv.org/abs/1806.04498; for diffusion Ho et al. 2020.
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


def averaged_copy(network: Network) -> Network:
    """The average before the first step."""
    return copy.deepcopy(network).requires_grad_(False)


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, decay: float, steps: int) -> None:
    """Update the average after a step of the network. Buffers are copied. steps: how many updates came before.

    The decay after n of them is at most (1 + n) / (10 + n), so that a short training averages over its last tenth at
    most.
    """
    averages: list[Tensor] = list(average.parameters())
    currents: list[Tensor] = list(network.parameters())
    torch._foreach_lerp_(averages, currents, 1 - min(decay, (1 + steps) / (10 + steps)))
    for averaged, current in zip(average.buffers(), network.buffers(), strict=True):
        averaged.copy_(current)
