"""Distances from samples to the training set: the statistics of the metrics of memorisation.

The training features may be mapped from a file and larger than memory. They are converted to float64 a chunk at a time,
so that the memory needed besides the features does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genbench.metrics.numerics.distances import TILE, nearest_neighbours, tie_slack

_CHUNK_NUMBERS = 2**21


@dataclass(frozen=True)
class NearestTraining:
    """Statistics of N samples: squared distances, float64."""

    to_sample: Float[Tensor, " n"]
    """From each sample to its nearest training example."""
    to_train: Float[Tensor, " n"]
    """From that training example to its nearest other one."""
    rounding: Float[Tensor, " n"]
    """The rounding error of the two distances."""


def nearest_training(samples: Float[Tensor, "n dim"], train: Float[Tensor, "m dim"]) -> NearestTraining:
    """Features to statistics. Raises ValueError for fewer than 2 training examples."""
    if len(train) < 2:
        raise ValueError(f"neighbours among {len(train)} training examples: needs at least 2")
    centre = mean_of(train)
    nearest, to_sample = nearest_in_chunks(samples, train, centre)
    visited, place = torch.unique(nearest, return_inverse=True)
    _, to_train = nearest_in_chunks(train[visited], train, centre, own=visited)
    rounding = distance_rounding(samples, train[nearest], centre)
    return NearestTraining(to_sample, to_train[place], rounding)


def nearest_in_chunks(
    x: Float[Tensor, "n dim"],
    train: Float[Tensor, "m dim"],
    centre: Float[Tensor, " dim"],
    *,
    own: Int[Tensor, " n"] | None = None,
) -> tuple[Int[Tensor, " n"], Float[Tensor, " n"]]:
    """For each x the index of the nearest training example, and the squared distance to it, float64.

    centre: (D,) float64, subtracted from both. own: (N,) the index of x itself among the training examples, which is
    not its neighbour; None where x is not among them.
    """
    wide = x.double() - centre
    index = torch.zeros(len(x), dtype=torch.int64, device=x.device)
    distance = wide.new_full((len(x),), torch.inf)
    for start, chunk in _chunks(train):
        excepted = None if own is None else own - start
        at, least = nearest_neighbours(wide, chunk.double() - centre, own=excepted)
        closer = least < distance
        distance = torch.where(closer, least, distance)
        index = torch.where(closer, at + start, index)
    return index, distance


def mean_of(train: Float[Tensor, "m dim"]) -> Float[Tensor, " dim"]:
    """The mean, (D,) float64."""
    return torch.stack([chunk.sum(0, dtype=torch.float64) for _, chunk in _chunks(train)]).sum(0) / len(train)


def distance_rounding(
    x: Float[Tensor, "n dim"], y: Float[Tensor, "n dim"], centre: Float[Tensor, " dim"]
) -> Float[Tensor, " n"]:
    """The rounding error of the squared distance of each pair. Distances that differ by less count as equal."""
    norms = (x.double() - centre).square().sum(1) + (y.double() - centre).square().sum(1)
    return tie_slack(x.shape[1]) * norms


def _chunks(train: Tensor) -> Iterator[tuple[int, Tensor]]:
    rows = max(TILE, _CHUNK_NUMBERS // max(1, train.shape[1]))
    for start in range(0, len(train), rows):
        yield start, train[start : start + rows]
