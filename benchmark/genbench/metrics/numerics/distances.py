"""Squared Euclidean distances between two large sets, a tile at a time, so that memory is linear in N.

Examples are centred and in float64, so that |x|² + |y|² - 2x·y is as exact as the float32 features. The norms are extra
columns of the operands, which makes a tile of distances one matrix product.

Ties: the rounding error is at most about (D + 8) machine epsilons of |x|² + |y|², and distances that differ by less
count as equal. Metrics that count ties subtract this slack, so that a copy is always within any distance of its
original.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

TILE = 1024
"""Rows and columns of a tile: 8 MB in float64, large enough for the matrix product and small enough for caches."""


def tie_slack(dimension: int) -> float:
    """The rounding error of a squared distance, relative to |x|² + |y|²."""
    return (dimension + 8) * torch.finfo(torch.float64).eps


def centred(
    x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]
) -> tuple[Float[Tensor, "n dim"], Float[Tensor, "m dim"]]:
    """Both in float64, less the mean of y, which makes rounding errors of distances smaller."""
    wide = y.double()
    mean = wide.mean(0)
    return x.double() - mean, wide - mean


def left_operand(x: Float[Tensor, "n dim"]) -> Float[Tensor, "n columns"]:
    """Rows whose product with `right_operand(y)` is |x - y|²."""
    norms = x.square().sum(1)
    return torch.cat([-2 * x, norms[:, None], torch.ones_like(norms)[:, None]], dim=1)


def right_operand(y: Float[Tensor, "m dim"]) -> Float[Tensor, "m columns"]:
    """See `left_operand`."""
    norms = y.square().sum(1)
    return torch.cat([y, torch.ones_like(norms)[:, None], norms[:, None]], dim=1)


def tiles(
    left: Float[Tensor, "n columns"], right: Float[Tensor, "m columns"], *, upper: bool = False
) -> Iterator[tuple[slice, slice, Float[Tensor, "rows cols"]]]:
    """(rows, columns, left[rows] @ right[columns].T) for all tiles of the matrix.

    upper: leave out the tiles below the diagonal. All tiles share one buffer, so that each must be used before the
    next.
    """
    buffer = left.new_empty(TILE * TILE)
    for top in range(0, len(left), TILE):
        rows = slice(top, min(top + TILE, len(left)))
        for start in range(top if upper else 0, len(right), TILE):
            columns = slice(start, min(start + TILE, len(right)))
            shape = rows.stop - rows.start, columns.stop - columns.start
            tile = buffer[: shape[0] * shape[1]].view(shape)
            torch.mm(left[rows], right[columns].T, out=tile)
            yield rows, columns, tile


def nearest_neighbours(
    x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"], *, own: Int[Tensor, " n"] | None = None
) -> tuple[Int[Tensor, " n"], Float[Tensor, " n"]]:
    """For each x the index of the nearest y, and the squared distance to it. Both sets are centred and in float64.

    own: (N,) the index of x itself among the ys, which is not its neighbour; None where x is not among them.
    """
    index = torch.zeros(len(x), dtype=torch.int64, device=x.device)
    distance = x.new_full((len(x),), torch.inf)
    for rows, columns, tile in tiles(left_operand(x), right_operand(y)):
        if own is not None:
            column = own[rows] - columns.start
            (row,) = ((column >= 0) & (column < tile.shape[1])).nonzero(as_tuple=True)
            tile[row, column[row]] = torch.inf
        least, at = tile.min(1)
        closer = least < distance[rows]
        distance[rows] = torch.where(closer, least, distance[rows])
        index[rows] = torch.where(closer, at + columns.start, index[rows])
    return index, distance.clamp_min_(0.0)
