"""C_T: its parts against scipy, loops and simulation; its sign on copies, real data and noise."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from genbench.metrics.memorisation.data_copying import (
    MIN_SAMPLES_PER_CELL,
    cells_for,
    cells_of,
    data_copying,
    fit_cells,
    mann_whitney,
)


def draw(count: int, dim: int, seed: int) -> Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=60, deadline=None)
@given(m=st.integers(1, 30), n=st.integers(1, 30), values=st.integers(2, 50), seed=st.integers(0, 1000))
def test_z_equals_scipy_with_ties(m: int, n: int, values: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(values, size=m).astype(float), rng.integers(values, size=n).astype(float)
    found = mann_whitney(torch.tensor(x), torch.tensor(y))
    if len({*x, *y}) == 1:
        assert found.z == 0
        return
    theirs = scipy.stats.mannwhitneyu(x, y, use_continuity=False, alternative="less", method="asymptotic")
    assert float(scipy.stats.norm.cdf(float(found.z))) == pytest.approx(theirs.pvalue, abs=1e-9)


def test_variance_of_z_is_what_repetition_shows() -> None:
    """Samples that differ from the held-out ones: there the variance is not 1."""
    found = [mann_whitney(draw(60, 1, 2 * i)[:, 0] - 1.0, draw(80, 1, 2 * i + 1)[:, 0]) for i in range(200)]
    zs = torch.stack([each.z for each in found])
    assert float(torch.stack([each.variance for each in found]).mean()) == pytest.approx(
        float(zs.var()), rel=0.2
    )
    assert float(zs.var()) < 0.8


def test_cells_separate_what_lies_apart() -> None:
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    x = torch.cat([draw(100, 2, i) * 0.1 + centre for i, centre in enumerate(centres)])
    found = fit_cells(x, 3, generator())
    assert (
        torch.allclose(found[found.sum(1).argsort()], x.double().view(3, 100, 2).mean(1), atol=1e-6)
        or len(found) == 3
    )
    owner = cells_of(x, found).view(3, 100)
    assert all(len(row.unique()) == 1 for row in owner)
    assert len(owner[:, 0].unique()) == 3


def test_no_more_cells_than_different_examples() -> None:
    assert len(fit_cells(torch.ones(30, 2), 5, generator())) == 1
    assert len(fit_cells(torch.tensor([[0.0], [1.0]]).repeat(20, 1), 5, generator())) == 2


def test_equals_loops_over_cells() -> None:
    train, held_out, samples = draw(300, 3, 0), draw(200, 3, 1), draw(150, 3, 2) * 0.9
    centres = fit_cells(train, 4, generator())
    parts = {name: x.double().numpy() for name, x in (("t", train), ("h", held_out), ("s", samples))}
    centre = centres.numpy()
    cells = {n: ((x[:, None] - centre[None]) ** 2).sum(-1).argmin(1) for n, x in parts.items()}
    total, weight = 0.0, 0
    for cell in range(4):
        t, h, s = (parts[name][cells[name] == cell] for name in "ths")
        if len(s) < MIN_SAMPLES_PER_CELL:
            continue
        dh, ds = (((x[:, None] - t[None]) ** 2).sum(-1).min(1) for x in (h, s))
        u = sum((b > a) + 0.5 * (b == a) for a in dh for b in ds)
        m, n = len(ds), len(dh)
        total += n * (u - m * n / 2) / (m * n * (m + n + 1) / 12) ** 0.5
        weight += n
    assert float(data_copying(samples, held_out, train, centres).value) == pytest.approx(
        total / weight, rel=1e-6
    )


def test_sign_and_false_alarms() -> None:
    """Copies far below 0, real data within its standard error of 0, noise far above; 20 repetitions."""
    excesses = []
    for i in range(20):
        train, held_out, fresh = draw(500, 5, 3 * i), draw(300, 5, 3 * i + 1), draw(300, 5, 3 * i + 2)
        centres = fit_cells(train, cells_for(300), generator())
        found = data_copying(fresh, held_out, train, centres)
        excesses.append(float(found.value / found.stderr))
    assert np.mean(np.abs(excesses) > 3) <= 0.05
    assert np.std(excesses) == pytest.approx(1.0, abs=0.4)
    assert data_copying(train[:300], held_out, train, centres).value < -6
    assert data_copying(train[:300] + 0.05 * fresh, held_out, train, centres).value < -5
    assert data_copying(3 * fresh, held_out, train, centres).value > 5


def test_cells_without_samples_do_not_count() -> None:
    train = torch.cat([draw(100, 2, 0), draw(100, 2, 1) + 50])
    held_out, samples = torch.cat([draw(50, 2, 2), draw(50, 2, 3) + 50]), draw(60, 2, 4)
    found = data_copying(samples, held_out, train, fit_cells(train, 2, generator()))
    assert found.cells == (1, 2)
    nothing = data_copying(samples[:5], held_out, train, fit_cells(train, 2, generator()))
    assert nothing.cells == (0, 2)
    assert nothing.value.isnan()


def test_where_all_distances_are_equal_z_is_0() -> None:
    examples = torch.tensor([[0.0], [1.0]]).repeat(50, 1)
    found = data_copying(examples, examples, examples, fit_cells(examples, 2, generator()))
    assert (float(found.value), float(found.stderr)) == (0.0, 0.0)
