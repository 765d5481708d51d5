"""Sequences of different lengths: which steps belong to an example, and what is asked of lengths and prompts.

A batch of pieces is padded on the right to the longest of them. What stands in the padding is never part of an example:
it changes no likelihood, and models return zeros there.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from genbench.api.spec import DataSpec
from genbench.errors import DataError


def step_mask(lengths: Tensor, steps: int) -> Tensor:
    """(N,) int64 -> (N, steps) bool: True at the first `lengths[i]` steps of row i."""
    return torch.arange(steps, device=lengths.device) < lengths.unsqueeze(1)


def zero_padding(x: Tensor, lengths: Tensor) -> Tensor:
    """x (N, T, ...) with 0 at all steps beyond each row's length. lengths: (N,)."""
    inside = step_mask(lengths, x.shape[1])
    return x * inside.reshape(*inside.shape, *(1 for _ in x.shape[2:])).to(x.dtype)


def pad_steps(x: Tensor, steps: int) -> Tensor:
    """x (N, T, ...) with zeros appended along time to `steps` steps."""
    missing = steps - x.shape[1]
    return x if missing == 0 else torch.cat([x, x.new_zeros(len(x), missing, *x.shape[2:])], 1)


def like_lengths(lengths: Tensor, most_steps: int, most: int | None = None) -> Iterator[Tensor]:
    """Indices of pieces in batches of like lengths, the longest first: each batch times its longest length is at most
    `most_steps`, or is one piece. most: the most pieces in a batch; None: any number."""
    order = lengths.argsort(descending=True, stable=True)
    start = 0
    while start < len(order):
        size = max(1, most_steps // int(lengths[order[start]]))
        size = size if most is None else min(size, most)
        yield order[start : start + size]
        start += size


def check_lengths(lengths: Tensor, count: int, longest: int, where: str) -> None:
    """Raise DataError unless `lengths` are `count` whole numbers in 1..longest. where: opens the message."""
    if lengths.dtype != torch.int64 or tuple(lengths.shape) != (count,):
        raise DataError(
            f"{where}: lengths are {tuple(lengths.shape)} {lengths.dtype}, expected ({count},) torch.int64"
        )
    if count and (int(lengths.min()) < 1 or int(lengths.max()) > longest):
        raise DataError(
            f"{where}: lengths range over {int(lengths.min())}..{int(lengths.max())}, expected 1..{longest}"
        )


def check_prompt(x: Tensor, lengths: Tensor, spec: DataSpec) -> None:
    """Raise DataError, in one line, unless the first `lengths[i]` steps of each row of x are a prompt that a model of
    this spec can continue: not empty, not longer than x, and x not longer than the context, which is `event_shape[0]`.

    x: (N, T, *step_shape), T being the length of the result. lengths: (N,) int64.
    """
    context = spec.event_shape[0]
    if tuple(x.shape[2:]) != spec.step_shape or x.ndim != 1 + len(spec.event_shape):
        raise DataError(
            f"{spec.name}: a prompt has shape {tuple(x.shape)}, expected (count, steps, *{spec.step_shape})"
        )
    if x.shape[1] > context:
        raise DataError(
            f"{spec.name}: prompt and continuation have {x.shape[1]} steps, which is longer than the context of"
            f" {context}"
        )
    if lengths.dtype == torch.int64 and tuple(lengths.shape) == (len(x),) and bool((lengths < 1).any()):
        raise DataError(f"{spec.name}: a prompt is empty; give at least one step, or use sample")
    check_lengths(lengths, len(x), x.shape[1], f"{spec.name}: prompts")
