"""The arguments of functions of two sets of series, of torch or numpy, which are checked first.

@of_two_sets_of_series
def some_difference(x: Float[Tensor, "n time channels"], y: Float[Tensor, "m time channels"]) -> Estimate: ...
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor

from genbench.metrics.numerics.feature_arrays import FeatureArray, as_features

P = ParamSpec("P")
R = TypeVar("R")


def of_two_sets_of_series(
    function: Callable[Concatenate[Tensor, Tensor, P], R],
) -> Callable[Concatenate[FeatureArray, FeatureArray, P], R]:
    """Let a function of (samples, reference) take numpy arrays too, and check its arguments.

    The function raises ValueError where an array is not (N, time, channels), where lengths or channels differ, and
    where values are NaN or infinite.
    """

    @wraps(function)
    def checked(x: FeatureArray, y: FeatureArray, /, *args: P.args, **kwargs: P.kwargs) -> R:
        name = function.__name__
        first = _as_series(x, f"{name}: the first array")
        second = _as_series(y, f"{name}: the second array")
        if first.shape[1:] != second.shape[1:]:
            raise ValueError(
                f"{name}: series of unequal length or channels, {tuple(first.shape)} and {tuple(second.shape)}"
            )
        return function(first, second, *args, **kwargs)

    return checked


def _as_series(array: FeatureArray, what: str) -> Tensor:
    """The array as a tensor, (N, time, channels) float64 if it was float64, else float32. Raises ValueError."""
    series = torch.as_tensor(array).detach()
    if series.ndim != 3:
        raise ValueError(f"{what} has shape {tuple(series.shape)}, expected (series, time, channels)")
    return as_features(series.flatten(1), what).view(series.shape)
