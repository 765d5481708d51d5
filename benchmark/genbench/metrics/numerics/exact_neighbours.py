"""Exact comparisons of squared distances between large sets, at about the cost of float32.

A tile of distances is one float32 matrix product, which takes half the memory and a half to a quarter of the time of
float64. (On a CPU oneDNN computes it, which uses the full vector width of every manufacturer's processors.) The largest
possible rounding error is subtracted, so that the tile holds *lower bounds*. Most comparisons are decided by the
bounds. The distances of the few undecided pairs are computed in float64, from the differences of their features. So
all results are those of float64, for any features; where float32 decides little, they only take longer.

The bound: |fl(x·y) - x·y| <= D u |x||y| for a product of D terms in any order, with the unit roundoff u (Higham 2002,
section 3.1), and 2|x||y| <= |x|² + |y|². With the rounding errors of the features, the norms and the sums, the error is
less than (D + 16) u (|x|² + |y|²). This is a share of the norms, so that it is subtracted from the norms.

Sets are centred and converted a panel at a time, so that hardly any memory is needed besides the features.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor
from torch.nn.functional import linear

from genbench.metrics.numerics.distances import TILE, tie_slack

# Candidates beyond the k-th, by lower bounds, so that the true k-th neighbour is seldom missed.
_SPARE = 4
# If more than this share of a tile's pairs is undecided, a float64 product is faster than single pairs.
_PAIR_SHARE = 1 / 256
# Examples whose float64 squares are summed at a time, few enough to stay in the processor's cache.
_NORM_ROWS = 128
# Float64 numbers of single pairs that are gathered at a time: 2 MB, which stay in the processor's cache.
_HELD = 2**18
# Squared norms outside this range would overflow or underflow in float32 products.
_SMALLEST, _LARGEST = 1e-25, 1e30
# Unit roundoff of float32 products, by `torch.get_float32_matmul_precision` (at worst bfloat16).
_UNIT = {"highest": 2.0**-24, "high": 2.0**-11, "medium": 2.0**-8}


@dataclass(frozen=True)
class CentredSet:
    """A set of features and a centre, which is subtracted from them when they are used."""

    x: Shaped[Tensor, "n dim"]
    """Features, float32 or float64, not centred."""
    centre: Shaped[Tensor, " dim"]
    """The centre, in the type of the features."""
    norms: Float[Tensor, " n"]
    """Squared norms of the centred features, float64."""

    def __len__(self) -> int:
        return len(self.x)

    @property
    def dimension(self) -> int:
        """D."""
        return self.x.shape[1]

    def single(self, rows: slice) -> Float[Tensor, "rows dim"]:
        """Rows of the centred features, float32."""
        return (self.x[rows] - self.centre).float()

    def double(self, rows: slice | Int[Tensor, " rows"]) -> Float[Tensor, "rows dim"]:
        """Rows of the centred features, float64."""
        return self.x[rows].double() - self.centre.double()


def centred_sets(*sets: Float[Tensor, "_ dim"]) -> tuple[CentredSet, ...]:
    """The sets, centred at the mean of the last of them."""
    last = sets[-1]
    total = torch.zeros(last.shape[1], dtype=torch.float64, device=last.device)
    for start in range(0, len(last), TILE):
        total += last[start : start + TILE].double().sum(0)
    mean = total / max(1, len(last))
    if any(x.dtype != torch.float64 for x in sets):
        mean = mean.float()  # so that sets of different types have exactly the same centre
    return tuple(_seen_from(mean.to(x.dtype), x) for x in sets)


def _seen_from(centre: Tensor, x: Tensor) -> CentredSet:
    norms = x.new_empty(len(x), dtype=torch.float64)
    seen = CentredSet(x, centre, norms)
    for rows in _panels(len(x), _NORM_ROWS):
        norms[rows] = seen.double(rows).square_().sum(1)
    return seen


def _panels(count: int, size: int = TILE) -> Iterator[slice]:
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def _share(x: CentredSet, y: CentredSet) -> float:
    """The largest error of float32 products, as a share of |x|² + |y|²; infinite where they would overflow."""
    largest = max(float(x.norms.max()), float(y.norms.max()))
    if not _SMALLEST < largest < _LARGEST:
        return torch.inf
    return (x.dimension + 16) * _UNIT[torch.get_float32_matmul_precision()]


def _lower_bounds(
    x: CentredSet, y: CentredSet, share: float, *, upper: bool = False
) -> Iterator[tuple[slice, slice, Float[Tensor, "rows cols"]]]:
    """(rows, columns, tile) for all tiles. No number is greater than the squared distance, or less than it by more than
    2 share (|x|² + |y|²). upper: leave out the tiles below the diagonal."""
    kept = 1 - share
    x_norms, y_norms = (x.norms * kept).float(), (y.norms * kept).float()
    for rows in _panels(len(x)):
        left = _operand(x.single(rows).mul_(-2))
        for columns in _panels(len(y)):
            if upper and columns.start < rows.start:
                continue
            tile = linear(left, _operand(y.single(columns)), y_norms[columns])
            if tile.is_mkldnn:
                tile = tile.to_dense()
            yield rows, columns, tile.add_(x_norms[rows, None])


def _operand(x: Float[Tensor, "rows dim"]) -> Tensor:
    """An operand of a product by oneDNN where torch has it, else x itself. MKL, which torch uses on a CPU, uses half
    the vector width on processors that are not Intel's."""
    if x.device.type == "cpu" and torch.backends.mkldnn.is_available() and x.numel() > 0:
        return x.to_mkldnn()
    return x


