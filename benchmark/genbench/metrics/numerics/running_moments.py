"""Count, mean and scatter of examples that come in batches, merged without loss of digits.

    n = n_a + n_b,   δ = μ_b - μ_a,   μ = μ_a + δ n_b / n,   S = S_a + S_b + δ δᵀ n_a n_b / n

(Chan, Golub and LeVeque 1983). S is the sum of (x - μ)(x - μ)ᵀ. The sum of x xᵀ, from which n μ μᵀ would be subtracted,
loses all digits of the covariance where the mean is far from 0.

All three are kept in one matrix, so that a process can hand them to another as one tensor: the count at the top left,
the mean beside it, the scatter below.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float64, Shaped
from torch import Tensor

Packed = Float64[Tensor, "dim1 dim1"]


@dataclass(frozen=True)
class Moments:
    """What is known of the examples so far."""

    count: int
    """Number of examples."""
    mean: Float64[Tensor, " dim"]
    """Mean; 0 where there are no examples."""
    scatter: Float64[Tensor, "dim dim"]
    """Sum of (x - mean)(x - mean)ᵀ."""


def no_examples(dimension: int) -> Packed:
    """The moments of no examples of that many numbers."""
    return torch.zeros(dimension + 1, dimension + 1, dtype=torch.float64)


def moments_of(batch: Shaped[Tensor, "n dim"]) -> Packed:
    """The moments of one batch, which may be empty."""
    packed = no_examples(batch.shape[1]).to(batch.device)
    if len(batch):
        # about the first example: the sum of values that are far from 0 would lose digits of the mean
        wide = batch.double() - batch[0].double()
        centre = wide.mean(0)
        wide = wide - centre
        packed[0, 0], packed[0, 1:], packed[1:, 1:] = len(batch), centre + batch[0].double(), wide.T @ wide
    return packed


def merged(several: Float64[Tensor, "parts dim1 dim1"]) -> Packed:
    """The moments of all examples, from those of each part."""
    whole: Tensor = several[0].clone()
    for part in several[1:]:
        count, other = whole[0, 0].clone(), part[0, 0]
        total = count + other
        if total > 0:
            apart = part[0, 1:] - whole[0, 1:]
            whole[0, 0] = total
            whole[0, 1:] += apart * (other / total)
            whole[1:, 1:] += part[1:, 1:] + torch.outer(apart, apart) * (count * other / total)
    return whole


def unpacked(packed: Packed) -> Moments:
    """The parts of the matrix."""
    return Moments(int(packed[0, 0]), packed[0, 1:], packed[1:, 1:])
