"""Squared Euclidean distances between two large sets, a tile at a time: memory linear in N.

All in float64 and centred, so that |x|² + |y|² - 2x·y loses nothing that the float32 features had. The
norms travel as extra columns of the operands (and so can any per-row offset), which makes a tile of
distances, or of distances less a squared radius, one matrix product.

Ties. What is left of rounding is at most about (D + 8) machine epsilons of |x|² + |y|²: distances closer
together than that are equal as far as anyone can tell. Where metrics count ties, they subtract this slack,
so that an example is always within reach of its own copy.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

# Rows and columns of a tile: 8 MB in float64, large enough for the matrix product, small enough for caches.
TILE = 1024


def tie_slack(dimension: int) -> float:
    """The rounding error of a squared distance, relative to |x|² + |y|²."""
    return (dimension + 8) * torch.finfo(torch.float64).eps


def centred(
    x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]
) -> tuple[Float[Tensor, "n dim"], Float[Tensor, "m dim"]]:
    """Both in float64, moved so that the mean of `y` is 0: distances stay, rounding errors shrink."""
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
    """(rows, columns, left[rows] @ right[columns].T) over the whole matrix; `upper` leaves out the tiles
    below the diagonal. Tiles share one buffer: use each before the next."""
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
    """For each x the index of the nearest y, and the squared distance to it. Both float64, centred.

    own: (N,) where x is itself among the ys: an index that does not count as its neighbour.
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