def _exact_tile(
    x: CentredSet, y: CentredSet, rows: slice | Tensor, columns: slice
) -> Float[Tensor, "rows cols"]:
    """Squared distances of a tile, by a float64 product."""
    products = x.double(rows) @ y.double(columns).T
    return x.norms[rows][:, None] + y.norms[columns] - 2 * products


def _exact_pairs(
    x: CentredSet, y: CentredSet, i: Int[Tensor, " pairs"], j: Int[Tensor, " pairs"]
) -> Float[Tensor, " pairs"]:
    """Squared distances of single pairs, from the differences of their features."""
    chunk = max(1, _HELD // x.dimension)
    parts = [
        (x.x[some].double() - y.x[other].double()).square_().sum(1)
        for some, other in zip(i.split(chunk), j.split(chunk), strict=True)
    ]
    return torch.cat(parts) if parts else x.norms.new_empty(0)


# ---- the k-th nearest neighbour


def kth_neighbour_radii(x: CentredSet, k: int) -> Float[Tensor, " n"]:
    """The squared distance from each example to its k-th nearest other one, float64. Copies of an example count as
    others.

    Raises ValueError where there are fewer than k others.
    """
    count = len(x)
    if count <= k:
        raise ValueError(f"the {k}-th neighbour among {count} examples: needs at least {k + 1}")
    radii = x.norms.new_full((count,), torch.inf)
    unsure = torch.arange(count, device=radii.device)
    share = _share(x, x)
    if share < 1:
        candidates, bounds = _candidates(x, min(k + _SPARE, count - 1), share)
        radii = _kth_of_candidates(x, k, candidates, bounds, share)
        # an example that is no candidate is at least as far as the greatest lower bound of the candidates; where every
        # other example is a candidate there is none
        if candidates.shape[1] < count - 1:
            unsure = (radii > bounds.amax(1)).nonzero()[:, 0]
        else:
            unsure = unsure[:0]
    for some in unsure.split(TILE) if len(unsure) else ():
        radii[some] = _kth_by_products(x, some, k)
    return radii


def _kth_of_candidates(
    x: CentredSet,
    k: int,
    candidates: Int[Tensor, "n kept"],
    bounds: Float[Tensor, "n kept"],
    share: float,
) -> Float[Tensor, " n"]:
    """The k-th smallest squared distance from each example to its candidates. It lies between the k-th smallest lower
    bound and the k-th smallest upper bound, so that only candidates that may lie there are computed exactly."""
    upper = bounds + 2 * share * (x.norms[:, None] + x.norms[candidates])
    nearer = upper < bounds.kthvalue(k, dim=1, keepdim=True).values
    farther = bounds > upper.kthvalue(k, dim=1, keepdim=True).values
    squared = torch.zeros_like(bounds).masked_fill_(farther, torch.inf)
    i, at = (~(nearer | farther)).nonzero(as_tuple=True)
    squared[i, at] = _exact_pairs(x, x, i, candidates[i, at])
    return squared.kthvalue(k, dim=1).values


def _candidates(
    x: CentredSet, kept: int, share: float
) -> tuple[Int[Tensor, "n kept"], Float[Tensor, "n kept"]]:
    """For each example the `kept` others with the smallest lower bounds, and these bounds, in float64."""
    bounds = x.norms.new_full((len(x), kept), torch.inf, dtype=torch.float32)
    index = torch.zeros(len(x), kept, dtype=torch.int64, device=bounds.device)

    def update(rows: slice, tile: Tensor, first: int) -> None:
        found, at = tile.topk(min(kept, tile.shape[1]), dim=1, largest=False, sorted=False)
        both, where = torch.cat([bounds[rows], found], 1), torch.cat([index[rows], at + first], 1)
        bounds[rows], chosen = both.topk(kept, dim=1, largest=False, sorted=False)
        index[rows] = where.gather(1, chosen)

    for rows, columns, tile in _lower_bounds(x, x, share, upper=True):
        if rows == columns:
            tile.fill_diagonal_(torch.inf)
        else:
            update(columns, tile.T.contiguous(), rows.start)
        update(rows, tile, columns.start)
    return index, bounds.double()


def _kth_by_products(x: CentredSet, rows: Int[Tensor, " rows"], k: int) -> Float[Tensor, " rows"]:
    nearest = x.norms.new_full((len(rows), k), torch.inf)
    for columns in _panels(len(x)):
        tile = _exact_tile(x, x, rows, columns)
        inside = ((rows >= columns.start) & (rows < columns.stop)).nonzero()[:, 0]
        tile[inside, rows[inside] - columns.start] = torch.inf
        found = tile.topk(min(k, tile.shape[1]), dim=1, largest=False, sorted=False).values
        nearest = torch.cat([nearest, found], 1).topk(k, dim=1, largest=False, sorted=False).values
    return nearest.amax(1).clamp_min_(0.0)


# ---- which examples lie within which balls


@dataclass(frozen=True)
class WithinTile:
    """Which examples of a tile lie within which balls."""

    rows: slice
    """The xs of the tile."""
    columns: slice
    """The ys of the tile."""
    within_x: Bool[Tensor, "rows cols"]
    """Whether y lies in the ball around x."""
    within_y: Bool[Tensor, "rows cols"]
    """Whether x lies in the ball around y."""


def balls(
    x: CentredSet, y: CentredSet, x_radii: Float[Tensor, " n"], y_radii: Float[Tensor, " m"]
) -> Iterator[WithinTile]:
    """Which ys lie in the balls around the xs, and which xs in those around the ys. Radii are squared, float64. The
    surface belongs to the ball, up to `tie_slack`."""
    share = _share(x, y)
    if share >= 1:
        for rows in _panels(len(x)):
            for columns in _panels(len(y)):
                tile = _exact_tile(x, y, rows, columns)
                yield WithinTile(rows, columns, *_compared(tile, x, y, x_radii, y_radii, rows, columns))
        return
    # a lower bound above `far` is outside, and one below `near` inside, even for the partner with the widest bound
    x_far, y_far = _rounded(x_radii, 1), _rounded(y_radii, 1)
    for rows, columns, tile in _lower_bounds(x, y, share):
        x_width, y_width = 2 * share * x.norms[rows], 2 * share * y.norms[columns]
        x_near = _rounded(x_radii[rows] - x_width - y_width.max(), -1)[:, None]
        y_near = _rounded(y_radii[columns] - y_width - x_width.max(), -1)
        within_x, within_y = tile <= x_near, tile <= y_near
        unsure = ((tile <= x_far[rows, None]) ^ within_x) | ((tile <= y_far[columns]) ^ within_y)
        if int(unsure.sum()) > _PAIR_SHARE * tile.numel():
            exact = _exact_tile(x, y, rows, columns)
            within_x, within_y = _compared(exact, x, y, x_radii, y_radii, rows, columns)
        else:
            i, j = unsure.nonzero(as_tuple=True)
            squared = _exact_pairs(x, y, i + rows.start, j + columns.start)
            squared -= tie_slack(x.dimension) * (x.norms[rows][i] + y.norms[columns][j])
            within_x[i, j] = squared <= x_radii[rows][i]
            within_y[i, j] = squared <= y_radii[columns][j]
        yield WithinTile(rows, columns, within_x, within_y)


def _compared(
    tile: Tensor,
    x: CentredSet,
    y: CentredSet,
    x_radii: Tensor,
    y_radii: Tensor,
    rows: slice,
    columns: slice,
) -> tuple[Tensor, Tensor]:
    tile -= tie_slack(x.dimension) * (x.norms[rows][:, None] + y.norms[columns])
    return tile <= x_radii[rows][:, None], tile <= y_radii[columns]


def _rounded(value: Float[Tensor, " n"], direction: int) -> Float[Tensor, " n"]:
    """The values in float32, rounded upwards (direction 1) or downwards (-1)."""
    return (value + direction * (4 * _UNIT["highest"] * value.abs() + 1e-37)).float()
