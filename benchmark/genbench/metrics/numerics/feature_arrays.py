"""What the plain functions take: two arrays of features, of torch or numpy, checked before anything else.

    @of_two_feature_sets
    def some_distance(x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"], *, k: int = 5) -> Estimate: ...

What the function sees are tensors in float32 or float64, of equal width, finite, without gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

FeatureArray = Tensor | NDArray[Any]
P = ParamSpec("P")
R = TypeVar("R")

# Rows checked for being finite at a time.
_ROWS = 4096


class Estimate(NamedTuple):
    """A figure and its standard error, 0-dimensional float64. stderr is NaN where there is none."""

    value: Tensor
    stderr: Tensor


def of_two_feature_sets(
    function: Callable[Concatenate[Tensor, Tensor, P], R],
) -> Callable[Concatenate[FeatureArray, FeatureArray, P], R]:
    """Let a function of (samples, reference) take numpy arrays too, and refuse what is not features.

    Raises ValueError, in one line, where an array is not (N, D), where the widths differ, and where values
    are NaN or infinite.
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
    """The same for a function of one array."""

    @wraps(function)
    def checked(x: FeatureArray, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with torch.no_grad():
            return function(as_features(x, f"{function.__name__}: the array"), *args, **kwargs)

    return checked


def evenly_spaced(x: Tensor, count: int) -> Tensor:
    """`count` examples from all over x (all, if there are fewer): files may be sorted by class."""
    if len(x) <= count:
        return x
    return x[torch.arange(count, device=x.device) * len(x) // count]


def as_features(array: FeatureArray, what: str = "the array") -> Tensor:
    """(N, D) float32, or float64 where it was; shares memory where it can. ValueError: see above."""
    tensor = (
        torch.from_numpy(np.ascontiguousarray(array)) if isinstance(array, np.ndarray) else array.detach()
    )
    if tensor.ndim != 2:
        raise ValueError(f"{what} has shape {tuple(tensor.shape)}, expected (examples, features)")
    if tensor.dtype != torch.float64:
        tensor = tensor.float()
    # A sum is finite only if all of it is, and comes many times faster than looking at each number.
    suspects = [rows for rows in tensor.split(_ROWS) if not rows.sum().isfinite()]
    bad = sum(int((~rows.isfinite()).any(1).sum()) for rows in suspects)
    if bad:
        raise ValueError(f"{what} has NaN or infinite values in {bad} of its {len(tensor)} rows")
    return tensor
