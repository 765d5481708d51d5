"""Windows that were cut from longer sequences, put together again."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from genbench import Split
from genbench.api import step_mask


@dataclass(frozen=True)
class Segments:
    """Pieces of sequences without gaps, one after the other: every observed step once."""

    steps: Shaped[Tensor, "n *step"]
    """The steps of all pieces in the working type, in the order of time within each piece."""
    past: Int[Tensor, " n"]
    """How many steps of the same piece come before each one."""
    are_whole: bool
    """Whether every piece begins where its sequence begins. False: the pieces were cut from longer sequences."""


def segments_of(split: Split) -> Segments:
    """The examples of a split whose first axis is time.

    Windows of longer sequences (`Split.starts`) are joined where they meet or overlap, so that no step counts twice and
    none lacks a past that another window has. Other examples are pieces of their own.
    """
    x = split.tensor()
    count, length = x.shape[:2]
    along = torch.arange(length, device=x.device)
    if split.lengths is not None:
        inside = step_mask(split.lengths, length)
        return Segments(x[inside], along.expand(count, -1)[inside], are_whole=True)
    if split.starts is None:
        return Segments(x.flatten(0, 1), along.repeat(count), are_whole=True)
    times = (split.starts.to(x.device).unsqueeze(1) + along).flatten()
    order = times.argsort(stable=True)
    times = times[order]
    is_new = torch.ones_like(times, dtype=torch.bool)
    is_new[1:] = times[1:] != times[:-1]
    order, times = order[is_new], times[is_new]
    begins = torch.ones_like(times, dtype=torch.bool)
    begins[1:] = times[1:] != times[:-1] + 1
    place = torch.arange(len(times), device=x.device)
    first = torch.where(begins, place, 0).cummax(0).values
    return Segments(x.flatten(0, 1)[order], place - first, are_whole=False)
