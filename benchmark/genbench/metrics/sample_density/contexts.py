"""What the counts of each modality are conditioned on.

tokens      the three symbols before (an n-gram model of order 4)
image       two chains. One knows the pixels to the left and above, in the order of JBIG's template (ITU-T T.82): ten of
            them where there are two levels, else four in coarse bins. The other knows the position and its nearest
            pixels. Their mean covers texture and layout. In colour images both know the preceding channel
pianoroll   two chains. One knows relative pitch: the keys around this one in the step before, the interval to the next
            lower note of this step, the number of notes. The other knows the key itself
series      (of integers) two chains. One knows the two steps before, the other also the time
"""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor

from genbench.api.spec import DataSpec
from genbench.metrics.sample_density.backoff import Chains, Context, ContextsOf, coded

_ORDER = 3
_TEMPLATE = ((0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0), (-1, 2), (-1, -2), (-2, 1), (-2, -1))
_NO_NOTE, _FARTHEST = 0, 13


def ordered_contexts(spec: DataSpec, levels: int) -> ContextsOf | None:
    """The contexts of a modality whose numbers have an order; None for points, whose numbers have none."""
    shape = spec.event_shape
    if spec.modality == "tokens":
        return lambda x: token_contexts(x, levels)
    if spec.modality == "image" and len(shape) == 3:
        return lambda x: image_contexts(x.view(-1, *shape), levels)
    if spec.modality == "pianoroll" and len(shape) == 2:
        return lambda x: pianoroll_contexts(x.view(-1, *shape))
    if spec.modality == "series" and len(shape) == 2:
        return lambda x: series_contexts(x.view(-1, *shape), levels)
    return None


def token_contexts(x: Int[Tensor, "n time"], levels: int) -> Chains:
    """Chains for tokens; see the module's table."""
    before = [_moved(x, ((1, step),), levels) for step in range(1, _ORDER + 1)]
    return [[coded([(b, levels + 1) for b in before[:order]], x) for order in range(_ORDER + 1)]]


def image_contexts(x: Int[Tensor, "n channels height width"], levels: int) -> Chains:
    """Chains for images; see the module's table."""
    flat = x.flatten(1)
    channels = x.shape[1]
    channel = (torch.arange(channels).repeat_interleave(x[0, 0].numel()).expand_as(flat), channels)
    place = (torch.arange(flat.shape[1]).expand_as(flat), flat.shape[1])

    def pixels(count: int, *bins: int) -> list[tuple[Tensor, int]]:
        return [
            _binned(_moved(x, ((2, -dy), (3, -dx)), 0).flatten(1), levels, most)
            for (dy, dx), most in zip(_TEMPLATE[:count], bins, strict=True)
        ]

    under = [_binned(_moved(x, ((1, 1),), 0).flatten(1), levels, 6)] if channels > 1 else []
    if levels == 2:
        steps = [pixels(count, *[2] * count) for count in (0, 2, 4, 6, 10)]
        here = [pixels(count, *[2] * count) for count in (0, 2, 4)]
    else:
        steps = [[], pixels(2, 6, 6), pixels(4, 6, 6, 4, 4)]
        here = [[], pixels(2, 3, 3)]
    return [
        [coded([channel, *(under if step else []), *step], flat) for step in steps],
        [coded([place, *(under if step else []), *step], flat) for step in here],
    ]


def pianoroll_contexts(x: Int[Tensor, "n time keys"]) -> Chains:
    """Chains for piano rolls; see the module's table."""
    flat, sounding = x.flatten(1), x.gt(0).long()
    before = [(_moved(sounding, ((1, 1), (2, -dk)), 0).flatten(1), 2) for dk in (0, -1, 1, -2, 2)]
    first = ((torch.arange(x.shape[1]) == 0).long()[:, None].expand(x.shape[1:]).flatten().expand_as(flat), 2)
    so_far = ((sounding.cumsum(2) - sounding).clamp(max=4).flatten(1), 5)
    still = (_moved(sounding, ((1, 1),), 0).flip(2).cumsum(2).flip(2).clamp(max=4).flatten(1), 5)
    below = (_interval_below(sounding).flatten(1), _FARTHEST + 1)
    key = (torch.arange(x.shape[2]).repeat(x.shape[1]).expand_as(flat), x.shape[2])
    relative: list[list[tuple[Tensor, int]]] = [
        [],
        [*before, first],
        [*before, below, first],
        [*before, so_far, still, below, first],
    ]
    absolute = [[key], [key, before[0], first], [key, *before, so_far, first]]
    return [[coded(parts, flat) for parts in chain] for chain in (relative, absolute)]


def series_contexts(x: Int[Tensor, "n time channels"], levels: int) -> Chains:
    """Chains for series of integers; see the module's table."""
    flat, channels = x.flatten(1), x.shape[2]
    channel = (torch.arange(channels).repeat(x.shape[1]).expand_as(flat), channels)
    place = (torch.arange(flat.shape[1]).expand_as(flat), flat.shape[1])
    one, two = (
        _binned(_moved(x, ((1, step),), 0).flatten(1), levels, most) for step, most in ((1, 16), (2, 6))
    )
    near = _binned(one[0], one[1], 4)
    return [
        [coded([channel], flat), coded([channel, one], flat), coded([channel, one, two], flat)],
        [coded([place], flat), coded([place, near], flat)],
    ]


def _binned(values: Tensor, levels: int, most: int) -> tuple[Tensor, int]:
    return (values, levels) if levels <= most else (values * most // levels, most)


def _moved(x: Tensor, by: tuple[tuple[int, int], ...], fill: int) -> Tensor:
    """x moved along dimensions. by: pairs of dimension and steps: a position then holds what lay so many steps before
    it. fill: the values that come in at the edge."""
    moved = x
    for dimension, steps in by:
        size = moved.shape[dimension]
        edge = torch.full_like(moved.narrow(dimension, 0, min(abs(steps), size)), fill)
        keep = max(0, size - abs(steps))
        if steps > 0:
            moved = torch.cat([edge, moved.narrow(dimension, 0, keep)], dimension)
        elif steps < 0:
            moved = torch.cat([moved.narrow(dimension, size - keep, keep), edge], dimension)
    return moved


def _interval_below(sounding: Int[Tensor, "n time keys"]) -> Int[Tensor, "n time keys"]:
    """The number of keys down to the nearest lower one that sounds in the same step, at most 13; 0 where none
    sounds."""
    keys = torch.arange(sounding.shape[2]).expand_as(sounding)
    last = torch.where(sounding > 0, keys, -1).cummax(2).values
    lower = torch.cat([torch.full_like(last[..., :1], -1), last[..., :-1]], 2)
    return torch.where(lower >= 0, (keys - lower).clamp(max=_FARTHEST), _NO_NOTE)


__all__ = [
    "Context",
    "image_contexts",
    "ordered_contexts",
    "pianoroll_contexts",
    "series_contexts",
    "token_contexts",
]
