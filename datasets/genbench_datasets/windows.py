"""Splits of windows that are cut from blocks of a longer series."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from genbench import DataSpec, Split


def windows_split(
    spec: DataSpec, series: Float[Tensor, "time variables"], blocks: Iterable[tuple[int, int]]
) -> Split:
    """Every window (steps, variables) that lies within a block, in the order of time. A block is the time step at which
    it begins and the one before which it ends. The split knows where in time its windows lie."""
    steps, variables = spec.event_shape
    windows, starts = [torch.empty(0, steps, variables)], [torch.empty(0, dtype=torch.int64)]
    for begin, end in blocks:
        if end - begin >= steps:
            windows.append(series[begin:end].unfold(0, steps, 1).transpose(1, 2))
            starts.append(torch.arange(begin, end - steps + 1))
    return Split(spec, torch.cat(windows).contiguous(), starts=torch.cat(starts))
