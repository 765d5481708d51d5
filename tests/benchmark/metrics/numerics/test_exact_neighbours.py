"""Screening in float32 settles nothing wrongly: against all distances in float64, on sets made to mislead it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from genbench.metrics.numerics import exact_neighbours as screening
from genbench.metrics.numerics.exact_neighbours import balls, centred_sets, kth_neighbour_radii

K = 3


def draw(count: int, dim: int, seed: int) -> Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


def on_a_sphere(count: int, seed: int) -> Tensor:
    x = draw(count, 64, seed)
    return x / x.norm(dim=1, keepdim=True) * 1000


def an_outlier(x: Tensor, factor: float) -> Tensor:
    return torch.cat([x[:-1], x[-1:] * factor])


CASES = {
    "ordinary": (draw(1500, 40, 0), draw(1100, 40, 1)),
    "one panel": (draw(30, 5, 0), draw(9, 5, 1)),
    "nearly the same distances": (on_a_sphere(300, 0), on_a_sphere(200, 1)),
    "close together, far from the centre": (draw(300, 4, 0) * 1e-3 + 5, draw(300, 4, 1) * 1e-3 - 5),
    "an outlier": (an_outlier(draw(300, 8, 0), 1e5), draw(300, 8, 1)),
    "squares overflow float32": (draw(100, 8, 0) * 1e25, draw(100, 8, 1) * 1e25),
    "squares underflow float32": (draw(100, 8, 0) * 1e-25, draw(100, 8, 1) * 1e-25),
    "integers with ties": (draw(300, 3, 0).round(), draw(300, 3, 1).round()),
    "float64 beside float32": (draw(300, 8, 0).double() + 1 / 3, draw(300, 8, 1)),
    "copies": (draw(20, 8, 0).repeat(20, 1), draw(20, 8, 0).repeat(9, 1)),
}


def all_squared(x: Tensor, y: Tensor) -> Tensor:
    return torch.cdist(x.double(), y.double(), compute_mode="donot_use_mm_for_euclid_dist").square()


@pytest.mark.parametrize("precision", ["highest", "medium"])
@pytest.mark.parametrize("case", CASES)
def test_as_if_all_were_float64(case: str, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # as if products came in bfloat16, when nothing can be settled by them
    monkeypatch.setattr(screening.torch, "get_float32_matmul_precision", lambda: precision)
    x, y = CASES[case]
    a, b = centred_sets(x, y)
    x_radii, y_radii = kth_neighbour_radii(a, K), kth_neighbour_radii(b, K)
    for found, z in ((x_radii, x), (y_radii, y)):
        squared = all_squared(z, z).fill_diagonal_(torch.inf)
        expected = squared.kthvalue(K, dim=1).values
        scale = float(z.double().sub(y.double().mean(0)).square().sum(1).max())
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-13 * scale)
    within_x = torch.zeros(len(x), len(y), dtype=torch.bool)
    within_y = within_x.clone()
    for tile in balls(a, b, x_radii, y_radii):
        within_x[tile.rows, tile.columns] = tile.within_x
        within_y[tile.rows, tile.columns] = tile.within_y
    squared = all_squared(x, y)
    slack = 1e-12 * (squared + a.norms[:, None] + b.norms)
    for within, radii in ((within_x, x_radii[:, None]), (within_y, y_radii)):
        assert within[squared <= radii - slack].all()
        assert not within[squared > radii + slack].any()
        if case in ("integers with ties", "copies"):
            assert within[squared <= radii + slack].all()  # the rim belongs to the ball


def test_few_pairs_are_looked_at_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes it fast: float32 settles nearly everything of ordinary features."""
    looked_at: list[int] = []
    exact_pairs = screening._exact_pairs

    def counted(x: object, y: object, i: Tensor, j: Tensor) -> Tensor:
        looked_at.append(len(i))
        return exact_pairs(x, y, i, j)  # type: ignore[arg-type]

    def refused(*arguments: object) -> Tensor:
        raise AssertionError("a tile in float64")

    monkeypatch.setattr(screening, "_exact_pairs", counted)
    monkeypatch.setattr(screening, "_exact_tile", refused)
    a, b = centred_sets(draw(1000, 64, 0), draw(1000, 64, 1))
    radii = kth_neighbour_radii(a, K), kth_neighbour_radii(b, K)
    of_radii = sum(looked_at)
    assert 2 * 1000 <= of_radii < 2 * 1000 * 1.5
    assert sum(1 for _ in balls(a, b, *radii)) == 1
    assert sum(looked_at) - of_radii < 200
