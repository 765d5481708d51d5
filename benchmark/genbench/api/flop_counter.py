"""Floating-point operations of a block of code: of a training step, or of drawing a sample.

torch's formulas count matrix products, convolutions and attention, a multiply-add as two operations. They count
elementwise work as nothing, as publications do. They lack the fused recurrent kernels and the CPU's fused attention,
which are added here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch._ops import HigherOrderOperator
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry, shape_wrapper


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


def _attention_flops(query: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> int:
    # queries times keys, then their weights times values
    batch, heads, queries, width = query
    return int(2 * batch * heads * queries * key[-2] * (width + value[-1]))


def _attention_backward_flops(_: Any, query: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> int:
    # the weights once more; then two products for each of the two of the forward pass
    batch, heads, queries, width = query
    return int(2 * batch * heads * queries * key[-2] * (3 * width + 2 * value[-1]))


_FUSED_KERNELS = {
    torch.ops.aten._cudnn_rnn: _cudnn_rnn_flops,
    torch.ops.aten._cudnn_rnn_backward: _cudnn_rnn_backward_flops,
    torch.ops.aten.mkldnn_rnn_layer: _mkldnn_rnn_flops,
    torch.ops.aten.mkldnn_rnn_layer_backward: _mkldnn_rnn_backward_flops,
    # torch has formulas for the kernels of GPUs alone
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward_flops,
}


_REPEATS = 5

_FORMULAS: dict[Any, Callable[..., int]] = {
    **flop_registry,
    **{operator: shape_wrapper(formula) for operator, formula in _FUSED_KERNELS.items()},
}


@dataclass
class Count:
    """What was counted so far."""

    flops: float = 0.0
    """Floating-point operations."""
    operators: int = 0
    """Calls of torch's operators, those that cost no FLOPs included."""


class _CountingMode(TorchDispatchMode):
    """Adds up the formulas of the operators that run inside.

    torch's own `FlopCounterMode` does so for each module separately. That makes a step ten times slower, against three
    times here, and its hooks on modules' inputs refuse `torch.autograd.grad` of an input, which every gradient penalty
    needs.
    """

    supports_higher_order_operators = True

    def __init__(self, count: Count) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = count

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if isinstance(func, HigherOrderOperator):
            return NotImplemented  # torch then calls this method for each operator inside
        self.count.operators += 1
        formula = _FORMULAS.get(func._overloadpacket)
        if formula is not None:
            result = func(*args, **kwargs)
            self.count.flops += formula(*args, **kwargs, out_val=result)
            return result
        if _is_composite(func):  # in inference mode torch has not decomposed it before
            with self:
                return func.decompose(*args, **kwargs)
        return func(*args, **kwargs)


@cache
def _is_composite(func: Any) -> bool:
    """Whether an operator without a formula is made of others, which may have formulas."""
    return bool(func._can_decompose())


@contextmanager
def counting() -> Iterator[Count]:
    """Count the FLOPs of the block."""
    count = Count()
    with _CountingMode(count):
        yield count


@contextmanager
def flops_of() -> Iterator[list[float]]:
    """`with flops_of() as flops: ...` leaves the FLOPs of the block in flops[0]."""
    result = [0.0]
    with counting() as count:
        yield result
    result[0] = count.flops


@cache
def counting_seconds_per_operator() -> float:
    """By how much counting slows an operator down on this machine: measured once, on a tiny network, in about 10 ms.
    No random numbers are drawn for it."""
    x, weights = torch.ones(16, 8), torch.ones(8, 8, requires_grad=True)

    def step() -> float:
        began = time.perf_counter()
        ((x @ weights).relu() @ weights).square().mean().backward()
        return time.perf_counter() - began

    with torch.enable_grad():
        step()
        ordinary = min(step() for _ in range(_REPEATS))
        with counting() as count:
            counted = min(step() for _ in range(_REPEATS))
    return max(0.0, counted - ordinary) * _REPEATS / count.operators
