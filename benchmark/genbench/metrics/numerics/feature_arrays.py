"""The arguments of metric functions: arrays of features, of torch or numpy, which are checked first.

    @of_two_feature_sets
    def some_distance(x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"], *, k: int = 5) -> Estimate: ...

The function gets tensors in float32 or float64, of equal width, finite, without gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genbench.util.mean_errors import (
    MIN_SEPARATE_WINDOWS_OF_SHARES,
    MeanError,
    Windows,
    mean_error,
    separate_windows,
)

FeatureArray = Tensor | NDArray[Any]
P = ParamSpec("P")
R = TypeVar("R")

# Rows that are checked for finite values at a time.
_ROWS = 4096


class Estimate(NamedTuple):
    """The value of a metric and its standard error, 0-dimensional float64."""

    value: Tensor
    """The metric's value."""
    stderr: Tensor
    """Its standard error; NaN where there is none."""
    test_stderr: Tensor | None = None
    """The part of it that comes from the finite reference; None where it is not known apart."""
    is_rough: bool = False
    """Whether the standard error is an order of magnitude only."""


def two_sided(
    value: Tensor,
    of_x: Tensor,
    of_y: Tensor,
    windows: Windows | None = None,
    slope: Tensor | float = 1.0,
    sample_windows: Windows | None = None,
) -> Estimate:
    """The estimate `value` with the standard error that comes from both sets.

    of_x: (N,), of_y: (M,), the influence of each example: how g(value) changes with more weight of it, up to a
    constant. slope: the derivative of g at the value; where it is 0 there is no error. windows: those of y.
    sample_windows: those of x.
    """
    x, y = _influence_error(of_x, sample_windows), _influence_error(of_y, windows)
    slope = float(slope)
    scale = 1 / slope if slope > 0 else torch.nan
    return Estimate(
        value,
        value.new_tensor(math.hypot(x.stderr, y.stderr) * scale),
        value.new_tensor(y.stderr * scale),
        x.is_rough or y.is_rough,
    )


def _influence_error(of_examples: Tensor, windows: Windows | None) -> MeanError:
    if windows is not None:
        few = separate_windows(windows) < MIN_SEPARATE_WINDOWS_OF_SHARES
        return mean_error(of_examples, windows)._replace(is_rough=few)
    if len(of_examples) < 2:
        return MeanError(math.nan, is_rough=True)
    return MeanError(float(of_examples.double().std()) / math.sqrt(len(of_examples)), is_rough=False)


def of_two_feature_sets(
    function: Callable[Concatenate[Tensor, Tensor, P], R],
) -> Callable[Concatenate[FeatureArray, FeatureArray, P], R]:
    """Let a function of (samples, reference) take numpy arrays too, and check its arguments.

    The function raises ValueError where an array is not (N, D), where the widths differ, and where values are NaN or
    infinite.
    """

    @wraps(function)
    def checked(x: FeatureArray, y: FeatureArray, /, *args: P.args, **kwargs: P.kwargs) -> R:
        name = function.__name__
        first, second = (
            as_features(x, f"{name}: the first array"),
            as_features(y, f"{name}: the second array"),
        )
        if first.shape[1] != second.shape[1]:
            raise ValueError(
                f"{name}: features of unequal width, {tuple(first.shape)} and {tuple(second.shape)}"
            )
        with torch.no_grad():
            return function(first, second, *args, **kwargs)

    return checked


def of_one_feature_set(
    function: Callable[Concatenate[Tensor, P], R],
) -> Callable[Concatenate[FeatureArray, P], R]:
    """`of_two_feature_sets` for a function of one array."""

    @wraps(function)
    def checked(x: FeatureArray, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with torch.no_grad():
            return function(as_features(x, f"{function.__name__}: the array"), *args, **kwargs)

    return checked


def evenly_spaced(x: Tensor, count: int) -> Tensor:
    """`count` evenly spaced examples of x, since files may be sorted by class; all, where there are fewer."""
    if len(x) <= count:
        return x
    return x[torch.arange(count, device=x.device) * len(x) // count]


def as_features(array: FeatureArray, what: str = "the array") -> Tensor:
    """The array as a tensor, (N, D) float64 if it was float64, else float32. It shares memory with the array if it can.

    what: names the array in messages. Raises ValueError as in `of_two_feature_sets`.
    """
    tensor = (
        torch.from_numpy(np.ascontiguousarray(array)) if isinstance(array, np.ndarray) else array.detach()
    )
    if tensor.ndim != 2:
        raise ValueError(f"{what} has shape {tuple(tensor.shape)}, expected (examples, features)")
    if tensor.dtype != torch.float64:
        tensor = tensor.float()
    # a sum is finite only if all terms are, and summing is many times faster than checking each number
    suspects = [rows for rows in tensor.split(_ROWS) if not rows.sum().isfinite()]
    bad = sum(int((~rows.isfinite()).any(1).sum()) for rows in suspects)
    if bad:
        raise ValueError(f"{what} has NaN or infinite values in {bad} of its {len(tensor)} rows")
    return tensor
