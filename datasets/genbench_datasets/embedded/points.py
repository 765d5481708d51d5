"""Points in the plane, drawn from known densities."""

from __future__ import annotations

import torch

from genbench import Dataset, DataSpec, Split, Truth
from genbench_datasets.embedded.densities import (
    Checkerboard,
    GaussianMixture,
    TwoMoons,
    grid_of_gaussians,
    ring_of_gaussians,
)

# As many to validate and to test as the metric that ranks points takes, so that held-out points have as many.
_SIZES = (10_000, 10_000, 10_000)


def ring8_truth() -> GaussianMixture:
    return ring_of_gaussians(8, radius=1.0, scale=0.01)


def ring8() -> Dataset:
    return _drawn("ring8", ring8_truth())


def grid25_truth() -> GaussianMixture:
    return grid_of_gaussians((-4.0, -2.0, 0.0, 2.0, 4.0), scale=0.05)


def grid25() -> Dataset:
    return _drawn("grid25", grid25_truth())


def two_moons_truth() -> TwoMoons:
    return TwoMoons(scale=0.1)


def two_moons() -> Dataset:
    return _drawn("two-moons", two_moons_truth())


def checkerboard_truth() -> Checkerboard:
    return Checkerboard()


def checkerboard() -> Dataset:
    return _drawn("checkerboard", checkerboard_truth())


def _drawn(name: str, truth: Truth) -> Dataset:
    """Splits of independent draws, with seeds 0, 1 and 2."""
    spec = DataSpec(name=name, modality="points", event_shape=(2,))
    train, valid, test = (
        Split(spec, truth.sample(size, torch.Generator().manual_seed(seed)))
        for seed, size in enumerate(_SIZES)
    )
    return Dataset(spec, train, valid, test, truth)
