"""A warning of obvious mode collapse: samples that are all alike, or far less varied than the data."""

from __future__ import annotations

import torch
from torch import Tensor

MIN_SHARE = 0.1
"""Samples are called collapsed if they have less than this share of the data's total variance, or of its number of
distinct examples. A model that lacks only some modes has more; diversity metrics show that."""


def collapse_warning(samples: Tensor, reference: Tensor) -> str | None:
    """One line that says how the samples are collapsed; None where they are not, and where the data do not vary either.

    samples, reference: (n, *event_shape) and (m, *event_shape), in the data's domain, finite.
    """
    count = min(len(samples), len(reference))
    if count < 2:
        return None
    samples, reference = samples[:count].flatten(1), reference[:count].flatten(1)
    data_distinct = _distinct(reference)
    if data_distinct == 1:
        return None
    distinct = _distinct(samples)
    if distinct == 1:
        return f"mode collapse: all of {count} samples are alike"
    if distinct < MIN_SHARE * data_distinct:
        return f"mode collapse: {distinct} distinct samples of {count}, where the data have {data_distinct}"
    share = _total_variance(samples) / _total_variance(reference)
    if share < MIN_SHARE:
        return f"mode collapse: samples have {share:.2g} of the data's variance"
    return None


def _distinct(x: Tensor) -> int:
    return len(torch.unique(x, dim=0))


def _total_variance(x: Tensor) -> float:
    return float(x.double().var(0, correction=0).sum())
