"""Floating-point operations of a training step, counted once for each shape and then extrapolated.

torch's counter sees matrix products, convolutions and attention (a multiply-add is two operations) and
takes elementwise work as free, as the field does. It does not know the fused recurrent kernels, which
are added here.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode
from torch.utils.module_tracker import ModuleTracker


def _recurrent_flops(weights: list[torch.Size], steps: int, batch: int) -> int:
    # every matrix of every layer multiplies each step's vector once
    return sum(2 * steps * batch * shape[0] * shape[1] for shape in weights if len(shape) == 2)


def _cudnn_rnn_flops(input_shape: Any, weight_shapes: Any, *args: Any, **kwargs: Any) -> int:
    steps, batch = input_shape[0], input_shape[1]
    return _recurrent_flops(list(weight_shapes), steps, batch)


def _cudnn_rnn_backward_flops(input_shape: Any, weight_shapes: Any, *args: Any, **kwargs: Any) -> int:
    return 2 * _cudnn_rnn_flops(input_shape, weight_shapes)


def _mkldnn_rnn_flops(input_shape: Any, w0: Any, w1: Any, *args: Any, **kwargs: Any) -> int:
    return _recurrent_flops([w0, w1], input_shape[0], input_shape[1])


def _mkldnn_rnn_backward_flops(input_shape: Any, w0: Any, w1: Any, *args: Any, **kwargs: Any) -> int:
    return 2 * _mkldnn_rnn_flops(input_shape, w0, w1)


_RECURRENT_KERNELS = {
    torch.ops.aten._cudnn_rnn: _cudnn_rnn_flops,
    torch.ops.aten._cudnn_rnn_backward: _cudnn_rnn_backward_flops,
    torch.ops.aten.mkldnn_rnn_layer: _mkldnn_rnn_flops,
    torch.ops.aten.mkldnn_rnn_layer_backward: _mkldnn_rnn_backward_flops,
}


class _NoModuleTracker(ModuleTracker):
    """Only totals are wanted here. torch's own tracker hooks every module's inputs to know the share of
    each, and those hooks refuse `torch.autograd.grad` of an input: every gradient penalty."""

    def __enter__(self) -> _NoModuleTracker:
        return self

    def __exit__(self, *error: object) -> None: ...


class FlopCounter:
    """Remembers what a step of each kind cost, by a key that the caller chooses."""

    def __init__(self) -> None:
        self._prices: dict[Hashable, float] = {}

    def price(self, key: Hashable) -> float | None:
        """FLOPs of a step of this kind, or None before it was counted."""
        return self._prices.get(key)

    @contextmanager
    def counting(self, key: Hashable) -> Iterator[None]:
        """Count the FLOPs of what runs inside, and keep them under `key`."""
        mode = FlopCounterMode(display=False, custom_mapping=dict(_RECURRENT_KERNELS))
        mode.mod_tracker = _NoModuleTracker()
        with mode:
            yield
        self._prices[key] = float(mode.get_total_flops())


@contextmanager
def flops_of() -> Iterator[list[float]]:
    """`with flops_of() as flops: ...` leaves the FLOPs of the block in flops[0]."""
    counter, result = FlopCounter(), [0.0]
    with counter.counting("block"):
        yield result
    result[0] = counter.price("block") or 0.0
